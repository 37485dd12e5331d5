//! Where everything lies, and the lock on it.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};

use bucketload_model::RepositoryName;

use crate::{DatabaseAddress, Objects};

/// The file whose lock is the right to write.
pub(crate) const LOCK: &str = "bucketload.lock";

/// The folder that holds an archive.
#[derive(Debug, Clone)]
pub struct DataDir {
    root: PathBuf,
    database: Option<DatabaseAddress>,
    backs_up: bool,
    objects: Option<Objects>,
}

/// A data directory that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DataDirError {
    /// It cannot be made.
    #[error("cannot make the data directory {}", .path.display())]
    Create {
        /// The folder.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Another process writes to it.
    #[error("the data directory {} is in use by {holder}", .path.display())]
    InUse {
        /// The folder.
        path: PathBuf,
        /// Who, as far as it says.
        holder: String,
    },
    /// The lock file cannot be used.
    #[error("cannot lock the data directory {}", .path.display())]
    Lock {
        /// The folder.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
}

/// The right to work on a data directory. It ends with the process, however
/// that ends: the operating system lets go of the lock.
#[derive(Debug)]
pub struct DataDirLock {
    _file: File,
}

impl DataDir {
    /// A data directory; nothing is made or checked yet.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self {
            root: root.into(),
            database: None,
            backs_up: true,
            objects: None,
        }
    }

    /// The same with the database elsewhere.
    #[must_use]
    pub fn with_database(mut self, database: DatabaseAddress) -> Self {
        self.database = Some(database);
        self
    }

    /// The same without a backup of the database before its schema is changed.
    #[must_use]
    pub const fn without_backups(mut self) -> Self {
        self.backs_up = false;
        self
    }

    /// Whether a backup of the database is taken before its schema is changed.
    pub const fn backs_up(&self) -> bool {
        self.backs_up
    }

    /// The same with files in a store that other machines have, too.
    #[must_use]
    pub fn with_objects(mut self, objects: Objects) -> Self {
        self.objects = Some(objects);
        self
    }

    /// The store that other machines have, too.
    pub const fn objects(&self) -> Option<&Objects> {
        self.objects.as_ref()
    }

    /// The folder itself.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The database: unless it is elsewhere, a file of SQLite in the folder.
    pub fn database(&self) -> DatabaseAddress {
        match &self.database {
            Some(database) => database.clone(),
            None => DatabaseAddress::Sqlite(self.root.join("bucketload.db")),
        }
    }

    /// The bare mirror of a repository.
    ///
    /// Both names were checked when they were parsed: they are no paths.
    pub fn mirror(&self, name: &RepositoryName) -> PathBuf {
        self.root
            .join("repositories")
            .join(name.workspace.as_str())
            .join(format!("{}.git", name.slug))
    }

    /// The bare mirror of a repository's wiki.
    pub fn wiki(&self, name: &RepositoryName) -> PathBuf {
        self.root
            .join("repositories")
            .join(name.workspace.as_str())
            .join(format!("{}.wiki.git", name.slug))
    }

    /// Makes the folder if it is missing.
    ///
    /// # Errors
    ///
    /// When it cannot be made.
    pub fn create(&self) -> Result<(), DataDirError> {
        std::fs::create_dir_all(&self.root).map_err(|source| DataDirError::Create {
            path: self.root.clone(),
            source,
        })
    }

    /// Takes part in the work on the directory, with others who do. Which of them writes
    /// what, leases decide.
    ///
    /// # Errors
    ///
    /// When somebody has the directory to himself, or the lock file cannot be made.
    pub fn share(&self) -> Result<DataDirLock, DataDirError> {
        self.acquire(File::try_lock_shared).map(|file| {
            // Who had it to himself before stands in it no longer.
            let _ = file.set_len(0);
            DataDirLock { _file: file }
        })
    }

    /// Takes the directory for this process alone, for as long as the lock lives: for what
    /// must not happen beside anything else.
    ///
    /// # Errors
    ///
    /// When others work on it, or the lock file cannot be made.
    pub fn lock(&self) -> Result<DataDirLock, DataDirError> {
        let mut file = self.acquire(File::try_lock)?;
        let failed = |source| DataDirError::Lock {
            path: self.root.clone(),
            source,
        };
        file.set_len(0).map_err(failed)?;
        file.rewind().map_err(failed)?;
        write!(file, "{}", std::process::id()).map_err(failed)?;
        Ok(DataDirLock { _file: file })
    }

    fn acquire(
        &self,
        take: impl Fn(&File) -> Result<(), TryLockError>,
    ) -> Result<File, DataDirError> {
        let failed = |source| DataDirError::Lock {
            path: self.root.clone(),
            source,
        };
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(self.root.join(LOCK))
            .map_err(failed)?;
        match take(&file) {
            Ok(()) => Ok(file),
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                // Who holds it is a courtesy; not knowing changes nothing.
                let _ = file.read_to_string(&mut holder);
                Err(DataDirError::InUse {
                    path: self.root.clone(),
                    holder: holder_named(&holder),
                })
            }
            Err(TryLockError::Error(source)) => Err(failed(source)),
        }
    }
}

/// Who holds a lock, from what stands in its file.
pub(crate) fn holder_named(content: &str) -> String {
    match content.trim() {
        "" => "another process".to_owned(),
        pid => format!("process {pid}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn those_who_share_do_not_mind_each_other_but_one_who_wants_all_does() {
        let folder = tempfile::tempdir().unwrap();
        let data_dir = DataDir::new(folder.path());
        let one = data_dir.share().unwrap();
        let other = data_dir.share().unwrap();
        data_dir.lock().unwrap_err();
        drop((one, other));
        let alone = data_dir.lock().unwrap();
        data_dir.share().unwrap_err();
        drop(alone);
        data_dir.share().unwrap();
    }

    #[test]
    fn two_writers_are_refused_and_the_lock_ends_with_its_holder() {
        let folder = tempfile::tempdir().unwrap();
        let data_dir = DataDir::new(folder.path());
        let first = data_dir.lock().unwrap();
        let error = data_dir.lock().unwrap_err();
        assert!(
            error.to_string().contains(&std::process::id().to_string()),
            "{error}"
        );
        drop(first);
        data_dir.lock().unwrap();
    }
}
