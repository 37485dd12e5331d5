//! The connections themselves, for libraries that keep tables of their own beside ours.

use sqlx::migrate::{MigrateError, Migrator};
use sqlx::{SqliteConnection, SqlitePool};

use super::sql::{Pool, Session};
use super::{Archive, DatabaseError, Transaction};

impl Archive {
    /// The connection that writes, where the database is SQLite.
    pub fn sqlite(&self) -> Option<&SqlitePool> {
        match &self.writer {
            Pool::Sqlite(pool) => Some(pool),
            Pool::Postgres(_) => None,
        }
    }

    /// Brings tables of somebody else's in SQLite up to date. Several processes may do so at once.
    ///
    /// # Errors
    ///
    /// When the database fails, or a newer program made the tables.
    pub async fn migrate_beside(&self, migrations: &Migrator) -> Result<(), DatabaseError> {
        let failed = |error| match error {
            MigrateError::Execute(error) => DatabaseError::from(error),
            error => DatabaseError::Sql(sqlx::Error::Migrate(Box::new(error))),
        };
        match &self.writer {
            Pool::Sqlite(pool) => {
                // As with our own: whoever comes second waits, and finds nothing to do.
                let mut alone = pool.begin_with("BEGIN IMMEDIATE").await?;
                migrations.run(&mut *alone).await.map_err(failed)?;
                Ok(alone.commit().await?)
            }
            Pool::Postgres(_) => Ok(()),
        }
    }
}

impl Transaction {
    /// The connection of this transaction, where the database is SQLite: what is written
    /// with it becomes permanent with everything else, or not at all.
    pub fn sqlite(&mut self) -> Option<&mut SqliteConnection> {
        match &mut self.inner {
            Session::Sqlite(transaction) => Some(transaction),
            Session::Postgres(_) => None,
        }
    }
}
