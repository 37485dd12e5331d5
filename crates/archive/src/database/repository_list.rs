//! Repositories for people who look for one: in pages, however many there are.

use bucketload_model::{ImportId, RepositoryName, RepositoryUuid, WorkspaceSlug};
use chrono::{DateTime, Utc};

use super::imports::inconsistent;
use super::queue::pattern;
use super::sql::{StatementBuilder, statement};
use super::{Archive, DatabaseError, time, unsigned};

/// Which repositories.
#[derive(Debug, Clone, Default)]
pub struct RepositoryFilter {
    /// In this workspace; `None` for all.
    pub workspace: Option<WorkspaceSlug>,
    /// With this in `workspace/slug`, whatever the case of letters.
    pub text: Option<String>,
    /// Behind this one, in the order of names: where the page before ended.
    pub after: Option<RepositoryName>,
    /// At most so many.
    pub limit: u32,
}

/// A repository in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RepositoryEntry {
    /// Its name in addresses.
    pub name: RepositoryName,
    /// The import that was asked for last. None where all is from an export.
    pub latest_import: Option<ImportId>,
    /// When an import last came to its end.
    pub imported_at: Option<DateTime<Utc>>,
    /// When all was last found right.
    pub proven_at: Option<DateTime<Utc>>,
}

/// How many there are, and how large they are together.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Amount {
    /// How many.
    pub objects: u64,
    /// Their bytes.
    pub bytes: u64,
}

type Row = (String, String, Option<String>, Option<i64>, Option<i64>);

fn entry(
    (workspace, slug, latest, imported, proven): Row,
) -> Result<RepositoryEntry, DatabaseError> {
    let wrong = |column, value: &str| inconsistent("repositories", column, value);
    let import = |id: String| id.parse().map_err(|_| inconsistent("imports", "id", &id));
    Ok(RepositoryEntry {
        name: RepositoryName {
            workspace: workspace
                .parse()
                .map_err(|_| wrong("workspace", &workspace))?,
            slug: slug.parse().map_err(|_| wrong("slug", &slug))?,
        },
        latest_import: latest.map(import).transpose()?,
        imported_at: imported.map(time),
        proven_at: proven.map(time),
    })
}

impl Archive {
    /// A page of repositories, by name. Two that had the same name one after the other are
    /// one entry, that of the one imported last.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn repository_page(
        &self,
        filter: &RepositoryFilter,
    ) -> Result<Vec<RepositoryEntry>, DatabaseError> {
        // The page is cut first: what follows is looked up for its lines alone.
        let mut select = StatementBuilder::new(
            "select page.workspace, page.slug,
                 (select max(id) from imports
                  where imports.workspace = page.workspace and imports.slug = page.slug),
                 (select max(finished_at_ms) from imports
                  where imports.workspace = page.workspace and imports.slug = page.slug
                      and state in ('complete', 'complete_with_gaps')),
                 (select proven_at_ms from proofs where repository_uuid = coalesce(
                     (select repository_uuid from imports
                      where imports.workspace = page.workspace and imports.slug = page.slug
                          and repository_uuid is not null
                      order by id desc limit 1),
                     (select min(uuid) from repositories
                      where repositories.workspace = page.workspace
                          and repositories.slug = page.slug)))
             from (select distinct workspace, slug from repositories where 1 = 1",
        );
        if let Some(workspace) = &filter.workspace {
            select
                .push(" and workspace = ")
                .push_bind(workspace.as_str());
        }
        if let Some(text) = &filter.text {
            select
                .push(" and lower(workspace || '/' || slug) like ")
                .push_bind(pattern(text))
                .push(" escape '!'");
        }
        if let Some(after) = &filter.after {
            select
                .push(" and (workspace, slug) > (")
                .push_bind(after.workspace.as_str())
                .push(", ")
                .push_bind(after.slug.as_str())
                .push(")");
        }
        select
            .push(" order by workspace, slug limit ")
            .push_bind(i64::from(filter.limit))
            .push(") as page order by page.workspace, page.slug");
        let rows: Vec<Row> = select.build().fetch_all(&self.reader).await?;
        rows.into_iter().map(entry).collect()
    }

    /// The workspaces of which something is in the archive, by name.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn workspaces(&self) -> Result<Vec<String>, DatabaseError> {
        statement("select distinct workspace from repositories order by workspace")
            .fetch_all_scalars(&self.reader)
            .await
    }

    /// The large files (git LFS) of a repository that are there.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn lfs_amount(&self, repository: &RepositoryUuid) -> Result<Amount, DatabaseError> {
        self.amount(
            repository,
            "select count(*), cast(coalesce(sum(size_bytes), 0) as bigint)
             from lfs_objects where repository_uuid = $1 and is_stored = 1",
        )
        .await
    }

    /// The files of a repository's issues that are there; the same file twice counts twice.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn attachment_amount(
        &self,
        repository: &RepositoryUuid,
    ) -> Result<Amount, DatabaseError> {
        self.amount(
            repository,
            "select count(*), cast(coalesce(sum(size_bytes), 0) as bigint)
             from issue_attachments join blobs on sha256 = blob_sha256
             where repository_uuid = $1",
        )
        .await
    }

    async fn amount(
        &self,
        repository: &RepositoryUuid,
        select: &'static str,
    ) -> Result<Amount, DatabaseError> {
        let (objects, bytes): (i64, i64) = statement(select)
            .bind(repository.as_str())
            .fetch_one(&self.reader)
            .await?;
        Ok(Amount {
            objects: unsigned(objects),
            bytes: unsigned(bytes),
        })
    }
}
