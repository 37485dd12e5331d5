//! The connections themselves, for libraries that keep tables of their own beside ours.

use sqlx::migrate::{MigrateError, Migrator};
use sqlx::{PgConnection, PgPool, SqliteConnection, SqlitePool};

use super::sql::{Pool, Session};
use super::{Archive, DatabaseError, Transaction};

/// Connections to the archive's database.
#[derive(Debug, Clone, Copy)]
pub enum Driver<'a> {
    /// The one that writes to a file of SQLite.
    Sqlite(&'a SqlitePool),
    /// Those to a PostgreSQL server.
    Postgres(&'a PgPool),
}

/// The connection of a transaction: what is written with it becomes permanent with
/// everything else, or not at all.
#[derive(Debug)]
pub enum DriverConnection<'a> {
    /// To a file of SQLite.
    Sqlite(&'a mut SqliteConnection),
    /// To a PostgreSQL server.
    Postgres(&'a mut PgConnection),
}

impl Archive {
    /// The connections of which one may write.
    pub fn driver(&self) -> Driver<'_> {
        match (&self.writer, &self.reader) {
            (Pool::Sqlite(pool), _) => Driver::Sqlite(pool),
            // Whoever looks for something to do does not hold up who writes.
            (Pool::Postgres(_), Pool::Postgres(pool)) | (Pool::Postgres(pool), _) => {
                Driver::Postgres(pool)
            }
        }
    }

    /// Brings tables of somebody else's up to date. Several processes may do so at once.
    ///
    /// # Errors
    ///
    /// When the database fails, or a newer program made the tables.
    pub async fn migrate_beside(&self, migrations: &Migrator) -> Result<(), DatabaseError> {
        match &self.writer {
            Pool::Sqlite(pool) => {
                // As with our own: whoever comes second waits, and finds nothing to do.
                let mut alone = pool.begin_with("BEGIN IMMEDIATE").await?;
                migrations.run(&mut *alone).await.map_err(failed)?;
                Ok(alone.commit().await?)
            }
            Pool::Postgres(pool) => {
                let mut connection = pool.acquire().await?;
                // What they make without naming a schema is not to lie among our tables.
                sqlx::query("set search_path to public")
                    .execute(&mut *connection)
                    .await?;
                let made = migrations.run(&mut *connection).await.map_err(failed);
                // Back to what the connection was opened with.
                sqlx::query("reset search_path")
                    .execute(&mut *connection)
                    .await?;
                made
            }
        }
    }
}

fn failed(error: MigrateError) -> DatabaseError {
    match error {
        MigrateError::Execute(error) => DatabaseError::from(error),
        error => DatabaseError::Sql(sqlx::Error::Migrate(Box::new(error))),
    }
}

impl Transaction {
    /// The connection of this transaction.
    pub fn driver(&mut self) -> DriverConnection<'_> {
        match &mut self.inner {
            Session::Sqlite(transaction) => DriverConnection::Sqlite(transaction),
            Session::Postgres(transaction) => DriverConnection::Postgres(transaction),
        }
    }
}
