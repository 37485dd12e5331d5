//! What is kept of pull requests whose commits the clone lacks: commits, a diff, a patch.
//!
//! Commits have the number 1 and their hash for a key. The diff and the patch have the number
//! 0 and a file; one that Bitbucket will not give has none, and says why.

use bucketload_model::{RepositoryUuid, Stage};

use super::sql::{StatementBuilder, statement};
use super::{Archive, DatabaseError, Tally};

impl Archive {
    /// Pull requests as Bitbucket sent them, by number; those that there are not are left out.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn pull_request_sources(
        &self,
        repository: &RepositoryUuid,
        ids: &[i64],
    ) -> Result<Vec<(i64, String)>, DatabaseError> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let mut query =
            StatementBuilder::new("select id, source from pull_requests where repository_uuid = ");
        query
            .push_bind(repository.as_str())
            .push(" and id in ")
            .push_list(ids.iter().copied())
            .push(" order by id");
        query.build().fetch_all(&self.reader).await
    }

    /// Commits, diffs and patches that are there, and that should be.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn tally_diffs(&self, repository: &RepositoryUuid) -> Result<Tally, DatabaseError> {
        let expected = self
            .count_objects(repository, Stage::PullRequestDiffs)
            .await?;
        let missing = self.missing_diffs(repository).await?.len() as u64;
        Ok(Tally {
            stored: expected.saturating_sub(missing),
            expected,
        })
    }

    /// Diffs and patches that Bitbucket will not give: pull request, which of both, and why.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn missing_diffs(
        &self,
        repository: &RepositoryUuid,
    ) -> Result<Vec<(i64, String, String)>, DatabaseError> {
        statement(
            "select parent_id, entry_key, source from objects
             where repository_uuid = $1 and kind = 'pull_request_diffs' and entry_id = 0
                 and blob_sha256 is null
             order by parent_id, entry_key",
        )
        .bind(repository.as_str())
        .fetch_all(&self.reader)
        .await
    }
}
