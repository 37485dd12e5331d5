//! Pull requests.

use bucketload_model::{PullRequestId, RepositoryUuid, Stage};

use super::members::last_of_each;
use super::sql::{StatementBuilder, statement};
use super::{Archive, DatabaseError, Stored, Tally, Transaction, unsigned};

/// A row that was written: number, comments, open tasks.
type WrittenRow = (i64, Option<i64>, Option<i64>);

/// A pull request to store.
#[derive(Debug, Clone, Copy)]
pub struct PullRequestRecord<'a> {
    /// Its number.
    pub id: PullRequestId,
    /// Its title.
    pub title: Option<&'a str>,
    /// Its state, as Bitbucket calls it.
    pub state: Option<&'a str>,
    /// Who opened it.
    pub author: Option<&'a str>,
    /// Where the change comes from.
    pub source_branch: Option<&'a str>,
    /// Where the change goes.
    pub destination_branch: Option<&'a str>,
    /// Comments that are not deleted; absent where Bitbucket did not say.
    pub comment_count: Option<i64>,
    /// Tasks that are open; absent where Bitbucket did not say.
    pub task_count: Option<i64>,
    /// When it was opened.
    pub created_on: Option<&'a str>,
    /// When it last changed.
    pub updated_on: Option<&'a str>,
    /// As Bitbucket sent it.
    pub source: &'a str,
}

impl Archive {
    /// How many pull requests a repository has in the archive.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn count_pull_requests(
        &self,
        repository: &RepositoryUuid,
    ) -> Result<u64, DatabaseError> {
        let count: i64 = statement("select count(*) from pull_requests where repository_uuid = $1")
            .bind(repository.as_str())
            .fetch_scalar(&self.reader)
            .await?;
        Ok(unsigned(count))
    }

    /// How many comments a pull request said it has, deleted ones left out, if it did.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn comment_count(
        &self,
        repository: &RepositoryUuid,
        id: PullRequestId,
    ) -> Result<Option<u64>, DatabaseError> {
        let count: Option<Option<i64>> = statement(
            "select comment_count from pull_requests where repository_uuid = $1 and id = $2",
        )
        .bind(repository.as_str())
        .bind(id.0)
        .fetch_optional_scalar(&self.reader)
        .await?;
        Ok(count.flatten().map(unsigned))
    }

    /// Comments in the archive, and how many Bitbucket reported: by the list of
    /// comments where it was read, by the pull request's own count before.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn tally_comments(
        &self,
        repository: &RepositoryUuid,
    ) -> Result<Tally, DatabaseError> {
        let (stored, expected): (i64, i64) = statement(
            "select
                 (select count(*) from pull_request_comments where repository_uuid = $1),
                 (select cast(coalesce(sum(coalesce(comments_reported, comment_count, 0)), 0)
                      as bigint)
                  from pull_requests where repository_uuid = $1)",
        )
        .bind(repository.as_str())
        .fetch_one(&self.reader)
        .await?;
        Ok(Tally {
            stored: unsigned(stored),
            expected: unsigned(expected),
        })
    }

    /// Pull requests of which fewer comments are stored than reported.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn pull_requests_with_missing_comments(
        &self,
        repository: &RepositoryUuid,
    ) -> Result<Vec<(PullRequestId, Tally)>, DatabaseError> {
        let rows: Vec<(i64, i64, i64)> = statement(
            "select id, stored, expected from (
                 select id, coalesce(comments_reported, comment_count, 0) as expected,
                     (select count(*) from pull_request_comments c
                      where c.repository_uuid = p.repository_uuid
                          and c.pull_request_id = p.id) as stored
                 from pull_requests p where repository_uuid = $1
             ) counts where stored < expected order by id",
        )
        .bind(repository.as_str())
        .fetch_all(&self.reader)
        .await?;
        let rows = rows.into_iter().map(|(id, stored, expected)| {
            let tally = Tally {
                stored: unsigned(stored),
                expected: unsigned(expected),
            };
            (PullRequestId(id), tally)
        });
        Ok(rows.collect())
    }
}

