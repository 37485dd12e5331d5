//! How far a schema is, and whether it may be brought further now.

use sqlx::migrate::{MigrateError, Migrator};

use super::{postgres, sqlite};
use crate::database::sql::{Session, statement};
use crate::{
    DataDir, DataDirError, DataDirLock, DatabaseAddress, DatabaseError, OpenError, Transaction,
};

/// A migration that was made: its version, and the SHA-384 of its text.
pub(super) type Applied = (i64, Vec<u8>);

/// What asks for them; there is nothing to ask before the first one.
pub(super) const APPLIED: &str = "select version, checksum from _sqlx_migrations order by version";

/// How far a schema is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// There are no tables yet.
    Empty,
    /// An older bucketload made it.
    Older(i64),
    /// It is what this program makes.
    Current,
}

/// What stands in the way of bringing a schema up to date.
#[derive(Debug, thiserror::Error)]
pub enum Obstacle {
    /// Others work on the data directory, or it cannot be locked.
    #[error(transparent)]
    DataDir(#[from] DataDirError),
    /// Imports are under way, perhaps on other machines.
    #[error("imports are under way, or their processes ended seconds ago: {0}")]
    Imports(i64),
}

/// The newest version that a program knows.
pub(in crate::database) fn newest(migrations: &Migrator) -> i64 {
    let versions = migrations.iter().map(|migration| migration.version);
    versions.max().unwrap_or_default()
}

/// How far a schema is by the migrations that were made.
///
/// # Errors
///
/// When one of them is unknown here, or had another text.
pub(super) fn standing(
    applied: &[Applied],
    migrations: &Migrator,
) -> Result<Standing, MigrateError> {
    for (version, checksum) in applied.iter().rev() {
        match migrations.iter().find(|known| known.version == *version) {
            None => return Err(MigrateError::VersionMissing(*version)),
            Some(known) if *known.checksum != **checksum => {
                return Err(MigrateError::VersionMismatch(*version));
            }
            Some(_) => {}
        }
    }
    Ok(match applied.last() {
        None => Standing::Empty,
        Some(_) if applied.len() == migrations.iter().count() => Standing::Current,
        Some((version, _)) => Standing::Older(*version),
    })
}

/// The data directory for this process alone, if there is one: whoever is at work expects
/// the schema to stay as it is.
pub(super) fn alone(
    data_dir: &DataDir,
    database: &DatabaseAddress,
    from: i64,
    to: i64,
) -> Result<Option<DataDirLock>, OpenError> {
    if !data_dir.root().exists() {
        return Ok(None);
    }
    let lock = data_dir.lock().map_err(|error| OpenError::AtWork {
        database: database.clone(),
        from,
        to,
        source: error.into(),
    })?;
    Ok(Some(lock))
}

impl Transaction {
    /// Makes sure that the schema is still one that this program knows. A worker that was
    /// left running while another machine brought the database up to date begins nothing
    /// more: it would write what the newer schema may mean otherwise.
    ///
    /// # Errors
    ///
    /// When it is not, or the database fails.
    pub async fn check_schema(&mut self) -> Result<(), DatabaseError> {
        let known = match &self.inner {
            Session::Sqlite(_) => newest(&sqlite::MIGRATIONS),
            Session::Postgres(_) => newest(&postgres::MIGRATIONS),
        };
        let found: Option<i64> = statement("select max(version) from _sqlx_migrations")
            .fetch_optional_scalar(&mut self.inner)
            .await?;
        match found {
            Some(found) if found > known => Err(DatabaseError::Outgrown { found, known }),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(count: usize) -> Vec<Applied> {
        let known = sqlite::MIGRATIONS.iter().take(count);
        known
            .map(|migration| (migration.version, migration.checksum.to_vec()))
            .collect()
    }

    #[test]
    fn a_schema_is_missing_older_or_current() {
        let standing = |applied: &[Applied]| standing(applied, &sqlite::MIGRATIONS).unwrap();
        assert_eq!(standing(&[]), Standing::Empty);
        assert_eq!(standing(&made(1)), Standing::Older(1));
        let all = made(usize::MAX);
        assert_eq!(standing(&all), Standing::Current);
        assert_eq!(standing(&all[..2]), Standing::Older(2));
    }

    #[test]
    fn a_migration_that_is_unknown_or_had_another_text_is_refused() {
        let refused = |applied: &[Applied]| standing(applied, &sqlite::MIGRATIONS).unwrap_err();
        let mut newer = made(usize::MAX);
        newer.push((9000, Vec::new()));
        newer.push((9001, Vec::new()));
        let error = refused(&newer);
        assert!(
            matches!(error, MigrateError::VersionMissing(9001)),
            "{error}"
        );
        let mut altered = made(2);
        altered[0].1[0] ^= 1;
        let error = refused(&altered);
        assert!(matches!(error, MigrateError::VersionMismatch(1)), "{error}");
    }
}
