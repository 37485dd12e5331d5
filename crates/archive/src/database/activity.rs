//! What happened to pull requests.

use std::collections::BTreeSet;

use bucketload_model::{CommentId, PullRequestId, RepositoryUuid, Stage};

use super::members::last_of_each;
use super::sql::{StatementBuilder, statement};
use super::{Archive, DatabaseError, Transaction, unsigned};

/// An entry of activity to store.
#[derive(Debug, Clone, Copy)]
pub struct ActivityRecord<'a> {
    /// What it happened to.
    pub pull_request: PullRequestId,
    /// What tells it from all others of the pull request.
    pub key: &'a str,
    /// What it tells of, such as `update`.
    pub kind: &'a str,
    /// The comment that it is, if it is one.
    pub comment: Option<CommentId>,
    /// The comment that it answers.
    pub parent: Option<CommentId>,
    /// Whether it stands at a place in the change.
    pub is_inline: bool,
    /// When it happened.
    pub occurred_on: Option<&'a str>,
    /// As Bitbucket sent it.
    pub source: &'a str,
}

/// What a comment has besides its text. Bitbucket writes the same shape the same way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CommentShape {
    /// Whether it stands at a place in the change.
    pub is_inline: bool,
    /// Whether it answers another one.
    pub is_reply: bool,
}

/// A comment, as the activity has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActivityComment {
    /// The pull request that it stands on.
    pub pull_request: PullRequestId,
    /// Its id.
    pub comment: CommentId,
    /// What it has besides its text.
    pub shape: CommentShape,
    /// The entry as Bitbucket sent it.
    pub source: String,
}

type CommentRow = (i64, i64, i64, Option<i64>, String);

const SELECT_COMMENTS: &str = "select pull_request_id, comment_id, is_inline, parent_id, source
    from pull_request_activity";

impl From<CommentRow> for ActivityComment {
    fn from((pull_request, comment, is_inline, parent, source): CommentRow) -> Self {
        Self {
            pull_request: PullRequestId(pull_request),
            comment: CommentId(comment),
            shape: CommentShape {
                is_inline: is_inline != 0,
                is_reply: parent.is_some(),
            },
            source,
        }
    }
}

impl Archive {
    /// How many entries of activity a repository has in the archive.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn count_activity(&self, repository: &RepositoryUuid) -> Result<u64, DatabaseError> {
        let count: i64 =
            statement("select count(*) from pull_request_activity where repository_uuid = $1")
                .bind(repository.as_str())
                .fetch_scalar(&self.reader)
                .await?;
        Ok(unsigned(count))
    }

    /// The newest comment of each shape in the activity.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn newest_comments_in_activity(
        &self,
        repository: &RepositoryUuid,
    ) -> Result<Vec<ActivityComment>, DatabaseError> {
        let rows: Vec<CommentRow> = statement(SELECT_COMMENTS)
            .push(
                " where repository_uuid = $1 and comment_id in (
                     select max(comment_id) from pull_request_activity
                     where repository_uuid = $1 and comment_id is not null
                     group by is_inline, parent_id is null)
                 order by comment_id desc",
            )
            .bind(repository.as_str())
            .fetch_all(&self.reader)
            .await?;
        Ok(rows.into_iter().map(Into::into).collect())
    }

    /// The comments of one pull request in the activity.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn comments_in_activity(
        &self,
        repository: &RepositoryUuid,
        pull_request: PullRequestId,
    ) -> Result<Vec<ActivityComment>, DatabaseError> {
        let rows: Vec<CommentRow> = statement(SELECT_COMMENTS)
            .push(
                " where repository_uuid = $1 and pull_request_id = $2 and comment_id is not null
                 order by comment_id",
            )
            .bind(repository.as_str())
            .bind(pull_request.0)
            .fetch_all(&self.reader)
            .await?;
        Ok(rows.into_iter().map(Into::into).collect())
    }
}

