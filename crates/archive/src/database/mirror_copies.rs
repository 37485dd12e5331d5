//! Which bundles of mirrors are in the object store.

use bucketload_model::RepositoryUuid;

use super::sql::statement;
use super::{Archive, DatabaseError, Transaction, signed, unsigned};

/// Which of the mirrors of a repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MirrorKind {
    /// The repository itself.
    Git,
    /// Its wiki.
    Wiki,
}

impl MirrorKind {
    /// The name used in the database and in the object store.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Git => "git",
            Self::Wiki => "wiki",
        }
    }
}

/// A bundle in the object store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredCopy {
    /// What it is called in the store.
    pub key: String,
    /// Its SHA-256.
    pub sha256: String,
    /// Its size.
    pub size_bytes: u64,
}

impl Archive {
    /// The bundles of a mirror, in order: the first has everything, each other one what those
    /// before it lack.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn mirror_copies(
        &self,
        repository: &RepositoryUuid,
        mirror: MirrorKind,
    ) -> Result<Vec<StoredCopy>, DatabaseError> {
        let rows: Vec<(String, String, i64)> = statement(
            "select object_key, sha256, size_bytes from mirror_copies
             where repository_uuid = $1 and mirror = $2 order by number",
        )
        .bind(repository.as_str())
        .bind(mirror.name())
        .fetch_all(&self.reader)
        .await?;
        let copy = |(key, sha256, size)| StoredCopy {
            key,
            sha256,
            size_bytes: unsigned(size),
        };
        Ok(rows.into_iter().map(copy).collect())
    }
}

impl Transaction {
    /// Notes a bundle that is in the store: behind `after`, or in the place of all others.
    /// Returns whether it was noted: not if somebody noted another one meanwhile.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn put_mirror_copy(
        &mut self,
        repository: &RepositoryUuid,
        mirror: MirrorKind,
        copy: &StoredCopy,
        known: Option<&str>,
        is_whole: bool,
    ) -> Result<bool, DatabaseError> {
        let last: Option<(i64, String)> = statement(
            "select number, sha256 from mirror_copies
             where repository_uuid = $1 and mirror = $2 order by number desc limit 1",
        )
        .bind(repository.as_str())
        .bind(mirror.name())
        .fetch_optional(&mut self.inner)
        .await?;
        if last.as_ref().map(|(_, sha256)| sha256.as_str()) != known {
            return Ok(false);
        }
        if is_whole {
            statement("delete from mirror_copies where repository_uuid = $1 and mirror = $2")
                .bind(repository.as_str())
                .bind(mirror.name())
                .execute(&mut self.inner)
                .await?;
        }
        // Two who come at the same time want the same number: one of them fails.
        statement(
            "insert into mirror_copies (repository_uuid, mirror, number, object_key, sha256,
                 size_bytes)
             values ($1, $2, $3, $4, $5, $6)",
        )
        .bind(repository.as_str())
        .bind(mirror.name())
        .bind(last.map_or(1, |(number, _)| number + 1))
        .bind(&copy.key)
        .bind(&copy.sha256)
        .bind(signed(copy.size_bytes))
        .execute(&mut self.inner)
        .await?;
        Ok(true)
    }
}
