//! What is still to be read.

use bucketload_model::{RepositoryUuid, Stage};

use super::sql::{StatementBuilder, statement};
use super::{Archive, DatabaseError, Transaction, unsigned};

/// A parent object whose children are still to be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PendingParent {
    /// Its id.
    pub id: i64,
    /// The page to go on with; absent for the first.
    pub next_page: Option<String>,
    /// Counts how often the parent changed while it was pending: what was read
    /// of an older revision does not finish a newer one.
    pub revision: i64,
}

impl Archive {
    /// The next parents with an id greater than `after`, in order, at most `limit`.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn pending(
        &self,
        repository: &RepositoryUuid,
        stage: Stage,
        after: i64,
        limit: u32,
    ) -> Result<Vec<PendingParent>, DatabaseError> {
        let rows: Vec<(i64, Option<String>, i64)> = statement(
            "select parent_id, next_page, revision from pending
             where repository_uuid = $1 and stage = $2 and parent_id > $3
             order by parent_id limit $4",
        )
        .bind(repository.as_str())
        .bind(stage.name())
        .bind(after)
        .bind(i64::from(limit))
        .fetch_all(&self.reader)
        .await?;
        let rows = rows.into_iter();
        Ok(rows
            .map(|(id, next_page, revision)| PendingParent {
                id,
                next_page,
                revision,
            })
            .collect())
    }
}

impl Transaction {
    /// How many parents' children are to be read.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn count_pending(
        &mut self,
        repository: &RepositoryUuid,
        stage: Stage,
    ) -> Result<u64, DatabaseError> {
        let count: i64 =
            statement("select count(*) from pending where repository_uuid = $1 and stage = $2")
                .bind(repository.as_str())
                .bind(stage.name())
                .fetch_scalar(&mut self.inner)
                .await?;
        Ok(unsigned(count))
    }

    /// Marks parents whose children are to be read from the first page on.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn add_pending(
        &mut self,
        repository: &RepositoryUuid,
        stage: Stage,
        parents: &[i64],
    ) -> Result<(), DatabaseError> {
        if parents.is_empty() {
            return Ok(());
        }
        let mut query = StatementBuilder::new(
            "insert into pending (repository_uuid, stage, parent_id, revision) ",
        );
        query.push_values(parents, |row, parent| {
            row.push_bind(repository.as_str())
                .push_bind(stage.name())
                .push_bind(*parent)
                .push_bind(0_i64);
        });
        query.push(
            " on conflict (repository_uuid, stage, parent_id) do update set
                  next_page = null, revision = pending.revision + 1",
        );
        query.build().execute(&mut self.inner).await?;
        Ok(())
    }

    /// Has the children of these parents read once more.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn read_children_again(
        &mut self,
        repository: &RepositoryUuid,
        stage: Stage,
        parents: &[i64],
    ) -> Result<(), DatabaseError> {
        for part in parents.chunks(500) {
            self.add_pending(repository, stage, part).await?;
        }
        Ok(())
    }

    /// Notes that a parent's children are stored up to `next_page`; without one
    /// they are to be read from the first page again.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn advance_pending(
        &mut self,
        repository: &RepositoryUuid,
        stage: Stage,
        parent: &PendingParent,
        next_page: Option<&str>,
    ) -> Result<(), DatabaseError> {
        statement(
            "update pending set next_page = $5
             where repository_uuid = $1 and stage = $2 and parent_id = $3 and revision = $4",
        )
        .bind(repository.as_str())
        .bind(stage.name())
        .bind(parent.id)
        .bind(parent.revision)
        .bind(next_page)
        .execute(&mut self.inner)
        .await?;
        Ok(())
    }

    /// Notes that all of a parent's children are stored.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn finish_pending(
        &mut self,
        repository: &RepositoryUuid,
        stage: Stage,
        parent: &PendingParent,
    ) -> Result<(), DatabaseError> {
        statement(
            "delete from pending
             where repository_uuid = $1 and stage = $2 and parent_id = $3 and revision = $4",
        )
        .bind(repository.as_str())
        .bind(stage.name())
        .bind(parent.id)
        .bind(parent.revision)
        .execute(&mut self.inner)
        .await?;
        Ok(())
    }

    /// Forgets what is still to be read of a repository: an archive that was restored
    /// has all that there was.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn forget_pending(
        &mut self,
        repository: &RepositoryUuid,
    ) -> Result<(), DatabaseError> {
        statement("delete from pending where repository_uuid = $1")
            .bind(repository.as_str())
            .execute(&mut self.inner)
            .await?;
        Ok(())
    }
}
