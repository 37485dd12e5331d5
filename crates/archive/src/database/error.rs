//! What can go wrong with the database.

use std::path::PathBuf;

/// The database failed.
#[derive(Debug, thiserror::Error)]
pub enum DatabaseError {
    /// No space is left for it.
    #[error("the disk is full")]
    DiskFull(#[source] sqlx::Error),
    /// A row holds something that this program never wrote.
    #[error("the database has an unexpected value in {table}.{column}: “{value}”")]
    Inconsistent {
        /// The table.
        table: &'static str,
        /// The column.
        column: &'static str,
        /// What it holds.
        value: String,
    },
    /// Anything else.
    #[error("the database failed")]
    Sql(#[source] sqlx::Error),
}

/// The database cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// There is none, and the caller wants to read one.
    #[error("there is no archive at {}", .path.display())]
    Missing {
        /// Where it should be.
        path: PathBuf,
    },
    /// A newer bucketload has written it.
    #[error("the database {} was written by a newer bucketload (schema {found})", .path.display())]
    Newer {
        /// The database.
        path: PathBuf,
        /// Its schema's version.
        found: i64,
    },
    /// The schema cannot be brought up to date.
    #[error("cannot bring the database {} up to date", .path.display())]
    Migrate {
        /// The database.
        path: PathBuf,
        /// Why.
        #[source]
        source: sqlx::migrate::MigrateError,
    },
    /// The file cannot be opened or is no database.
    #[error("cannot open the database {}", .path.display())]
    Open {
        /// The database.
        path: PathBuf,
        /// Why.
        #[source]
        source: sqlx::Error,
    },
}

/// `SQLITE_FULL`: the disk, or a quota on it, is full.
const SQLITE_FULL: &str = "13";

impl From<sqlx::Error> for DatabaseError {
    fn from(error: sqlx::Error) -> Self {
        let code = error
            .as_database_error()
            .and_then(sqlx::error::DatabaseError::code);
        if code.as_deref() == Some(SQLITE_FULL) {
            Self::DiskFull(error)
        } else {
            Self::Sql(error)
        }
    }
}
