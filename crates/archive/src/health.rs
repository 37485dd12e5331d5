//! Looks at a data directory and changes nothing in it.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use crate::DataDir;

/// How a data directory is.
#[derive(Debug)]
pub struct DataDirHealth {
    /// The folder, or the one that it would be made in.
    pub folder: FolderHealth,
    /// Bytes that can still be written on its disk, if the system says.
    pub free_bytes: Option<u64>,
    /// Who writes to it right now, as far as it says.
    pub holder: Option<String>,
}

/// Whether a data directory can be used.
#[derive(Debug)]
pub enum FolderHealth {
    /// It is there and can be written.
    Usable,
    /// It is not there, and can be made.
    ToBeMade,
    /// It cannot be written or made.
    Unusable {
        /// The folder that refuses.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
}

impl DataDir {
    /// How this data directory is, found out without changing anything: a file
    /// that is written to try it is gone at once.
    pub fn health(&self) -> DataDirHealth {
        let root = self.root();
        // The first of its parents that is there.
        let there = root
            .ancestors()
            .map(|path| match path.as_os_str() {
                nothing if nothing.is_empty() => Path::new("."),
                _ => path,
            })
            .find(|path| path.exists());
        let there = there.unwrap_or(Path::new("/"));
        let folder = match try_to_write(there) {
            Ok(()) if there == root => FolderHealth::Usable,
            Ok(()) => FolderHealth::ToBeMade,
            Err(error) => FolderHealth::Unusable {
                path: there.to_owned(),
                error,
            },
        };
        DataDirHealth {
            folder,
            free_bytes: free_bytes(there),
            holder: holder(&root.join(crate::data_dir::LOCK)),
        }
    }
}

/// Bytes that can still be written on the disk of a folder, if the system says.
pub(crate) fn free_bytes(folder: &Path) -> Option<u64> {
    let folder = match folder.as_os_str() {
        nothing if nothing.is_empty() => Path::new("."),
        _ => folder,
    };
    let space = rustix::fs::statvfs(folder).ok()?;
    Some(space.f_bavail.saturating_mul(space.f_frsize))
}

fn try_to_write(folder: &Path) -> io::Result<()> {
    let path = folder.join(format!(".bucketload-{}", std::process::id()));
    let file = OpenOptions::new().write(true).create_new(true).open(&path);
    drop(file?);
    std::fs::remove_file(path)
}

/// Who has the lock. Not knowing is as good as nobody.
fn holder(lock: &Path) -> Option<String> {
    let mut file = File::open(lock).ok()?;
    match file.try_lock() {
        Err(TryLockError::WouldBlock) => {
            let mut holder = String::new();
            let _ = file.read_to_string(&mut holder);
            Some(crate::data_dir::holder_named(&holder))
        }
        // Let go of when the file is closed, here.
        Ok(()) | Err(TryLockError::Error(_)) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_usable_to_be_made_or_neither() {
        let folder = tempfile::tempdir().unwrap();
        let health = DataDir::new(folder.path()).health();
        assert!(matches!(health.folder, FolderHealth::Usable));
        assert!(health.free_bytes.is_some_and(|bytes| bytes > 0));
        assert_eq!(health.holder, None);
        let deep = folder.path().join("not/there/yet");
        let health = DataDir::new(&deep).health();
        assert!(matches!(health.folder, FolderHealth::ToBeMade));
        // A file is no folder, whoever one is.
        let file = folder.path().join("file");
        std::fs::write(&file, "").unwrap();
        let health = DataDir::new(file.join("below")).health();
        assert!(
            matches!(&health.folder, FolderHealth::Unusable { path, .. } if *path == file),
            "{health:?}"
        );
        // Nothing is left of the trials.
        assert_eq!(folder.path().read_dir().unwrap().count(), 1);
    }

    #[test]
    fn who_writes_is_told_and_looking_takes_no_lock() {
        let folder = tempfile::tempdir().unwrap();
        let data_dir = DataDir::new(folder.path());
        let lock = data_dir.lock().unwrap();
        let holder = data_dir.health().holder.unwrap();
        assert!(holder.contains(&std::process::id().to_string()), "{holder}");
        drop(lock);
        assert_eq!(data_dir.health().holder, None);
        data_dir.lock().unwrap();
    }
}
