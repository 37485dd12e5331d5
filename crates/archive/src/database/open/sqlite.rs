//! A file of SQLite.

use std::path::{Path, PathBuf};
use std::time::Duration;

use sqlx::migrate::{MigrateError, Migrator};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{Connection as _, SqlitePool};

use super::migration_failed;
use crate::database::sql::Pool;
use crate::{Archive, DatabaseAddress, OpenError};

pub(in crate::database) static MIGRATIONS: Migrator = sqlx::migrate!("../../migrations/sqlite");

/// Connections that read: exports and status beside a running import.
const READERS: u32 = 4;

/// Rows that a connection reads ahead of whoever takes them: as many as a page shows, so
/// that its thread is woken once for all of them.
const ROWS_AHEAD: usize = 512;

/// Another process may be writing (a second command, a migration): its longest
/// transaction is one page.
const BUSY_TIMEOUT: Duration = Duration::from_secs(30);

/// A new database is switched to its write-ahead log once, and whoever opens it
/// at that moment is told that it is busy, without the time-out above.
const WAL_TRIES: u32 = 100;
const WAL_PAUSE: Duration = Duration::from_millis(20);

/// `SQLITE_BUSY`.
const SQLITE_BUSY: &str = "5";

fn is_busy(error: &sqlx::Error) -> bool {
    let code = error
        .as_database_error()
        .and_then(sqlx::error::DatabaseError::code);
    code.as_deref() == Some(SQLITE_BUSY)
}

/// Opens a file, and makes it if it is missing.
pub(super) async fn open(path: PathBuf) -> Result<Archive, OpenError> {
    let options = connect_options(&path).create_if_missing(true);
    let connected = connect(options).await;
    let database = DatabaseAddress::Sqlite(path);
    let (writer, reader) = match connected {
        Ok(pools) => pools,
        Err(source) => return Err(OpenError::Open { database, source }),
    };
    if let Err(error) = migrate(&writer).await {
        return Err(migration_failed(database, error));
    }
    let writer = Pool::Sqlite(writer);
    Ok(Archive {
        // Whoever writes here waits for everybody who writes.
        ledger: writer.clone(),
        writer,
        reader: Pool::Sqlite(reader),
    })
}

/// Two processes may open a database of an older version at the same time: an
/// import and somebody who asks how it goes. Whoever comes second finds the
/// tables half made, and tries again once the other has ended.
async fn migrate(writer: &SqlitePool) -> Result<(), MigrateError> {
    match MIGRATIONS.run(writer).await {
        // A lock from the start would make every reader wait for a writer.
        Err(error) if !matches!(error, MigrateError::VersionMissing(_)) => {
            let mut alone = writer.begin_with("BEGIN IMMEDIATE").await?;
            MIGRATIONS.run(&mut *alone).await?;
            Ok(alone.commit().await?)
        }
        result => result,
    }
}

fn connect_options(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .journal_mode(SqliteJournalMode::Wal)
        // With a write-ahead log this survives any death of the process. After a
        // power failure the last transactions may be gone, rows and checkpoints
        // alike: they are fetched again.
        .synchronous(SqliteSynchronous::Normal)
        .foreign_keys(true)
        .busy_timeout(BUSY_TIMEOUT)
}

/// The connection that writes, and those that read.
async fn connect(options: SqliteConnectOptions) -> Result<(SqlitePool, SqlitePool), sqlx::Error> {
    let writer = SqlitePoolOptions::new()
        .max_connections(1)
        // Eight stages may queue for the writer behind a slow disk.
        .acquire_timeout(Duration::from_mins(5))
        // SQLite ends a transaction by itself when the disk is full; the connection
        // still believes in it, and is of no more use.
        .before_acquire(|connection, _| {
            let is_free = !connection.is_in_transaction();
            Box::pin(async move { Ok(is_free) })
        });
    let mut tries_left = WAL_TRIES;
    let writer = loop {
        match writer.clone().connect_with(options.clone()).await {
            Err(error) if is_busy(&error) && tries_left > 0 => {
                tries_left -= 1;
                tokio::time::sleep(WAL_PAUSE).await;
            }
            result => break result?,
        }
    };
    let reader = SqlitePoolOptions::new()
        .max_connections(READERS)
        // A file does not hang up: asking each connection whether it still lives is a turn of
        // its thread for nothing.
        .test_before_acquire(false)
        .connect_lazy_with(options.row_buffer_size(ROWS_AHEAD));
    Ok((writer, reader))
}
