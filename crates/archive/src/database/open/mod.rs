//! Opening a database and bringing its schema up to date.

pub(super) mod postgres;
pub(super) mod sqlite;

use sqlx::migrate::MigrateError;

use super::{Archive, DatabaseAddress, OpenError};
use crate::DataDir;

impl Archive {
    /// Opens the archive's database, makes it if it is a file that is missing, and brings
    /// its schema up to date.
    ///
    /// # Errors
    ///
    /// When the file cannot be opened or written, the server does not answer or refuses, or
    /// a newer program wrote the database.
    pub async fn open(data_dir: &DataDir) -> Result<Self, OpenError> {
        match data_dir.database() {
            DatabaseAddress::Sqlite(path) => sqlite::open(path).await,
            DatabaseAddress::Postgres(address) => postgres::open(address, true).await,
        }
    }

    /// Opens a database that is there, to read it beside whoever writes.
    ///
    /// # Errors
    ///
    /// When there is none, or as [`Archive::open`].
    pub async fn open_existing(data_dir: &DataDir) -> Result<Self, OpenError> {
        match data_dir.database() {
            DatabaseAddress::Sqlite(path) if !path.exists() => Err(OpenError::Missing {
                database: DatabaseAddress::Sqlite(path),
            }),
            DatabaseAddress::Sqlite(path) => sqlite::open(path).await,
            DatabaseAddress::Postgres(address) => postgres::open(address, false).await,
        }
    }
}

/// Why a schema cannot be brought up to date.
fn migration_failed(database: DatabaseAddress, error: MigrateError) -> OpenError {
    match error {
        MigrateError::VersionMissing(found) => OpenError::Newer { database, found },
        source => OpenError::Migrate { database, source },
    }
}
