//! One pull request, and what happened to it.

use bucketload_model::{CommentId, PullRequestId, RepositoryUuid, Stage};

use crate::database::sql::{StatementBuilder, statement};
use crate::{Archive, DatabaseError};

impl Archive {
    /// A pull request as Bitbucket sent it, if it is in the archive.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn pull_request_source(
        &self,
        repository: &RepositoryUuid,
        id: PullRequestId,
    ) -> Result<Option<String>, DatabaseError> {
        statement("select source from pull_requests where repository_uuid = $1 and id = $2")
            .bind(repository.as_str())
            .bind(id.0)
            .fetch_optional_scalar(&self.reader)
            .await
    }

    /// A comment of a pull request as Bitbucket sent it, if it is in the archive.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn pull_request_comment_source(
        &self,
        repository: &RepositoryUuid,
        pull_request: PullRequestId,
        id: CommentId,
    ) -> Result<Option<String>, DatabaseError> {
        statement(
            "select source from pull_request_comments
             where repository_uuid = $1 and pull_request_id = $2 and id = $3",
        )
        .bind(repository.as_str())
        .bind(pull_request.0)
        .bind(id.0)
        .fetch_optional_scalar(&self.reader)
        .await
    }

    /// What happened to a pull request besides comments, later than `after` and not later
    /// than `until`, in the order in which it happened: each as Bitbucket sent it, at most
    /// `limit`.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn pull_request_events(
        &self,
        repository: &RepositoryUuid,
        pull_request: PullRequestId,
        (after, until): (Option<&str>, Option<&str>),
        limit: u32,
    ) -> Result<Vec<String>, DatabaseError> {
        let mut select = StatementBuilder::new(
            "select source from pull_request_activity
             where comment_id is null and repository_uuid = ",
        );
        select
            .push_bind(repository.as_str())
            .push(" and pull_request_id = ")
            .push_bind(pull_request.0);
        if let Some(after) = after {
            select.push(" and occurred_on > ").push_bind(after);
        }
        if let Some(until) = until {
            select.push(" and occurred_on <= ").push_bind(until);
        }
        select
            .push(" order by occurred_on, entry_key limit ")
            .push_bind(i64::from(limit));
        select.build().fetch_all_scalars(&self.reader).await
    }

    /// The tasks of a pull request as Bitbucket sent them, at most `limit`.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn task_sources(
        &self,
        repository: &RepositoryUuid,
        pull_request: PullRequestId,
        limit: u32,
    ) -> Result<Vec<String>, DatabaseError> {
        statement(
            "select source from objects
             where repository_uuid = $1 and kind = $2 and parent_id = $3
             order by entry_id, entry_key limit $4",
        )
        .bind(repository.as_str())
        .bind(Stage::PullRequestTasks.name())
        .bind(pull_request.0)
        .bind(i64::from(limit))
        .fetch_all_scalars(&self.reader)
        .await
    }
}
