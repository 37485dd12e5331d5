//! One issue, and what was changed in it.

use bucketload_model::{CommentId, IssueId, RepositoryUuid};

use crate::database::sql::{StatementBuilder, statement};
use crate::{Archive, DatabaseError};

impl Archive {
    /// An issue as it was sent, if it is in the archive.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn issue_source(
        &self,
        repository: &RepositoryUuid,
        id: IssueId,
    ) -> Result<Option<String>, DatabaseError> {
        statement("select source from issues where repository_uuid = $1 and id = $2")
            .bind(repository.as_str())
            .bind(id.0)
            .fetch_optional_scalar(&self.reader)
            .await
    }

    /// A comment of an issue as it was sent, if it is in the archive.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn issue_comment_source(
        &self,
        repository: &RepositoryUuid,
        issue: IssueId,
        id: CommentId,
    ) -> Result<Option<String>, DatabaseError> {
        statement(
            "select source from issue_comments
             where repository_uuid = $1 and issue_id = $2 and id = $3",
        )
        .bind(repository.as_str())
        .bind(issue.0)
        .bind(id.0)
        .fetch_optional_scalar(&self.reader)
        .await
    }

    /// What was changed in an issue, behind the change of one id and not behind that of
    /// another, in order: each change, with its id, as it was sent, at most `limit`. A change
    /// has the id of the comment that goes with it.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn issue_changes(
        &self,
        repository: &RepositoryUuid,
        issue: IssueId,
        (after, until): (Option<CommentId>, Option<CommentId>),
        limit: u32,
    ) -> Result<Vec<(i64, String)>, DatabaseError> {
        let mut select = StatementBuilder::new(
            "select change_id, source from issue_changes where repository_uuid = ",
        );
        select
            .push_bind(repository.as_str())
            .push(" and issue_id = ")
            .push_bind(issue.0);
        if let Some(after) = after {
            select.push(" and change_id > ").push_bind(after.0);
        }
        if let Some(until) = until {
            select.push(" and change_id <= ").push_bind(until.0);
        }
        select
            .push(" order by change_id, field, number limit ")
            .push_bind(i64::from(limit));
        select.build().fetch_all(&self.reader).await
    }
}
