//! A file of SQLite.

use std::path::{Path, PathBuf};
use std::time::Duration;

use sqlx::migrate::Migrator;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{Connection as _, Sqlite, SqliteConnection, SqlitePool};

use super::schema::{self, APPLIED, Applied, Standing};
use super::{Upgrade, backup, migration_failed};
use crate::database::sql::Pool;
use crate::{Archive, DataDir, DatabaseAddress, OpenError};

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
pub(super) async fn open(
    path: PathBuf,
    data_dir: &DataDir,
) -> Result<(Archive, Upgrade), OpenError> {
    let options = connect_options(&path).create_if_missing(true);
    let connected = connect(options).await;
    let database = DatabaseAddress::Sqlite(path.clone());
    let (writer, reader) = match connected {
        Ok(pools) => pools,
        Err(source) => return Err(OpenError::Open { database, source }),
    };
    let file = DatabaseFile {
        path,
        database,
        writer,
        reader,
    };
    let upgrade = file.bring_up_to_date(data_dir).await?;
    let writer = Pool::Sqlite(file.writer);
    let archive = Archive {
        // Whoever writes here waits for everybody who writes.
        ledger: writer.clone(),
        writer,
        reader: Pool::Sqlite(file.reader),
    };
    Ok((archive, upgrade))
}

/// A file that is open, whatever its schema.
struct DatabaseFile {
    path: PathBuf,
    database: DatabaseAddress,
    writer: SqlitePool,
    reader: SqlitePool,
}

impl DatabaseFile {
    /// Makes the migrations that are wanting, all or none, while nobody else writes. What
    /// others see meanwhile is the old schema; whoever wants to change it, too, waits, and
    /// finds nothing left to do. However this ends, the lock ends with it.
    async fn bring_up_to_date(&self, data_dir: &DataDir) -> Result<Upgrade, OpenError> {
        let to = schema::newest(&MIGRATIONS);
        let mut connection = self.writer.acquire().await.map_err(self.failed())?;
        if self.standing(&mut connection).await? == Standing::Current {
            return Ok(Upgrade::none(to));
        }
        drop(connection);
        let mut alone = self.lock().await.map_err(self.failed())?;
        let mut upgrade = Upgrade::none(to);
        upgrade.from = match self.standing(&mut alone).await? {
            Standing::Current => return Ok(upgrade),
            Standing::Empty => 0,
            Standing::Older(from) => from,
        };
        let mut _nobody_else = None;
        if upgrade.from > 0 {
            _nobody_else = schema::alone(data_dir, &self.database, upgrade.from, to)?;
            upgrade.backup = self.back_up(data_dir, upgrade.from).await?;
        }
        let failed = |error| migration_failed(self.database.clone(), error);
        MIGRATIONS.run(&mut *alone).await.map_err(failed)?;
        alone.commit().await.map_err(self.failed())?;
        super::say(&self.database, &upgrade);
        Ok(upgrade)
    }

    async fn standing(&self, connection: &mut SqliteConnection) -> Result<Standing, OpenError> {
        let applied = applied(connection).await.map_err(self.failed())?;
        let failed = |error| migration_failed(self.database.clone(), error);
        schema::standing(&applied, &MIGRATIONS).map_err(failed)
    }

    async fn back_up(&self, data_dir: &DataDir, schema: i64) -> Result<Option<PathBuf>, OpenError> {
        if !data_dir.backs_up() {
            return Ok(None);
        }
        tracing::info!(database = %self.database, schema, "a backup is taken before an upgrade");
        let taken = backup::take(&self.path, &self.reader, schema).await;
        taken.map(Some).map_err(|source| OpenError::Backup {
            database: self.database.clone(),
            source,
        })
    }

    /// The right to write. A backup of a large database takes longer than SQLite waits.
    async fn lock(&self) -> Result<sqlx::Transaction<'static, Sqlite>, sqlx::Error> {
        loop {
            match self.writer.begin_with("BEGIN IMMEDIATE").await {
                Err(error) if is_busy(&error) => {
                    tracing::info!(database = %self.database, "waiting for another process that writes");
                }
                result => return result,
            }
        }
    }

    fn failed(&self) -> impl Fn(sqlx::Error) -> OpenError {
        let database = self.database.clone();
        move |source| OpenError::Open {
            database: database.clone(),
            source,
        }
    }
}

/// The migrations that were made; none where nobody has begun.
pub(in crate::database) async fn applied(
    connection: &mut SqliteConnection,
) -> Result<Vec<Applied>, sqlx::Error> {
    let has_any: bool = sqlx::query_scalar(
        "select count(*) > 0 from sqlite_schema where name = '_sqlx_migrations'",
    )
    .fetch_one(&mut *connection)
    .await?;
    if !has_any {
        return Ok(Vec::new());
    }
    sqlx::query_as(APPLIED).fetch_all(connection).await
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
