//! Lists of pull requests.

use bucketload_model::{PullRequestId, RepositoryUuid};

use super::{DiscussionFilter, DiscussionList, StateCounts, push_contains, state_counts};
use crate::database::sql::{StatementBuilder, statement};
use crate::database::unsigned;
use crate::{Archive, DatabaseError};

/// A pull request in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PullRequestEntry {
    /// Its number.
    pub id: PullRequestId,
    /// Its title.
    pub title: Option<String>,
    /// Its state, as Bitbucket calls it.
    pub state: Option<String>,
    /// The UUID of who opened it.
    pub author: Option<String>,
    /// Where the change comes from.
    pub source_branch: Option<String>,
    /// Where the change goes.
    pub destination_branch: Option<String>,
    /// Comments that are not deleted; absent where Bitbucket did not say.
    pub comments: Option<u64>,
    /// When it was opened, as Bitbucket wrote it.
    pub created_on: Option<String>,
    /// When it last changed.
    pub updated_on: Option<String>,
}

#[derive(sqlx::FromRow)]
struct Row {
    id: i64,
    title: Option<String>,
    state: Option<String>,
    author_uuid: Option<String>,
    source_branch: Option<String>,
    destination_branch: Option<String>,
    comment_count: Option<i64>,
    created_on: Option<String>,
    updated_on: Option<String>,
}

impl From<Row> for PullRequestEntry {
    fn from(row: Row) -> Self {
        Self {
            id: PullRequestId(row.id),
            title: row.title,
            state: row.state,
            author: row.author_uuid,
            source_branch: row.source_branch,
            destination_branch: row.destination_branch,
            comments: row.comment_count.map(unsigned),
            created_on: row.created_on,
            updated_on: row.updated_on,
        }
    }
}

impl Archive {
    /// A page of a repository's pull requests, the newest first.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn pull_request_page(
        &self,
        repository: &RepositoryUuid,
        filter: &DiscussionFilter,
    ) -> Result<DiscussionList<PullRequestEntry>, DatabaseError> {
        let newest: Option<i64> =
            statement("select max(id) from pull_requests where repository_uuid = $1")
                .bind(repository.as_str())
                .fetch_scalar(&self.reader)
                .await?;
        let floor = filter.floor(newest.unwrap_or_default());
        let mut select = StatementBuilder::new(
            "select id, title, state, author_uuid, source_branch, destination_branch,
                 comment_count, created_on, updated_on
             from pull_requests where repository_uuid = ",
        );
        select.push_bind(repository.as_str());
        filter.push(&mut select, floor);
        if let Some(author) = &filter.author {
            select
                .push(" and author_uuid in (select uuid from accounts where repository_uuid = ")
                .push_bind(repository.as_str());
            let names =
                " and (lower(coalesce(display_name, '') || ' ' || coalesce(nickname, '')) like ";
            let same = " or coalesce(display_name, '') || ' ' || coalesce(nickname, '') like ";
            push_contains(&mut select, names, same, author);
            select.push(")");
        }
        select
            .push(" order by id desc limit ")
            .push_bind(i64::from(filter.limit) + 1);
        let rows: Vec<Row> = select.build().fetch_all(&self.reader).await?;
        let entries = rows.into_iter().map(PullRequestEntry::from).collect();
        Ok(filter.page(entries, floor, |entry: &PullRequestEntry| entry.id.0))
    }

    /// How many of a repository's pull requests are in each state.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn pull_request_states(
        &self,
        repository: &RepositoryUuid,
    ) -> Result<StateCounts, DatabaseError> {
        let counted = "select state, count(*) from pull_requests
             where repository_uuid = $1 and state is not null group by state";
        state_counts(self, counted, repository).await
    }
}
