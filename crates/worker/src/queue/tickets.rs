//! Tickets that wake workers up.
//!
//! A ticket says that there is something to do, and nothing about what: whoever gets it
//! claims what is first in the queue. One too many costs a look at the queue; one that is
//! lost is replaced by the reconciler. So nothing depends on how the queue library treats
//! them when something goes wrong.

use std::error::Error;
use std::time::Duration;

use apalis::prelude::{Task, TaskBuilder};
use apalis_postgres::PostgresStorage;
use apalis_sqlite::SqliteStorage;
use bucketload_archive::{Archive, DatabaseError, Driver, DriverConnection, Transaction};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// The name of the queue in the library's tables.
pub(crate) const QUEUE: &str = "bucketload-imports";

/// In SQLite the library's own name for the table of its migrations is that of ours.
const MIGRATIONS_TABLE: &str = "_apalis_migrations";

/// There is something to do.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub(crate) struct Ticket {}

/// Nobody can be woken up.
#[derive(Debug, thiserror::Error)]
#[error("the queue's tickets cannot be written")]
pub struct TicketError(#[source] Box<dyn Error + Send + Sync>);

impl TicketError {
    fn new(error: impl Error + Send + Sync + 'static) -> Self {
        Self(Box::new(error))
    }
}

/// How often the library says that its worker is there. With longer pauses its tables tell
/// less; nothing of ours depends on it.
const SIGN_OF_LIFE: Duration = Duration::from_secs(20);

/// Makes the library's tables, or brings them up to date.
pub(crate) async fn migrate(archive: &Archive) -> Result<(), DatabaseError> {
    // Not by the library's `setup()`, which has SQLite sync nothing any more.
    let mut migrations = match archive.driver() {
        Driver::Sqlite(_) => SqliteStorage::migrations(),
        // They have a schema of their own.
        Driver::Postgres(_) => {
            let migrations = PostgresStorage::migrations();
            return archive.migrate_beside(&migrations).await;
        }
    };
    migrations.dangerous_set_table_name(MIGRATIONS_TABLE);
    archive.migrate_beside(&migrations).await
}

/// Writes tickets with everything else that a transaction writes, to be used at once or
/// not before a time.
pub(crate) async fn push(
    transaction: &mut Transaction,
    not_before: Option<DateTime<Utc>>,
    count: usize,
) -> Result<(), TicketError> {
    if count == 0 {
        return Ok(());
    }
    let ticket = serde_json::to_vec(&Ticket::default()).map_err(TicketError::new)?;
    let tickets: Vec<Task<Vec<u8>>> = (0..count)
        .map(|_| {
            let mut task = TaskBuilder::new(ticket.clone()).max_attempts(1);
            if let Some(time) = not_before {
                // Its clock has whole seconds: not too early.
                let seconds = u64::try_from(time.timestamp()).unwrap_or_default();
                task = task.run_at_timestamp(seconds + 1);
            }
            task.build()
        })
        .collect();
    match transaction.driver() {
        DriverConnection::Sqlite(connection) => {
            apalis_sqlite::queries::push_tasks(connection, QUEUE, &tickets)
                .await
                .map_err(TicketError::new)
        }
        DriverConnection::Postgres(connection) => {
            apalis_postgres::queries::push_tasks(connection, QUEUE, tickets)
                .await
                .map_err(TicketError::new)
        }
    }
}

/// How the library works for us with SQLite.
pub(super) fn sqlite_config() -> apalis_sqlite::Config {
    apalis_sqlite::Config::default()
        .queue(QUEUE)
        // With more, it forgets its sign of life while a batch waits for places.
        .batch_size(1)
        .heartbeat_interval(SIGN_OF_LIFE)
}

/// How the library works for us with PostgreSQL.
pub(super) fn postgres_config() -> apalis_postgres::Config {
    apalis_postgres::Config::default()
        .queue(QUEUE)
        .batch_size(1)
        .heartbeat_interval(SIGN_OF_LIFE)
}
