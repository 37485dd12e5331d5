//! Texts that people wrote, to be looked at for what they link to.
//!
//! A column says of each whether it was looked at since it last changed, so that of a million
//! comments only the new ones are read again.

use bucketload_model::{RepositoryUuid, Stage};

use super::sql::statement;
use super::{DatabaseError, Transaction};

/// An object with texts in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredText {
    /// The stage that brought it.
    pub stage: Stage,
    /// The pull request or issue that it belongs to; 0 where it is none's.
    pub parent: i64,
    /// Its number; 0 where it has none.
    pub id: i64,
    /// What else tells it apart.
    pub key: String,
    /// As it was sent.
    pub source: String,
}

/// Where texts are, and how some are taken that were not looked at: the row is marked in the
/// statement that reads it, so that whoever changes it meanwhile comes before or after.
const TAKE: &[(Stage, &str)] = &[
    (
        Stage::Repository,
        "update repositories set searched = 1
         where uuid = $1 and searched = 0 and cast($2 as bigint) > 0
         returning cast(0 as bigint), cast(0 as bigint), '', source",
    ),
    (
        Stage::PullRequests,
        "update pull_requests set searched = 1
         where repository_uuid = $1 and id in (
             select id from pull_requests
             where repository_uuid = $1 and searched = 0 order by id limit $2)
         returning cast(0 as bigint), id, '', source",
    ),
    (
        Stage::PullRequestComments,
        "update pull_request_comments set searched = 1
         where repository_uuid = $1 and id in (
             select id from pull_request_comments
             where repository_uuid = $1 and searched = 0 order by id limit $2)
         returning pull_request_id, id, '', source",
    ),
    (
        Stage::PullRequestActivity,
        "update pull_request_activity set searched = 1
         where repository_uuid = $1 and (pull_request_id, entry_key) in (
             select pull_request_id, entry_key from pull_request_activity
             where repository_uuid = $1 and searched = 0
             order by pull_request_id, entry_key limit $2)
         returning pull_request_id, cast(0 as bigint), entry_key, source",
    ),
    (
        Stage::PullRequestTasks,
        "update objects set searched = 1
         where repository_uuid = $1 and kind = 'pull_request_tasks'
             and (parent_id, entry_id) in (
                 select parent_id, entry_id from objects
                 where repository_uuid = $1 and searched = 0 and kind = 'pull_request_tasks'
                 order by parent_id, entry_id limit $2)
         returning parent_id, entry_id, entry_key, source",
    ),
    (
        Stage::Issues,
        "update issues set searched = 1
         where repository_uuid = $1 and id in (
             select id from issues
             where repository_uuid = $1 and searched = 0 order by id limit $2)
         returning cast(0 as bigint), id, '', source",
    ),
    (
        Stage::IssueComments,
        "update issue_comments set searched = 1
         where repository_uuid = $1 and id in (
             select id from issue_comments
             where repository_uuid = $1 and searched = 0 order by id limit $2)
         returning issue_id, id, '', source",
    ),
    (
        Stage::IssueChanges,
        "update issue_changes set searched = 1
         where repository_uuid = $1 and (issue_id, change_id, field, number) in (
             select issue_id, change_id, field, number from issue_changes
             where repository_uuid = $1 and searched = 0
             order by issue_id, change_id, field, number limit $2)
         returning issue_id, change_id, field || ':' || cast(number as text), source",
    ),
];

impl Transaction {
    /// Takes some texts that were not looked at since they last changed, all of one stage and
    /// so many at most; none at the end. They count as looked at from then on.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn take_texts(
        &mut self,
        repository: &RepositoryUuid,
        limit: u32,
    ) -> Result<Vec<StoredText>, DatabaseError> {
        for (stage, take) in TAKE {
            let rows: Vec<(i64, i64, String, String)> = statement(take)
                .bind(repository.as_str())
                .bind(i64::from(limit))
                .fetch_all(&mut self.inner)
                .await?;
            if rows.is_empty() {
                continue;
            }
            let texts = rows
                .into_iter()
                .map(|(parent, id, key, source)| StoredText {
                    stage: *stage,
                    parent,
                    id,
                    key,
                    source,
                });
            return Ok(texts.collect());
        }
        Ok(Vec::new())
    }
}
