//! Looks at a database and changes nothing in it.

use std::path::Path;

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{Connection as _, SqliteConnection};

use super::open::backup::BackupPlan;
use super::open::{postgres, schema, sqlite};
use crate::{Archive, DataDir, DatabaseAddress, OpenError};

/// Damages that are listed; where there is one there may be thousands.
const MAX_DAMAGES: u32 = 10;

/// How a database is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatabaseHealth {
    /// The version of its schema; 0 before the first migration.
    pub schema: i64,
    /// The newest version that this program knows. An older database is brought
    /// up to date when it is opened to work with it.
    pub newest: i64,
    /// What SQLite's quick check found, in its words; empty where all is well. PostgreSQL
    /// is not asked: its own programs look after its files.
    pub damages: Vec<String>,
    /// What a backup would take, where one is ours to take.
    pub backup: Option<BackupPlan>,
}

impl Archive {
    /// How the database of a data directory is, found out without migrating it.
    /// Absent where there is none yet. Reads the whole file, where it is one.
    ///
    /// # Errors
    ///
    /// When the file cannot be opened or is no database, or the server does not answer,
    /// refuses or will not do.
    pub async fn health(data_dir: &DataDir) -> Result<Option<DatabaseHealth>, OpenError> {
        let path = match data_dir.database() {
            DatabaseAddress::Sqlite(path) => path,
            DatabaseAddress::Postgres(address) => return postgres::health(address).await,
        };
        if !path.exists() {
            return Ok(None);
        }
        let options = SqliteConnectOptions::new().filename(&path).read_only(true);
        let look = async {
            let mut connection = SqliteConnection::connect_with(&options).await?;
            let health = look(&path, &mut connection).await?;
            connection.close().await?;
            Ok(health)
        };
        look.await.map(Some).map_err(|source| OpenError::Open {
            database: DatabaseAddress::Sqlite(path),
            source,
        })
    }
}

async fn look(
    path: &Path,
    connection: &mut SqliteConnection,
) -> Result<DatabaseHealth, sqlx::Error> {
    let applied = sqlite::applied(connection).await?;
    let schema = applied.last().map_or(0, |(version, _)| *version);
    let newest = schema::newest(&sqlite::MIGRATIONS);
    let check = format!("pragma quick_check({MAX_DAMAGES})");
    let mut damages: Vec<String> = sqlx::query_scalar(sqlx::AssertSqlSafe(check))
        .fetch_all(&mut *connection)
        .await?;
    damages.retain(|line| line != "ok");
    let backup = match schema {
        0 => None,
        _ => Some(BackupPlan::of(path, connection).await?),
    };
    Ok(DatabaseHealth {
        schema,
        newest,
        damages,
        backup,
    })
}
