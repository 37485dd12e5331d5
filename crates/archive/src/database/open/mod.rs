//! Opening a database and bringing its schema up to date.
//!
//! | module | holds |
//! |---|---|
//! | `schema` | how far a schema is, and whether it may be brought further now |
//! | `backup` | the copy that is taken of a file before |
//! | `sqlite`, `postgres` | connections, and the lock under which the migrations are made |

pub(super) mod backup;
pub(super) mod postgres;
pub(super) mod schema;
pub(super) mod sqlite;

use std::path::PathBuf;

use sqlx::migrate::MigrateError;

use super::{Archive, DatabaseAddress, OpenError};
use crate::DataDir;

/// What became of a schema when its database was opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upgrade {
    /// The version that it had; 0 for a new database.
    pub from: i64,
    /// The version that it has; the same where there was nothing to do.
    pub to: i64,
    /// The copy of the database as it was before, where one was taken.
    pub backup: Option<PathBuf>,
}

impl Upgrade {
    /// Nothing was to be done.
    const fn none(version: i64) -> Self {
        Self {
            from: version,
            to: version,
            backup: None,
        }
    }
}

impl Archive {
    /// Opens the archive's database, makes it if it is a file that is missing, and brings
    /// its schema up to date: whole or not at all, alone, and after a backup where it is a
    /// file with tables in it.
    ///
    /// # Errors
    ///
    /// When the file cannot be opened or written, the server does not answer or refuses, or
    /// a newer program wrote the database; when its schema is older and others are at work,
    /// or no backup can be taken.
    pub async fn open(data_dir: &DataDir) -> Result<Self, OpenError> {
        let (archive, _) = open(data_dir, true).await?;
        Ok(archive)
    }

    /// Opens a database that is there, to read it beside whoever writes.
    ///
    /// # Errors
    ///
    /// When there is none, or as [`Archive::open`].
    pub async fn open_existing(data_dir: &DataDir) -> Result<Self, OpenError> {
        let (archive, _) = open(data_dir, false).await?;
        Ok(archive)
    }

    /// Brings the schema of a database that is there up to date, and says what was done.
    ///
    /// # Errors
    ///
    /// As [`Archive::open_existing`].
    pub async fn upgrade(data_dir: &DataDir) -> Result<Upgrade, OpenError> {
        let (archive, upgrade) = open(data_dir, false).await?;
        archive.close().await;
        Ok(upgrade)
    }
}

/// Opens a database; one that is missing only if it `makes` it.
async fn open(data_dir: &DataDir, makes: bool) -> Result<(Archive, Upgrade), OpenError> {
    match data_dir.database() {
        DatabaseAddress::Sqlite(path) if !makes && !path.exists() => Err(OpenError::Missing {
            database: DatabaseAddress::Sqlite(path),
        }),
        DatabaseAddress::Sqlite(path) => sqlite::open(path, data_dir).await,
        DatabaseAddress::Postgres(address) => postgres::open(address, data_dir, makes).await,
    }
}

/// Why a schema cannot be brought up to date.
fn migration_failed(database: DatabaseAddress, error: MigrateError) -> OpenError {
    match error {
        MigrateError::VersionMissing(found) => OpenError::Newer { database, found },
        source => OpenError::Migrate { database, source },
    }
}

/// Said once, by whoever did it.
fn say(database: &DatabaseAddress, upgrade: &Upgrade) {
    if upgrade.from == 0 {
        return;
    }
    let backup = upgrade.backup.as_deref().map(|path| path.display());
    tracing::info!(
        %database,
        from = upgrade.from,
        to = upgrade.to,
        backup = backup.map(tracing::field::display),
        "the database was brought up to date"
    );
}
