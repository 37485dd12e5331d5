//! Connections, and transactions on them.

use sqlx::postgres::{PgConnection, PgPool};
use sqlx::{Postgres, Sqlite, SqliteConnection, SqlitePool};

use super::statement;
use crate::DatabaseError;

/// Connections to one database.
#[derive(Debug, Clone)]
pub(crate) enum Pool {
    Sqlite(SqlitePool),
    Postgres(PgPool),
}

/// A transaction. Nothing of it happened until it is committed.
#[derive(Debug)]
pub(crate) enum Session {
    Sqlite(sqlx::Transaction<'static, Sqlite>),
    Postgres(sqlx::Transaction<'static, Postgres>),
}

/// What a statement runs on.
#[derive(Debug)]
pub(crate) enum Target<'c> {
    SqlitePool(&'c SqlitePool),
    Sqlite(&'c mut SqliteConnection),
    PostgresPool(&'c PgPool),
    Postgres(&'c mut PgConnection),
}

impl Pool {
    /// Begins a transaction that writes. With SQLite it has the database to itself; with
    /// PostgreSQL it has the rows that it has written.
    pub(crate) async fn begin(&self) -> Result<Session, DatabaseError> {
        match self {
            // Without it the first write could find that somebody else wrote since the
            // first read, and fail.
            Self::Sqlite(pool) => Ok(Session::Sqlite(pool.begin_with("BEGIN IMMEDIATE").await?)),
            // Whatever the server's own default is.
            Self::Postgres(pool) => Ok(Session::Postgres(
                pool.begin_with("BEGIN ISOLATION LEVEL READ COMMITTED")
                    .await?,
            )),
        }
    }

    /// Begins a transaction that reads, and sees one state of the database throughout.
    pub(crate) async fn snapshot(&self) -> Result<Session, DatabaseError> {
        match self {
            Self::Sqlite(pool) => Ok(Session::Sqlite(pool.begin().await?)),
            Self::Postgres(pool) => Ok(Session::Postgres(
                pool.begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY")
                    .await?,
            )),
        }
    }

    /// Asks the disk for everything that was committed. Without it a power failure may
    /// take the last commits.
    pub(crate) async fn reach_disk(&self) -> Result<(), DatabaseError> {
        match self {
            // A checkpoint syncs the write-ahead log before all else.
            Self::Sqlite(pool) => {
                sqlx::query("pragma wal_checkpoint(passive)")
                    .execute(pool)
                    .await?;
                Ok(())
            }
            // Where the server is told otherwise, its owner has chosen so.
            Self::Postgres(_) => Ok(()),
        }
    }

    /// Lets go of all connections.
    pub(crate) async fn close(&self) {
        match self {
            Self::Sqlite(pool) => pool.close().await,
            Self::Postgres(pool) => pool.close().await,
        }
    }
}

impl Session {
    /// Waits until nobody else has the lock of that name, and has it until the transaction
    /// ends.
    ///
    /// To be called before a row is read that is written, or inserted, depending on what
    /// was read, where another process may do the same. SQLite needs none: whoever writes
    /// has the database to himself. Take one lock in a transaction, never a second.
    pub(crate) async fn lock(&mut self, name: &str) -> Result<(), DatabaseError> {
        match self {
            Self::Sqlite(_) => Ok(()),
            Self::Postgres(_) => {
                statement("select pg_advisory_xact_lock(hashtextextended($1, 0))")
                    .bind(name)
                    .execute(self)
                    .await?;
                Ok(())
            }
        }
    }

    /// Makes everything in it permanent.
    pub(crate) async fn commit(self) -> Result<(), DatabaseError> {
        match self {
            Self::Sqlite(transaction) => Ok(transaction.commit().await?),
            Self::Postgres(transaction) => Ok(transaction.commit().await?),
        }
    }
}

impl<'c> From<&'c Pool> for Target<'c> {
    fn from(pool: &'c Pool) -> Self {
        match pool {
            Pool::Sqlite(pool) => Self::SqlitePool(pool),
            Pool::Postgres(pool) => Self::PostgresPool(pool),
        }
    }
}

impl<'c> From<&'c mut Session> for Target<'c> {
    fn from(session: &'c mut Session) -> Self {
        match session {
            Session::Sqlite(transaction) => Self::Sqlite(transaction),
            Session::Postgres(transaction) => Self::Postgres(transaction),
        }
    }
}
