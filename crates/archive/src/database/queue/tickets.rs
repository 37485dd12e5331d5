//! The tables of the library that wakes workers: what it does not do itself.

use chrono::{DateTime, Utc};

use crate::database::sql::{Pool, Session, statement};
use crate::database::unsigned;
use crate::{Archive, DatabaseError, Transaction};

/// A ticket that was used, and a worker that was not seen for so long, are of no use any
/// more.
const KEPT_FOR: chrono::Duration = chrono::Duration::hours(1);

impl Archive {
    /// Tickets of a queue that wait to be used now.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn count_tickets(
        &self,
        queue: &str,
        now: DateTime<Utc>,
    ) -> Result<u64, DatabaseError> {
        let count = match &self.reader {
            Pool::Sqlite(_) => statement(
                "select count(*) from jobs
                 where job_type = $1 and status = 'Pending' and lock_by is null
                     and run_at <= $2",
            ),
            Pool::Postgres(_) => statement(
                "select count(*) from apalis.jobs
                 where job_type = $1 and status = 'Pending' and lock_by is null
                     and run_at <= to_timestamp($2)",
            ),
        };
        let count: i64 = count
            .bind(queue)
            .bind(now.timestamp())
            .fetch_scalar(&self.reader)
            .await?;
        Ok(unsigned(count))
    }
}

impl Transaction {
    /// Removes tickets that were used and workers that are gone. The library's own
    /// housekeeping would remove every ticket, however new. Returns how many tickets went.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn prune_tickets(
        &mut self,
        queue: &str,
        now: DateTime<Utc>,
    ) -> Result<u64, DatabaseError> {
        let before = (now - KEPT_FOR).timestamp();
        let (tickets, workers) = match &self.inner {
            Session::Sqlite(_) => (
                statement(
                    "delete from jobs where job_type = $1
                         and status in ('Done', 'Killed', 'Failed')
                         and coalesce(done_at, run_at) < $2",
                ),
                statement(
                    "delete from workers where worker_type = $1 and last_seen < $2
                         and id not in (select lock_by from jobs where lock_by is not null)",
                ),
            ),
            Session::Postgres(_) => (
                statement(
                    "delete from apalis.jobs where job_type = $1
                         and status in ('Done', 'Killed', 'Failed')
                         and coalesce(done_at, run_at) < to_timestamp($2)",
                ),
                statement(
                    "delete from apalis.workers w
                     where worker_type = $1 and last_seen < to_timestamp($2)
                         and not exists (select 1 from apalis.jobs where lock_by = w.id)",
                ),
            ),
        };
        let removed = tickets.bind(queue).bind(before).execute(&mut self.inner);
        let removed = removed.await?;
        let workers = workers.bind(queue).bind(before);
        workers.execute(&mut self.inner).await?;
        Ok(removed)
    }
}
