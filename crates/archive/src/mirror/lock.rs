//! One writer per mirror.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::Path;

use super::error::MirrorError;

/// Lies in the bare repository, where git does not mind it.
const LOCK_FILE: &str = "bucketload.lock";

/// Holds the mirror for this writer alone, until dropped or until the process
/// ends, however it ends: the lock belongs to the open file, not to the name,
/// so a killed process leaves no stale lock behind.
#[derive(Debug)]
pub(super) struct RepositoryLock {
    file: File,
}

impl RepositoryLock {
    /// Takes the lock of the mirror at `repository`, whose folder exists.
    pub(super) fn acquire(repository: &Path) -> Result<Self, MirrorError> {
        let path = repository.join(LOCK_FILE);
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .map_err(MirrorError::io("open", &path))?;
        match file.try_lock() {
            Ok(()) => Ok(Self { file }),
            Err(TryLockError::WouldBlock) => Err(MirrorError::Busy {
                path: repository.to_owned(),
            }),
            Err(TryLockError::Error(source)) => Err(MirrorError::io("lock", &path)(source)),
        }
    }

    /// Whether the folder has ever been a mirror, or was about to become one.
    pub(super) fn is_known(repository: &Path) -> bool {
        repository.join(LOCK_FILE).is_file()
    }
}

impl Drop for RepositoryLock {
    /// Said explicitly: a program that another thread starts this very moment
    /// has a copy of the open file until it is running.
    fn drop(&mut self) {
        if let Err(error) = self.file.unlock() {
            tracing::debug!(%error, "the lock of a mirror is left to the system");
        }
    }
}
