//! The comments of one discussion, in the order in which they were written.

use bucketload_model::{CommentId, IssueId, PullRequestId, RepositoryUuid};
use futures::TryStreamExt as _;

use crate::database::sql::{Statement, StatementBuilder};
use crate::{Archive, DatabaseError};

/// A page ends when it has more bytes than this of what was sent: a single comment may be
/// as large as all others together.
const PAGE_BYTES: usize = 2_000_000;

/// A comment of a discussion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredComment {
    /// Its id.
    pub id: CommentId,
    /// When it was written, as Bitbucket wrote it.
    pub created_on: Option<String>,
    /// As it was sent.
    pub source: String,
}

/// Comments that follow each other.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CommentPage {
    /// In the order of their ids, which is that of their writing.
    pub comments: Vec<StoredComment>,
    /// Whether more follow.
    pub has_more: bool,
    /// When the last one before the page was written, if there is one.
    pub earlier_until: Option<String>,
}

type Row = (i64, Option<String>, String);

impl Archive {
    /// The comments of a pull request behind one of them, at most `limit`.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn pull_request_comments(
        &self,
        repository: &RepositoryUuid,
        pull_request: PullRequestId,
        after: Option<CommentId>,
        limit: u32,
    ) -> Result<CommentPage, DatabaseError> {
        let table = " from pull_request_comments where repository_uuid = ";
        let parent = (" and pull_request_id = ", pull_request.0);
        self.comment_page(repository, table, parent, after, limit)
            .await
    }

    /// The comments of an issue behind one of them, at most `limit`.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn issue_comments(
        &self,
        repository: &RepositoryUuid,
        issue: IssueId,
        after: Option<CommentId>,
        limit: u32,
    ) -> Result<CommentPage, DatabaseError> {
        let table = " from issue_comments where repository_uuid = ";
        let parent = (" and issue_id = ", issue.0);
        self.comment_page(repository, table, parent, after, limit)
            .await
    }

    async fn comment_page(
        &self,
        repository: &RepositoryUuid,
        table: &'static str,
        (is_of, parent): (&'static str, i64),
        after: Option<CommentId>,
        limit: u32,
    ) -> Result<CommentPage, DatabaseError> {
        let select = |columns: &'static str| {
            let mut select = StatementBuilder::new(columns);
            select.push(table).push_bind(repository.as_str());
            select.push(is_of).push_bind(parent);
            select
        };
        let mut page = CommentPage::default();
        let mut rows = select("select id, created_on, source");
        if let Some(after) = after {
            let mut before = select("select created_on");
            before.push(" and id = ").push_bind(after.0);
            let before: Option<Option<String>> =
                before.build().fetch_optional_scalar(&self.reader).await?;
            page.earlier_until = before.flatten();
            rows.push(" and id > ").push_bind(after.0);
        }
        rows.push(" order by id limit ")
            .push_bind(i64::from(limit) + 1);
        self.take_rows(rows.build(), limit, &mut page).await?;
        Ok(page)
    }

    async fn take_rows(
        &self,
        rows: Statement<'_>,
        limit: u32,
        page: &mut CommentPage,
    ) -> Result<(), DatabaseError> {
        let mut rows = rows.fetch::<Row>(&self.reader)?;
        let mut bytes = 0;
        while let Some((id, created_on, source)) = rows.try_next().await? {
            if page.comments.len() >= limit as usize || bytes > PAGE_BYTES {
                page.has_more = true;
                break;
            }
            bytes += source.len();
            page.comments.push(StoredComment {
                id: CommentId(id),
                created_on,
                source,
            });
        }
        Ok(())
    }
}
