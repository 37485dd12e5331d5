//! Pull requests and issues with their discussions, for people who read them.
//!
//! Lists and discussions are read in pages that begin behind a number: a page costs the same
//! wherever it stands. What the pages need besides columns stands in what Bitbucket sent,
//! which whoever shows it takes apart.

mod comments;
mod files;
mod issue_list;
mod issues;
mod pull_request_list;
mod pull_requests;

pub use comments::{CommentPage, StoredComment};
pub use files::{NamedFile, ShownImage};
pub use issue_list::IssueEntry;
pub use pull_request_list::PullRequestEntry;

use std::collections::BTreeMap;

use bucketload_model::RepositoryUuid;

use super::queue::{pattern, same_pattern};
use super::sql::{StatementBuilder, statement};
use super::unsigned;
use crate::{Archive, DatabaseError};

/// Numbers that are looked through for a text or a name at once. Of 300,000 pull requests with
/// 3 KB each in SQLite, 20,000 took 165 to 207 ms and 5,000 took 9. Whoever finds too little
/// looks on below them.
const SEARCHED_AT_ONCE: i64 = 5_000;

/// Which pull requests, or issues, of a repository.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DiscussionFilter {
    /// With this number.
    pub id: Option<i64>,
    /// In this state, as Bitbucket calls it.
    pub state: Option<String>,
    /// With this in the title, whatever the case of letters.
    pub text: Option<String>,
    /// Opened by somebody with this in their name.
    pub author: Option<String>,
    /// With a smaller number than this: where the page before ended.
    pub before: Option<i64>,
    /// At most so many.
    pub limit: u32,
}

/// A page of a list, the newest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DiscussionList<T> {
    /// What was found.
    pub entries: Vec<T>,
    /// There may be more below this number.
    pub next: Option<i64>,
}

/// How many there are in each state, as Bitbucket calls it.
pub type StateCounts = BTreeMap<String, u64>;

impl DiscussionFilter {
    /// Below which number nothing is looked at: names and titles are in no index.
    fn floor(&self, newest: i64) -> Option<i64> {
        let top = self.before.unwrap_or_else(|| newest.saturating_add(1));
        let floor = top.saturating_sub(SEARCHED_AT_ONCE);
        let is_search = self.text.is_some() || self.author.is_some();
        Some(floor).filter(|floor| is_search && *floor > 0)
    }

    /// What both lists have: the state, the title, the place.
    fn push<'q>(&'q self, select: &mut StatementBuilder<'q>, floor: Option<i64>) {
        if let Some(id) = self.id {
            select.push(" and id = ").push_bind(id);
        }
        if let Some(state) = &self.state {
            select.push(" and state = ").push_bind(state);
        }
        if let Some(text) = &self.text {
            push_contains(select, " and (lower(title) like ", " or title like ", text);
        }
        if let Some(before) = self.before {
            select.push(" and id < ").push_bind(before);
        }
        if let Some(floor) = floor {
            select.push(" and id >= ").push_bind(floor);
        }
    }

    /// The page, out of one row more than it may have.
    fn page<T>(
        &self,
        mut entries: Vec<T>,
        floor: Option<i64>,
        id: impl Fn(&T) -> i64,
    ) -> DiscussionList<T> {
        let length = self.limit as usize;
        let has_more = entries.len() > length;
        entries.truncate(length);
        let last = entries.last().map(id).filter(|_| has_more);
        DiscussionList {
            next: last.or(floor),
            entries,
        }
    }
}

/// What a statement counts by state of a repository.
async fn state_counts(
    archive: &Archive,
    counted: &'static str,
    repository: &RepositoryUuid,
) -> Result<StateCounts, DatabaseError> {
    let counted = statement(counted).bind(repository.as_str());
    let rows: Vec<(String, i64)> = counted.fetch_all(&archive.reader).await?;
    let rows = rows.into_iter();
    Ok(rows
        .map(|(state, count)| (state, unsigned(count)))
        .collect())
}

/// A text within another one. SQLite knows the small letters of English alone, so other
/// letters are found as they were typed, too.
fn push_contains(
    select: &mut StatementBuilder<'_>,
    lower: &'static str,
    same: &'static str,
    text: &str,
) {
    select
        .push(lower)
        .push_bind(pattern(text))
        .push(" escape '!'")
        .push(same)
        .push_bind(same_pattern(text))
        .push(" escape '!')");
}
