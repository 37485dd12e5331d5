//! The copy that is taken of a file of SQLite before its schema is changed.

use std::ffi::OsStr;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use bucketload_model::{Clock as _, SystemClock};
use sqlx::sqlite::{SqliteConnection, SqlitePool};

use crate::health::free_bytes;

/// Backups that are kept, each of another schema.
const KEPT: usize = 3;

/// Room beside the copy itself: the migrations are written to the log first.
const MARGIN: u64 = 64 << 20;

/// The time in a name: names of one schema sort as they were taken.
const TIME: &str = "%Y%m%dT%H%M%SZ";

/// At the end of a copy that is not whole.
const PARTIAL: &str = ".partial";

/// `SQLITE_FULL`.
const SQLITE_FULL: &str = "13";

/// No backup could be taken. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The disk has no room for it.
    #[error(
        "{} has no room for it: {} MiB are needed, {} MiB are free",
        .plan.folder.display(), .plan.needed_bytes.div_ceil(1 << 20), .plan.free_bytes >> 20
    )]
    NoRoom {
        /// What is needed and what there is.
        plan: BackupPlan,
    },
    /// A file or folder cannot be made, or not reach the disk.
    #[error("{} cannot be written", .path.display())]
    Write {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The database cannot be read.
    #[error("the copy broke off")]
    Copy(#[from] sqlx::Error),
}

/// What a backup would take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackupPlan {
    /// Where it would lie.
    pub folder: PathBuf,
    /// What its disk must have free.
    pub needed_bytes: u64,
    /// What its disk has free; everything where the system does not say.
    pub free_bytes: u64,
}

impl BackupPlan {
    /// What a backup of a database would take.
    pub(in crate::database) async fn of(
        database: &Path,
        connection: &mut SqliteConnection,
    ) -> Result<Self, sqlx::Error> {
        let used: i64 = sqlx::query_scalar(
            "select (page_count - freelist_count) * page_size
             from pragma_page_count, pragma_freelist_count, pragma_page_size",
        )
        .fetch_one(connection)
        .await?;
        let beside = database.parent().unwrap_or(Path::new(""));
        Ok(Self {
            folder: beside.join("backups"),
            needed_bytes: u64::try_from(used).unwrap_or_default() + MARGIN,
            free_bytes: free_bytes(beside).unwrap_or(u64::MAX),
        })
    }

    /// Whether there is room for it.
    pub const fn has_room(&self) -> bool {
        self.free_bytes >= self.needed_bytes
    }
}

/// A copy of the database in its last committed state, whole and on the disk when this
/// returns. Earlier ones of the same schema go, and those of schemas that are long past.
///
/// To be called by whoever keeps others from writing.
pub(super) async fn take(
    database: &Path,
    readers: &SqlitePool,
    schema: i64,
) -> Result<PathBuf, BackupError> {
    let mut connection = readers.acquire().await?;
    let plan = BackupPlan::of(database, &mut connection).await?;
    if !plan.has_room() {
        return Err(BackupError::NoRoom { plan });
    }
    let folder = &plan.folder;
    // It holds what the database holds.
    let made = DirBuilder::new().recursive(true).mode(0o700).create(folder);
    made.map_err(cannot_write(folder))?;
    let name = database.file_stem().unwrap_or(OsStr::new("bucketload"));
    let name = name.to_string_lossy();
    remove_partial(folder, &name);
    let time = SystemClock.now().format(TIME);
    let whole = folder.join(format!("{name}-{schema}-{time}.db"));
    let partial = folder.join(format!("{name}-{schema}-{time}.db{PARTIAL}"));
    if let Err(error) = copy(&mut connection, &partial).await {
        // The next one removes it otherwise.
        let _ = fs::remove_file(&partial);
        let is_full = matches!(&error, BackupError::Copy(error) if error
            .as_database_error()
            .and_then(sqlx::error::DatabaseError::code)
            .is_some_and(|code| code == SQLITE_FULL));
        return Err(if is_full {
            BackupError::NoRoom { plan }
        } else {
            error
        });
    }
    fs::rename(&partial, &whole).map_err(cannot_write(&whole))?;
    sync(folder)?;
    remove_old(folder, &name);
    Ok(whole)
}

