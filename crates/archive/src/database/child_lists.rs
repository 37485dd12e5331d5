//! Lists of children that were read: those of pull requests and of issues.

use bucketload_model::{RepositoryUuid, Stage};

use super::sql::{StatementBuilder, statement};
use super::{Archive, DatabaseError, Tally, Transaction, signed, unsigned};

/// Objects whose children a stage reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Parents {
    /// Pull requests.
    PullRequests,
    /// Those with open tasks, and those of which it is not known.
    PullRequestsWithTasks,
    /// Issues that Bitbucket itself has sent.
    Issues,
}

impl Parents {
    const fn select(self) -> &'static str {
        match self {
            Self::PullRequests => "select id from pull_requests where repository_uuid = $1",
            Self::PullRequestsWithTasks => {
                "select id from pull_requests where repository_uuid = $1
                     and (task_count is null or task_count > 0)"
            }
            Self::Issues => {
                "select id from issues where repository_uuid = $1 and origin = 'bitbucket'"
            }
        }
    }
}

impl Archive {
    /// Children of a stage that lie in the table `objects`, and how many Bitbucket reported
    /// in the lists that were read. Of a list for which it reported no number, as many as
    /// there are.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn tally_children(
        &self,
        repository: &RepositoryUuid,
        stage: Stage,
    ) -> Result<Tally, DatabaseError> {
        Ok(Tally {
            stored: self.count_objects(repository, stage).await?,
            expected: self.reported(repository, stage).await?,
        })
    }

    /// How many children Bitbucket reported in the lists of a stage that were read.
    pub(in crate::database) async fn reported(
        &self,
        repository: &RepositoryUuid,
        stage: Stage,
    ) -> Result<u64, DatabaseError> {
        let reported: i64 = statement(
            "select cast(coalesce(sum(reported), 0) as bigint) from child_lists
             where repository_uuid = $1 and stage = $2",
        )
        .bind(repository.as_str())
        .bind(stage.name())
        .fetch_scalar(&self.reader)
        .await?;
        Ok(unsigned(reported))
    }

    /// Pull requests that are stored and whose list of a stage was not read.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn count_without_list(
        &self,
        repository: &RepositoryUuid,
        stage: Stage,
    ) -> Result<u64, DatabaseError> {
        let count: i64 = statement(
            "select count(*) from pull_requests p where repository_uuid = $1 and not exists (
                 select 1 from child_lists l where l.repository_uuid = $1 and l.stage = $2
                     and l.parent_id = p.id)",
        )
        .bind(repository.as_str())
        .bind(stage.name())
        .fetch_scalar(&self.reader)
        .await?;
        Ok(unsigned(count))
    }

    /// Parents of which fewer children lie in the table `objects` than Bitbucket reported.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn parents_with_missing_children(
        &self,
        repository: &RepositoryUuid,
        stage: Stage,
    ) -> Result<Vec<(i64, Tally)>, DatabaseError> {
        let children = "objects c where c.kind = l.stage and c.parent_id = l.parent_id";
        self.parents_lacking(repository, stage, children).await
    }

    /// Parents of which a table has fewer children than Bitbucket reported: `children` is
    /// the table as `c`, and which of its rows belong to the list `l`.
    pub(in crate::database) async fn parents_lacking(
        &self,
        repository: &RepositoryUuid,
        stage: Stage,
        children: &'static str,
    ) -> Result<Vec<(i64, Tally)>, DatabaseError> {
        let rows: Vec<(i64, i64, i64)> = statement(
            "select parent_id, stored, expected from (
                 select parent_id, coalesce(reported, 0) as expected,
                     (select count(*) from ",
        )
        .push(children)
        .push(
            "         and c.repository_uuid = l.repository_uuid) as stored
                 from child_lists l where repository_uuid = $1 and stage = $2
             ) counts where stored < expected order by parent_id",
        )
        .bind(repository.as_str())
        .bind(stage.name())
        .fetch_all(&self.reader)
        .await?;
        let rows = rows.into_iter().map(|(parent, stored, expected)| {
            let tally = Tally {
                stored: unsigned(stored),
                expected: unsigned(expected),
            };
            (parent, tally)
        });
        Ok(rows.collect())
    }
}

impl Transaction {
    /// Notes that a list of children was read, and how many objects Bitbucket reported there.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn set_reported(
        &mut self,
        repository: &RepositoryUuid,
        stage: Stage,
        parent: i64,
        reported: Option<u64>,
    ) -> Result<(), DatabaseError> {
        statement(
            "insert into child_lists (repository_uuid, stage, parent_id, reported)
             values ($1, $2, $3, $4)
             on conflict (repository_uuid, stage, parent_id) do update set
                 reported = excluded.reported",
        )
        .bind(repository.as_str())
        .bind(stage.name())
        .bind(parent)
        .bind(reported.map(signed))
        .execute(&mut self.inner)
        .await?;
        Ok(())
    }

    /// The lists of these parents count as not read.
    pub(super) async fn forget_lists(
        &mut self,
        repository: &RepositoryUuid,
        stage: Stage,
        parents: &[i64],
    ) -> Result<(), DatabaseError> {
        if parents.is_empty() {
            return Ok(());
        }
        let mut query = StatementBuilder::new("delete from child_lists where repository_uuid = ");
        query
            .push_bind(repository.as_str())
            .push(" and stage = ")
            .push_bind(stage.name())
            .push(" and parent_id in ")
            .push_list(parents.iter().copied());
        query.build().execute(&mut self.inner).await?;
        Ok(())
    }

    /// Parents become pending whose list was never read and is not pending either: those
    /// that were stored while the stage was left out, or before there was one. Returns how
    /// many those are.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn add_pending_without_list(
        &mut self,
        repository: &RepositoryUuid,
        stage: Stage,
        parents: Parents,
    ) -> Result<u64, DatabaseError> {
        statement(
            "insert into pending (repository_uuid, stage, parent_id, revision)
             select $1, $2, id, 0 from (",
        )
        .push(parents.select())
        .push(
            ") parents where not exists (
                 select 1 from child_lists l
                 where l.repository_uuid = $1 and l.stage = $2 and l.parent_id = parents.id)
             on conflict (repository_uuid, stage, parent_id) do nothing",
        )
        .bind(repository.as_str())
        .bind(stage.name())
        .execute(&mut self.inner)
        .await
    }
}
