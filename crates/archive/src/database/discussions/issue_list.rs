//! Lists of issues.

use bucketload_model::{IssueId, RepositoryUuid};

use super::{DiscussionFilter, DiscussionList, StateCounts, push_contains, state_counts};
use crate::database::sql::{StatementBuilder, statement};
use crate::{Archive, DatabaseError};

/// An issue in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssueEntry {
    /// Its number.
    pub id: IssueId,
    /// Its title.
    pub title: Option<String>,
    /// `new`, `open`, `resolved`, …
    pub state: Option<String>,
    /// `bug`, `enhancement`, `proposal` or `task`.
    pub kind: Option<String>,
    /// `trivial`, `minor`, `major`, `critical` or `blocker`.
    pub priority: Option<String>,
    /// The name of who reported it.
    pub reporter: Option<String>,
    /// When it was reported, as it was sent.
    pub created_on: Option<String>,
    /// When it last changed.
    pub updated_on: Option<String>,
}

#[derive(sqlx::FromRow)]
struct Row {
    id: i64,
    title: Option<String>,
    state: Option<String>,
    kind: Option<String>,
    priority: Option<String>,
    reporter: Option<String>,
    created_on: Option<String>,
    updated_on: Option<String>,
}

impl From<Row> for IssueEntry {
    fn from(row: Row) -> Self {
        Self {
            id: IssueId(row.id),
            title: row.title,
            state: row.state,
            kind: row.kind,
            priority: row.priority,
            reporter: row.reporter,
            created_on: row.created_on,
            updated_on: row.updated_on,
        }
    }
}

impl Archive {
    /// A page of a repository's issues, the newest first.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn issue_page(
        &self,
        repository: &RepositoryUuid,
        filter: &DiscussionFilter,
    ) -> Result<DiscussionList<IssueEntry>, DatabaseError> {
        let newest: Option<i64> =
            statement("select max(id) from issues where repository_uuid = $1")
                .bind(repository.as_str())
                .fetch_scalar(&self.reader)
                .await?;
        let floor = filter.floor(newest.unwrap_or_default());
        let mut select = StatementBuilder::new(
            "select id, title, state, kind, priority, reporter, created_on, updated_on
             from issues where repository_uuid = ",
        );
        select.push_bind(repository.as_str());
        filter.push(&mut select, floor);
        if let Some(author) = &filter.author {
            let (names, same) = (" and (lower(reporter) like ", " or reporter like ");
            push_contains(&mut select, names, same, author);
        }
        select
            .push(" order by id desc limit ")
            .push_bind(i64::from(filter.limit) + 1);
        let rows: Vec<Row> = select.build().fetch_all(&self.reader).await?;
        let entries = rows.into_iter().map(IssueEntry::from).collect();
        Ok(filter.page(entries, floor, |entry: &IssueEntry| entry.id.0))
    }

    /// How many of a repository's issues are in each state.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn issue_states(
        &self,
        repository: &RepositoryUuid,
    ) -> Result<StateCounts, DatabaseError> {
        let counted = "select state, count(*) from issues
             where repository_uuid = $1 and state is not null group by state";
        state_counts(self, counted, repository).await
    }
}
