//! What can go wrong with the database.

use bucketload_model::ErrorClass;

use super::{BackupError, DatabaseAddress, Obstacle};

/// The database failed.
#[derive(Debug, thiserror::Error)]
pub enum DatabaseError {
    /// No space is left for it.
    #[error("the disk is full")]
    DiskFull(#[source] sqlx::Error),
    /// Its server went away, or is not there yet.
    #[error("the connection to the database was lost")]
    Away(#[source] sqlx::Error),
    /// Two transactions stood in each other's way, and this one gave way.
    #[error("the transaction gave way to another one")]
    Conflict(#[source] sqlx::Error),
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
    /// A newer program has changed the schema since it was opened.
    #[error(
        "a newer bucketload has brought the database to schema {found}; this one knows {known}"
    )]
    Outgrown {
        /// The version of the schema.
        found: i64,
        /// The newest that this program knows.
        known: i64,
    },
    /// Anything else.
    #[error("the database failed")]
    Sql(#[source] sqlx::Error),
}

/// The database cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// There is none, and the caller wants to read one.
    #[error("there is no archive at {database}")]
    Missing {
        /// Where it should be.
        database: DatabaseAddress,
    },
    /// A newer bucketload has written it.
    #[error("the database {database} was written by a newer bucketload (schema {found})")]
    Newer {
        /// The database.
        database: DatabaseAddress,
        /// Its schema's version.
        found: i64,
    },
    /// The schema cannot be brought up to date.
    #[error("cannot bring the database {database} up to date")]
    Migrate {
        /// The database.
        database: DatabaseAddress,
        /// Why.
        #[source]
        source: sqlx::migrate::MigrateError,
    },
    /// Its schema is older, and others are at work who expect it to stay so.
    #[error("the database {database} cannot be brought from schema {from} to {to} now")]
    AtWork {
        /// The database.
        database: DatabaseAddress,
        /// The version of its schema.
        from: i64,
        /// The version that this program needs.
        to: i64,
        /// Who they are.
        #[source]
        source: Obstacle,
    },
    /// Its schema is older, and the backup that comes first cannot be taken.
    #[error("no backup of the database {database} can be taken before its schema is changed")]
    Backup {
        /// The database.
        database: DatabaseAddress,
        /// Why.
        #[source]
        source: BackupError,
    },
    /// The file cannot be opened or is no database, or the server refuses for a reason of
    /// its own.
    #[error("cannot open the database {database}")]
    Open {
        /// The database.
        database: DatabaseAddress,
        /// Why.
        #[source]
        source: sqlx::Error,
    },
    /// No server answers.
    #[error("no PostgreSQL server answers for {database}")]
    Unreachable {
        /// The database.
        database: DatabaseAddress,
        /// Why.
        #[source]
        source: sqlx::Error,
    },
    /// The server does not prove that it is the one that was meant.
    #[error("the certificate of the PostgreSQL server does not do for {database}")]
    Certificate {
        /// The database.
        database: DatabaseAddress,
        /// Why.
        #[source]
        source: sqlx::Error,
    },
    /// The server does not let this user in, or not with this password.
    #[error("the PostgreSQL server lets nobody in as {database}")]
    Login {
        /// The database, with the user.
        database: DatabaseAddress,
        /// Why.
        #[source]
        source: sqlx::Error,
    },
    /// The server has no database of that name.
    #[error("the PostgreSQL server has no database for {database}")]
    NoDatabase {
        /// The database.
        database: DatabaseAddress,
        /// Why.
        #[source]
        source: sqlx::Error,
    },
    /// The server is too old.
    #[error("the server of {database} is PostgreSQL {found}; {oldest} is the oldest that will do")]
    TooOld {
        /// The database.
        database: DatabaseAddress,
        /// The server's major version.
        found: i64,
        /// The oldest major version that is supported.
        oldest: i64,
    },
    /// The database holds text in an encoding that has not every letter.
    #[error("the database {database} holds text as {found}, not as UTF8")]
    Encoding {
        /// The database.
        database: DatabaseAddress,
        /// Its encoding, as PostgreSQL calls it.
        found: String,
    },
}

impl DatabaseError {
    /// The class of the failure.
    pub fn class(&self) -> ErrorClass {
        match self {
            Self::Away(_) | Self::Conflict(_) => ErrorClass::Transient,
            Self::DiskFull(_)
            | Self::Inconsistent { .. }
            | Self::Outgrown { .. }
            | Self::Sql(_) => ErrorClass::Permanent,
        }
    }
}

/// `SQLITE_FULL`: the disk, or a quota on it, is full.
const SQLITE_FULL: &str = "13";

/// `disk_full`; see the list of PostgreSQL's error codes,
/// <https://www.postgresql.org/docs/current/errcodes-appendix.html>.
const DISK_FULL: &str = "53100";

/// `serialization_failure` and `deadlock_detected`.
const CONFLICTS: &[&str] = &["40001", "40P01"];

/// `too_many_connections`, `admin_shutdown`, `crash_shutdown`, `cannot_connect_now`,
/// `idle_in_transaction_session_timeout`; those of class 08 are about connections, too.
const AWAY: &[&str] = &["53300", "57P01", "57P02", "57P03", "25P03"];

impl From<sqlx::Error> for DatabaseError {
    fn from(error: sqlx::Error) -> Self {
        let code = error
            .as_database_error()
            .and_then(sqlx::error::DatabaseError::code);
        match code.as_deref() {
            Some(SQLITE_FULL | DISK_FULL) => Self::DiskFull(error),
            Some(code) if CONFLICTS.contains(&code) => Self::Conflict(error),
            Some(code) if AWAY.contains(&code) || is_about_connections(code) => Self::Away(error),
            None if is_lost(&error) => Self::Away(error),
            Some(_) | None => Self::Sql(error),
        }
    }
}

/// SQLite's codes are plain numbers, of fewer digits.
fn is_about_connections(code: &str) -> bool {
    code.len() == 5 && code.starts_with("08")
}

fn is_lost(error: &sqlx::Error) -> bool {
    matches!(
        error,
        sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut | sqlx::Error::WorkerCrashed
    )
}