async fn copy(connection: &mut SqliteConnection, to: &Path) -> Result<(), BackupError> {
    // SQLite would make it readable for whoever the mask lets.
    let mut options = OpenOptions::new();
    options.write(true).create_new(true).mode(0o600);
    options.open(to).map_err(cannot_write(to))?;
    let path = std::path::absolute(to).map_err(cannot_write(to))?;
    let path = path.to_str().ok_or(io::ErrorKind::InvalidFilename.into());
    let path = path.map_err(cannot_write(to))?;
    let copied = sqlx::query("vacuum into $1").bind(path);
    copied.execute(connection).await?;
    // SQLite leaves that to whoever wants it.
    sync(to)
}

fn sync(path: &Path) -> Result<(), BackupError> {
    let synced = File::open(path).and_then(|file| file.sync_all());
    synced.map_err(cannot_write(path))
}

fn cannot_write(path: &Path) -> impl Fn(io::Error) -> BackupError {
    move |source| BackupError::Write {
        path: path.to_owned(),
        source,
    }
}

fn names_in(folder: &Path) -> impl Iterator<Item = String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().into_string().ok())
}

/// What somebody left who ended in the middle; nobody else takes one now.
fn remove_partial(folder: &Path, name: &str) {
    for file in names_in(folder) {
        let begun = file.strip_suffix(PARTIAL);
        if begun.is_some_and(|file| parse(file, name).is_some()) {
            remove(&folder.join(file));
        }
    }
}

fn remove_old(folder: &Path, name: &str) {
    let mut files: Vec<_> = names_in(folder)
        .filter_map(|file| {
            let (schema, time) = parse(&file, name)?;
            Some((time.to_owned(), schema, file))
        })
        .collect();
    files.sort_unstable_by(|one, other| other.cmp(one));
    let mut kept = Vec::new();
    for (_, schema, file) in files {
        // An upgrade that is tried again and again costs nobody an older backup.
        if kept.contains(&schema) || kept.len() == KEPT {
            remove(&folder.join(file));
        } else {
            kept.push(schema);
        }
    }
}

fn remove(path: &Path) {
    if let Err(error) = fs::remove_file(path) {
        tracing::warn!(path = %path.display(), %error, "an old backup cannot be removed");
    }
}

/// Schema and time of a backup of ours; other files are somebody else's.
fn parse<'a>(file: &'a str, name: &str) -> Option<(i64, &'a str)> {
    let rest = file.strip_prefix(name)?.strip_prefix('-')?;
    let (schema, time) = rest.strip_suffix(".db")?.split_once('-')?;
    chrono::NaiveDateTime::parse_from_str(time, TIME).ok()?;
    Some((schema.parse().ok()?, time))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_latest_of_each_of_the_last_schemas_is_kept_and_what_is_not_ours() {
        let folder = tempfile::tempdir().unwrap();
        let kept = [
            "bucketload-4-20261128T100000Z.db",
            "bucketload-3-20261127T100000Z.db",
            "bucketload-2-20261126T100001Z.db",
            "other-1-20260101T000000Z.db",
            "bucketload-old.db",
            "bucketload-1-20261129T100000.db",
            "bucketload-1-20260101T000000Z.db.partial",
        ];
        let removed = [
            "bucketload-4-20261128T095959Z.db",
            "bucketload-2-20261126T100000Z.db",
            "bucketload-1-20261125T100000Z.db",
        ];
        for file in kept.iter().chain(&removed) {
            fs::write(folder.path().join(file), "").unwrap();
        }
        remove_old(folder.path(), "bucketload");
        let left: BTreeSet<_> = names_in(folder.path()).collect();
        assert_eq!(left, kept.map(str::to_owned).into());
        remove_partial(folder.path(), "bucketload");
        assert!(!folder.path().join(kept[6]).exists());
        assert_eq!(names_in(folder.path()).count(), left.len() - 1);
    }
}
