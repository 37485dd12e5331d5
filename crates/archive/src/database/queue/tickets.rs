//! The tables of the library that wakes workers: what it does not do itself.

use chrono::{DateTime, Utc};

use crate::database::sql::{Session, statement};
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
        if self.sqlite().is_none() {
            return Ok(0);
        }
        let count: i64 = statement(
            "select count(*) from jobs
             where job_type = $1 and status = 'Pending' and lock_by is null and run_at <= $2",
        )
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
        match &mut self.inner {
            session @ Session::Sqlite(_) => {
                let removed = statement(
                    "delete from jobs where job_type = $1
                         and status in ('Done', 'Killed', 'Failed')
                         and coalesce(done_at, run_at) < $2",
                )
                .bind(queue)
                .bind(before)
                .execute(&mut *session)
                .await?;
                statement(
                    "delete from workers where worker_type = $1 and last_seen < $2
                         and id not in (select lock_by from jobs where lock_by is not null)",
                )
                .bind(queue)
                .bind(before)
                .execute(session)
                .await?;
                Ok(removed)
            }
            Session::Postgres(_) => Ok(0),
        }
    }
}
