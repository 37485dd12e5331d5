//! Wikis.

use bucketload_model::RepositoryUuid;

use super::sql::statement;
use super::{Archive, DatabaseError, Transaction, signed, unsigned};

/// Who gave a wiki.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WikiOrigin {
    /// Bitbucket itself.
    Bitbucket,
    /// A clone or bundle that somebody had kept.
    Copy,
}

/// A wiki that is in the archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StoredWiki {
    /// Who gave it last.
    pub origin: WikiOrigin,
    /// Its refs.
    pub refs: u64,
}

impl WikiOrigin {
    /// The name used in the database.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Bitbucket => "bitbucket",
            Self::Copy => "copy",
        }
    }

    fn parse(name: &str) -> Result<Self, DatabaseError> {
        [Self::Bitbucket, Self::Copy]
            .into_iter()
            .find(|origin| origin.name() == name)
            .ok_or_else(|| DatabaseError::Inconsistent {
                table: "wikis",
                column: "origin",
                value: name.to_owned(),
            })
    }
}

impl Archive {
    /// The wiki of a repository, if it is in the archive.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn wiki(
        &self,
        repository: &RepositoryUuid,
    ) -> Result<Option<StoredWiki>, DatabaseError> {
        let row: Option<(String, i64)> =
            statement("select origin, refs from wikis where repository_uuid = $1")
                .bind(repository.as_str())
                .fetch_optional(&self.reader)
                .await?;
        let wiki = |(origin, refs): (String, i64)| {
            Ok(StoredWiki {
                origin: WikiOrigin::parse(&origin)?,
                refs: unsigned(refs),
            })
        };
        row.map(wiki).transpose()
    }
}

impl Transaction {
    /// Notes that a wiki is in its mirror.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn put_wiki(
        &mut self,
        repository: &RepositoryUuid,
        wiki: StoredWiki,
    ) -> Result<(), DatabaseError> {
        statement(
            "insert into wikis (repository_uuid, origin, refs) values ($1, $2, $3)
             on conflict (repository_uuid) do update set
                 origin = excluded.origin, refs = excluded.refs",
        )
        .bind(repository.as_str())
        .bind(wiki.origin.name())
        .bind(signed(wiki.refs))
        .execute(&mut self.inner)
        .await?;
        Ok(())
    }
}
