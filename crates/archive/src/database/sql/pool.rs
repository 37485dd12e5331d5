//! Connections, and transactions on them.

use sqlx::{Sqlite, SqliteConnection, SqlitePool};

use crate::DatabaseError;

/// Connections to one database.
#[derive(Debug, Clone)]
pub(crate) enum Pool {
    Sqlite(SqlitePool),
}

/// A transaction. Nothing of it happened until it is committed.
#[derive(Debug)]
pub(crate) enum Session {
    Sqlite(sqlx::Transaction<'static, Sqlite>),
}

/// What a statement runs on.
#[derive(Debug)]
pub(crate) enum Target<'c> {
    SqlitePool(&'c SqlitePool),
    Sqlite(&'c mut SqliteConnection),
}

impl Pool {
    /// Begins a transaction that writes: what it reads, nobody else changes meanwhile.
    pub(crate) async fn begin(&self) -> Result<Session, DatabaseError> {
        match self {
            // Without it the first write could find that somebody else wrote since the
            // first read, and fail.
            Self::Sqlite(pool) => Ok(Session::Sqlite(pool.begin_with("BEGIN IMMEDIATE").await?)),
        }
    }

    /// Begins a transaction that reads, and sees one state of the database throughout.
    pub(crate) async fn snapshot(&self) -> Result<Session, DatabaseError> {
        match self {
            Self::Sqlite(pool) => Ok(Session::Sqlite(pool.begin().await?)),
        }
    }

    /// Lets go of all connections.
    pub(crate) async fn close(&self) {
        match self {
            Self::Sqlite(pool) => pool.close().await,
        }
    }
}

impl Session {
    /// Makes everything in it permanent.
    pub(crate) async fn commit(self) -> Result<(), DatabaseError> {
        match self {
            Self::Sqlite(transaction) => Ok(transaction.commit().await?),
        }
    }
}

impl<'c> From<&'c Pool> for Target<'c> {
    fn from(pool: &'c Pool) -> Self {
        match pool {
            Pool::Sqlite(pool) => Self::SqlitePool(pool),
        }
    }
}

impl<'c> From<&'c mut Session> for Target<'c> {
    fn from(session: &'c mut Session) -> Self {
        match session {
            Session::Sqlite(transaction) => Self::Sqlite(transaction),
        }
    }
}