/// What storing a page of activity changed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct StoredActivity {
    /// Entries that were not there before.
    pub inserted: u64,
    /// Pull request and key of every entry that is new or was there in another form.
    pub written: BTreeSet<(PullRequestId, String)>,
}

impl Transaction {
    /// Stores a page of activity.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn put_activity(
        &mut self,
        repository: &RepositoryUuid,
        records: &[ActivityRecord<'_>],
    ) -> Result<StoredActivity, DatabaseError> {
        if records.is_empty() {
            return Ok(StoredActivity::default());
        }
        let records: Vec<_> =
            last_of_each(records, |record| (record.pull_request, record.key)).collect();
        let known = self.count_known_activity(repository, &records).await?;
        let mut query = StatementBuilder::new(
            "insert into pull_request_activity (repository_uuid, pull_request_id, entry_key, kind,
                 comment_id, parent_id, is_inline, occurred_on, source) ",
        );
        query.push_values(&records, |row, record| {
            row.push_bind(repository.as_str())
                .push_bind(record.pull_request.0)
                .push_bind(record.key)
                .push_bind(record.kind)
                .push_bind(record.comment.map(|id| id.0))
                .push_bind(record.parent.map(|id| id.0))
                .push_bind(i64::from(record.is_inline))
                .push_bind(record.occurred_on)
                .push_bind(record.source);
        });
        query.push(
            " on conflict (repository_uuid, pull_request_id, entry_key) do update set
                  kind = excluded.kind, comment_id = excluded.comment_id,
                  parent_id = excluded.parent_id, is_inline = excluded.is_inline, occurred_on = excluded.occurred_on,
                  source = excluded.source, searched = 0
              where pull_request_activity.source <> excluded.source
              returning pull_request_id, entry_key",
        );
        let written: Vec<(i64, String)> = query.build().fetch_all(&mut self.inner).await?;
        let written = written.into_iter();
        Ok(StoredActivity {
            inserted: (records.len() as u64).saturating_sub(known),
            written: written.map(|(id, key)| (PullRequestId(id), key)).collect(),
        })
    }

    async fn count_known_activity(
        &mut self,
        repository: &RepositoryUuid,
        records: &[ActivityRecord<'_>],
    ) -> Result<u64, DatabaseError> {
        let mut query = StatementBuilder::new(
            "select count(*) from pull_request_activity where repository_uuid = ",
        );
        query
            .push_bind(repository.as_str())
            .push(" and (pull_request_id, entry_key) in ");
        query.push("(");
        query.push_values(records, |row, record| {
            row.push_bind(record.pull_request.0).push_bind(record.key);
        });
        query.push(")");
        let count: i64 = query.build().fetch_scalar(&mut self.inner).await?;
        Ok(unsigned(count))
    }

    /// Discussions become pending of which the activity names comments that the
    /// archive has not, unless they are already.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn add_pending_discussions(
        &mut self,
        repository: &RepositoryUuid,
        comments: &[CommentId],
    ) -> Result<(), DatabaseError> {
        if comments.is_empty() {
            return Ok(());
        }
        let mut query = StatementBuilder::new(
            "insert into pending (repository_uuid, stage, parent_id, revision)
             select distinct a.repository_uuid, ",
        );
        query
            .push_bind(Stage::PullRequestComments.name())
            .push(
                ", a.pull_request_id, 0 from pull_request_activity a
                 join pull_requests p
                     on p.repository_uuid = a.repository_uuid and p.id = a.pull_request_id
                 left join pull_request_comments c
                     on c.repository_uuid = a.repository_uuid and c.id = a.comment_id
                 where c.id is null and a.repository_uuid = ",
            )
            .push_bind(repository.as_str())
            .push(" and a.comment_id in ")
            .push_list(comments.iter().map(|comment| comment.0))
            .push(" on conflict (repository_uuid, stage, parent_id) do nothing");
        query.build().execute(&mut self.inner).await?;
        Ok(())
    }
}
