//! Comments on pull requests.

use bucketload_model::{CommentId, PullRequestId, RepositoryUuid};

use super::members::last_of_each;
use super::sql::{StatementBuilder, statement};
use super::{Archive, DatabaseError, Transaction};

/// A comment to store.
#[derive(Debug, Clone, Copy)]
pub struct CommentRecord<'a> {
    /// Its id.
    pub id: CommentId,
    /// The comment that it answers.
    pub parent: Option<CommentId>,
    /// Who wrote it.
    pub author: Option<&'a str>,
    /// The file that it stands at.
    pub inline_path: Option<&'a str>,
    /// Whether only its tombstone is left.
    pub is_deleted: bool,
    /// When it was written.
    pub created_on: Option<&'a str>,
    /// When it was last edited.
    pub updated_on: Option<&'a str>,
    /// As Bitbucket sent it.
    pub source: &'a str,
}

impl Archive {
    /// A comment as Bitbucket sent it, if it is in the archive.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn comment_source(
        &self,
        repository: &RepositoryUuid,
        comment: CommentId,
    ) -> Result<Option<String>, DatabaseError> {
        statement("select source from pull_request_comments where repository_uuid = $1 and id = $2")
            .bind(repository.as_str())
            .bind(comment.0)
            .fetch_optional_scalar(&self.reader)
            .await
    }
}

impl Transaction {
    /// Stores a page of a pull request's comments. Returns how many of them are
    /// new or changed.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn put_comments(
        &mut self,
        repository: &RepositoryUuid,
        pull_request: PullRequestId,
        records: &[CommentRecord<'_>],
    ) -> Result<u64, DatabaseError> {
        if records.is_empty() {
            return Ok(0);
        }
        let mut query = StatementBuilder::new(
            "insert into pull_request_comments (repository_uuid, id, pull_request_id, parent_id,
                 author_uuid, inline_path, is_deleted, created_on, updated_on, source) ",
        );
        query.push_values(last_of_each(records, |record| record.id), |row, record| {
            row.push_bind(repository.as_str())
                .push_bind(record.id.0)
                .push_bind(pull_request.0)
                .push_bind(record.parent.map(|id| id.0))
                .push_bind(record.author)
                .push_bind(record.inline_path)
                .push_bind(i64::from(record.is_deleted))
                .push_bind(record.created_on)
                .push_bind(record.updated_on)
                .push_bind(record.source);
        });
        query.push(
            " on conflict (repository_uuid, id) do update set
                  pull_request_id = excluded.pull_request_id, parent_id = excluded.parent_id,
                  author_uuid = excluded.author_uuid, inline_path = excluded.inline_path,
                  is_deleted = excluded.is_deleted, created_on = excluded.created_on,
                  updated_on = excluded.updated_on, source = excluded.source,
                  searched = 0
              where pull_request_comments.source <> excluded.source",
        );
        query.build().execute(&mut self.inner).await
    }
}
