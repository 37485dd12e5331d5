//! Which version of an object the archive has, for holding it against Bitbucket's.

use bucketload_model::{RepositoryUuid, Stage};

use super::sql::{StatementBuilder, statement};
use super::{Archive, DatabaseError, signed, unsigned};

/// A version of a pull request or an issue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredVersion {
    /// Its number.
    pub id: i64,
    /// When it last changed, as Bitbucket wrote it.
    pub updated_on: Option<String>,
    /// Comments that it said to have; nothing of an issue, which does not say.
    pub comment_count: Option<u64>,
}

impl Archive {
    /// The versions of those of the given pull requests, or of the issues that Bitbucket itself
    /// sent, that are in the archive. Other stages have none.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn versions(
        &self,
        repository: &RepositoryUuid,
        stage: Stage,
        ids: &[i64],
    ) -> Result<Vec<StoredVersion>, DatabaseError> {
        let select = match stage {
            Stage::PullRequests => {
                "select id, updated_on, comment_count from pull_requests where repository_uuid = "
            }
            Stage::Issues => {
                "select id, updated_on, cast(null as bigint) from issues
                 where origin = 'bitbucket' and repository_uuid = "
            }
            _ => return Ok(Vec::new()),
        };
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let mut query = StatementBuilder::new(select);
        query
            .push_bind(repository.as_str())
            .push(" and id in ")
            .push_list(ids.iter().copied());
        let rows: Vec<(i64, Option<String>, Option<i64>)> =
            query.build().fetch_all(&self.reader).await?;
        let rows = rows
            .into_iter()
            .map(|(id, updated_on, comments)| StoredVersion {
                id,
                updated_on,
                comment_count: comments.map(unsigned),
            });
        Ok(rows.collect())
    }

    /// When the pull request was opened that comes after `position` older ones, as Bitbucket
    /// wrote it.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn pull_request_opened_at(
        &self,
        repository: &RepositoryUuid,
        position: u64,
    ) -> Result<Option<String>, DatabaseError> {
        let opened: Option<Option<String>> = statement(
            "select created_on from pull_requests where repository_uuid = $1
             order by id limit 1 offset $2",
        )
        .bind(repository.as_str())
        .bind(signed(position))
        .fetch_optional_scalar(&self.reader)
        .await?;
        Ok(opened.flatten())
    }
}