impl Transaction {
    /// Stores a page of pull requests. Where one is new or changed and has comments or
    /// tasks, or may have, these become pending in the same breath, and what builds said of
    /// it and what it changes count as not read.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn put_pull_requests(
        &mut self,
        repository: &RepositoryUuid,
        records: &[PullRequestRecord<'_>],
    ) -> Result<Stored, DatabaseError> {
        if records.is_empty() {
            return Ok(Stored::default());
        }
        let known = self.count_known(repository, records).await?;
        let mut query = StatementBuilder::new(
            "insert into pull_requests (repository_uuid, id, title, state, author_uuid,
                 source_branch, destination_branch, comment_count, task_count, created_on,
                 updated_on, source) ",
        );
        let records: Vec<_> = last_of_each(records, |record| record.id).collect();
        query.push_values(&records, |row, record| {
            row.push_bind(repository.as_str())
                .push_bind(record.id.0)
                .push_bind(record.title)
                .push_bind(record.state)
                .push_bind(record.author)
                .push_bind(record.source_branch)
                .push_bind(record.destination_branch)
                .push_bind(record.comment_count)
                .push_bind(record.task_count)
                .push_bind(record.created_on)
                .push_bind(record.updated_on)
                .push_bind(record.source);
        });
        query.push(
            " on conflict (repository_uuid, id) do update set
                  title = excluded.title, state = excluded.state,
                  author_uuid = excluded.author_uuid, source_branch = excluded.source_branch,
                  destination_branch = excluded.destination_branch,
                  comment_count = excluded.comment_count, comments_reported = null,
                  task_count = excluded.task_count, created_on = excluded.created_on, updated_on = excluded.updated_on,
                  source = excluded.source, searched = 0
              where pull_requests.source <> excluded.source
              returning id, comment_count, task_count",
        );
        let written: Vec<WrittenRow> = query.build().fetch_all(&mut self.inner).await?;
        let with = |count: fn(&WrittenRow) -> Option<i64>| -> (Vec<i64>, Vec<i64>) {
            let ids = |has: bool| {
                let rows = written
                    .iter()
                    .filter(move |row| (count(row) != Some(0)) == has);
                rows.map(|row| row.0).collect()
            };
            (ids(true), ids(false))
        };
        let (mut to_read, silent) = with(|row| row.1);
        to_read.extend(self.that_once_had_comments(repository, &silent).await?);
        self.add_pending(repository, Stage::PullRequestComments, &to_read)
            .await?;
        let (mut to_read, without) = with(|row| row.2);
        to_read.extend(self.that_once_had_tasks(repository, &without).await?);
        self.add_pending(repository, Stage::PullRequestTasks, &to_read)
            .await?;
        let written_ids: Vec<i64> = written.iter().map(|row| row.0).collect();
        for stage in [Stage::PullRequestStatuses, Stage::PullRequestDiffs] {
            self.forget_lists(repository, stage, &written_ids).await?;
        }
        let inserted = unsigned(i64::try_from(records.len()).unwrap_or_default() - known);
        Ok(Stored {
            inserted,
            updated: (written.len() as u64).saturating_sub(inserted),
        })
    }

    /// Where every comment was deleted since the last import, the tombstones are
    /// still to be read.
    async fn that_once_had_comments(
        &mut self,
        repository: &RepositoryUuid,
        ids: &[i64],
    ) -> Result<Vec<i64>, DatabaseError> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let mut query = StatementBuilder::new(
            "select distinct pull_request_id from pull_request_comments
             where repository_uuid = ",
        );
        query
            .push_bind(repository.as_str())
            .push(" and pull_request_id in ")
            .push_list(ids.iter().copied());
        query.build().fetch_all_scalars(&mut self.inner).await
    }

    /// The count of tasks has open ones alone: who had some and has none open, has had
    /// them resolved.
    async fn that_once_had_tasks(
        &mut self,
        repository: &RepositoryUuid,
        ids: &[i64],
    ) -> Result<Vec<i64>, DatabaseError> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let mut query = StatementBuilder::new(
            "select distinct parent_id from objects where kind = 'pull_request_tasks'
                 and repository_uuid = ",
        );
        query
            .push_bind(repository.as_str())
            .push(" and parent_id in ")
            .push_list(ids.iter().copied());
        query.build().fetch_all_scalars(&mut self.inner).await
    }

    async fn count_known(
        &mut self,
        repository: &RepositoryUuid,
        records: &[PullRequestRecord<'_>],
    ) -> Result<i64, DatabaseError> {
        let mut query =
            StatementBuilder::new("select count(*) from pull_requests where repository_uuid = ");
        query
            .push_bind(repository.as_str())
            .push(" and id in ")
            .push_list(records.iter().map(|record| record.id.0));
        query.build().fetch_scalar(&mut self.inner).await
    }

    /// Notes how many comments the list of a pull request's comments reports.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn set_comments_reported(
        &mut self,
        repository: &RepositoryUuid,
        id: PullRequestId,
        reported: u64,
    ) -> Result<(), DatabaseError> {
        statement(
            "update pull_requests set comments_reported = $3
             where repository_uuid = $1 and id = $2",
        )
        .bind(repository.as_str())
        .bind(id.0)
        .bind(super::signed(reported))
        .execute(&mut self.inner)
        .await?;
        Ok(())
    }
}
