//! Repositories.

use bucketload_model::{RepositoryName, RepositoryUuid};

use super::sql::statement;
use super::{Archive, DatabaseError, Stored, Transaction};

/// A repository to store.
#[derive(Debug, Clone, Copy)]
pub struct RepositoryRecord<'a> {
    /// Its permanent id.
    pub uuid: &'a RepositoryUuid,
    /// Its name in addresses.
    pub name: &'a RepositoryName,
    /// The name shown.
    pub display_name: Option<&'a str>,
    /// Its version control system.
    pub scm: Option<&'a str>,
    /// Whether it is private.
    pub is_private: Option<bool>,
    /// Its default branch.
    pub main_branch: Option<&'a str>,
    /// Its size.
    pub size_bytes: Option<i64>,
    /// When it last changed.
    pub updated_on: Option<&'a str>,
    /// As Bitbucket sent it.
    pub source: &'a str,
}

/// A repository in the archive.
#[derive(Debug, Clone)]
pub struct StoredRepository {
    /// Its permanent id.
    pub uuid: RepositoryUuid,
    /// Its name in addresses.
    pub name: RepositoryName,
    /// Its version control system.
    pub scm: Option<String>,
    /// Its default branch.
    pub main_branch: Option<String>,
    /// As Bitbucket sent it.
    pub source: String,
}

type Row = (
    String,
    String,
    String,
    Option<String>,
    Option<String>,
    String,
);

impl TryFrom<Row> for StoredRepository {
    type Error = DatabaseError;

    fn try_from(
        (uuid, workspace, slug, scm, main_branch, source): Row,
    ) -> Result<Self, Self::Error> {
        let inconsistent = |column, value: &str| DatabaseError::Inconsistent {
            table: "repositories",
            column,
            value: value.to_owned(),
        };
        Ok(Self {
            uuid: uuid.parse().map_err(|_| inconsistent("uuid", &uuid))?,
            name: RepositoryName {
                workspace: workspace
                    .parse()
                    .map_err(|_| inconsistent("workspace", &workspace))?,
                slug: slug.parse().map_err(|_| inconsistent("slug", &slug))?,
            },
            scm,
            main_branch,
            source,
        })
    }
}

impl Archive {
    /// Every repository, by name.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn repositories(&self) -> Result<Vec<StoredRepository>, DatabaseError> {
        let rows: Vec<Row> = statement(
            "select uuid, workspace, slug, scm, main_branch, source
             from repositories order by workspace, slug, uuid",
        )
        .fetch_all(&self.reader)
        .await?;
        rows.into_iter().map(TryInto::try_into).collect()
    }

    /// The repository of that name, if it is in the archive.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn repository(
        &self,
        name: &RepositoryName,
    ) -> Result<Option<StoredRepository>, DatabaseError> {
        // A name may have belonged to two repositories, one after the other: the
        // one imported last is meant.
        let row: Option<Row> = statement(
            "select uuid, workspace, slug, scm, main_branch, source
             from repositories where workspace = $1 and slug = $2
             order by (select max(id) from imports where repository_uuid = uuid) desc
                 nulls last
             limit 1",
        )
        .bind(name.workspace.as_str())
        .bind(name.slug.as_str())
        .fetch_optional(&self.reader)
        .await?;
        row.map(TryInto::try_into).transpose()
    }

    /// The name under which a repository is in the archive, if it is.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn repository_by_uuid(
        &self,
        uuid: &RepositoryUuid,
    ) -> Result<Option<StoredRepository>, DatabaseError> {
        let row: Option<Row> = statement(
            "select uuid, workspace, slug, scm, main_branch, source
             from repositories where uuid = $1",
        )
        .bind(uuid.as_str())
        .fetch_optional(&self.reader)
        .await?;
        row.map(TryInto::try_into).transpose()
    }
}

impl Transaction {
    /// Stores a repository; writes nothing if it is there as it is.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn put_repository(
        &mut self,
        record: &RepositoryRecord<'_>,
    ) -> Result<Stored, DatabaseError> {
        let known: i64 = statement("select count(*) from repositories where uuid = $1")
            .bind(record.uuid.as_str())
            .fetch_scalar(&mut self.inner)
            .await?;
        let written = statement(
            "insert into repositories (uuid, workspace, slug, name, scm, is_private, main_branch,
                 size_bytes, updated_on, source)
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
             on conflict (uuid) do update set
                 workspace = excluded.workspace, slug = excluded.slug, name = excluded.name,
                 scm = excluded.scm, is_private = excluded.is_private,
                 main_branch = excluded.main_branch, size_bytes = excluded.size_bytes,
                 updated_on = excluded.updated_on, source = excluded.source,
                 searched = 0
             where repositories.source <> excluded.source
                 or repositories.workspace <> excluded.workspace
                 or repositories.slug <> excluded.slug",
        )
        .bind(record.uuid.as_str())
        .bind(record.name.workspace.as_str())
        .bind(record.name.slug.as_str())
        .bind(record.display_name)
        .bind(record.scm)
        .bind(record.is_private.map(i64::from))
        .bind(record.main_branch)
        .bind(record.size_bytes)
        .bind(record.updated_on)
        .bind(record.source)
        .execute(&mut self.inner)
        .await?;
        Ok(if known == 0 {
            Stored {
                inserted: written,
                updated: 0,
            }
        } else {
            Stored {
                inserted: 0,
                updated: written,
            }
        })
    }
}
