//! Proof of life of those who hold leases, for others on the same machine.
//!
//! A lease that runs out tells everybody that its holder is gone, after a while. A lock
//! on a file tells it at once: the operating system lets go of it when the process ends,
//! however it ends. Who does not see the file, on another machine, knows nothing and
//! waits for the lease.

use std::collections::HashSet;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Write as _};
use std::path::PathBuf;

use bucketload_model::LeaseOwner;
use chrono::{DateTime, Utc};

use crate::DataDir;

/// What is known of an owner of leases.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Life {
    /// Its process runs on this machine.
    Alive,
    /// It ran on this machine, and has ended.
    Dead,
    /// It runs elsewhere, or ended long ago.
    Unknown,
}

/// Held by a living owner of leases.
#[derive(Debug)]
pub struct LeaseFile {
    path: PathBuf,
    file: File,
}

impl DataDir {
    /// Shows that an owner of leases lives, until the file is dropped or the process ends.
    ///
    /// # Errors
    ///
    /// When the file cannot be made or locked.
    pub fn show_life(&self, owner: &LeaseOwner) -> io::Result<LeaseFile> {
        let folder = self.lease_folder();
        std::fs::create_dir_all(&folder)?;
        let path = folder.join(owner.as_str());
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(&path)?;
        file.try_lock().map_err(|error| match error {
            TryLockError::Error(error) => error,
            TryLockError::WouldBlock => io::ErrorKind::ResourceBusy.into(),
        })?;
        // A courtesy for people who look.
        let _ = write!(file, "{}", std::process::id());
        Ok(LeaseFile { path, file })
    }

    /// What is known of an owner of leases. The file of a dead one stays: whoever takes its
    /// leases removes it with [`DataDir::forget`].
    pub fn life(&self, owner: &LeaseOwner) -> Life {
        // Not made if it is missing: then nothing is known.
        let path = self.lease_folder().join(owner.as_str());
        let Ok(file) = OpenOptions::new().write(true).open(path) else {
            return Life::Unknown;
        };
        match file.try_lock() {
            Ok(()) => Life::Dead,
            Err(TryLockError::WouldBlock) => Life::Alive,
            Err(TryLockError::Error(_)) => Life::Unknown,
        }
    }

    /// Removes what a dead owner left.
    pub fn forget(&self, owner: &LeaseOwner) {
        let _ = std::fs::remove_file(self.lease_folder().join(owner.as_str()));
    }

    /// Removes what owners left that ended before `before` and are not in `holders`: those
    /// that died in the moment between their last lease and their file. Returns how many.
    ///
    /// # Errors
    ///
    /// When the folder cannot be read or a file in it cannot be removed.
    pub fn forget_the_dead(
        &self,
        holders: &HashSet<LeaseOwner>,
        before: DateTime<Utc>,
    ) -> io::Result<usize> {
        let folder = match std::fs::read_dir(self.lease_folder()) {
            Ok(folder) => folder,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
            Err(error) => return Err(error),
        };
        let mut removed = 0;
        for entry in folder {
            let entry = entry?;
            let name = entry.file_name();
            let owner = name.to_str().and_then(|name| name.parse().ok());
            let Some(owner) = owner.filter(|owner| !holders.contains(owner)) else {
                continue;
            };
            let made_at = DateTime::<Utc>::from(entry.metadata()?.modified()?);
            // A new one may not be locked yet.
            if made_at < before && self.life(&owner) == Life::Dead {
                std::fs::remove_file(entry.path())?;
                removed += 1;
            }
        }
        Ok(removed)
    }

    fn lease_folder(&self) -> PathBuf {
        self.root().join("leases")
    }
}

impl Drop for LeaseFile {
    fn drop(&mut self) {
        // It stays where its holder ended without letting go of its leases, and says so
        // to whoever looks; `LeaseFile::end` removes it.
        let _ = self.file.unlock();
    }
}

impl LeaseFile {
    /// Removes the file: its holder has no leases any more.
    pub fn end(self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_holder_is_dead_once_its_lock_is_gone() {
        let folder = tempfile::tempdir().unwrap();
        let data_dir = DataDir::new(folder.path());
        let owner = LeaseOwner::new();
        assert_eq!(data_dir.life(&owner), Life::Unknown);
        let file = data_dir.show_life(&owner).unwrap();
        assert_eq!(data_dir.life(&owner), Life::Alive);
        drop(file);
        assert_eq!(data_dir.life(&owner), Life::Dead);
        data_dir.forget(&owner);
        assert_eq!(data_dir.life(&owner), Life::Unknown);
    }

    #[test]
    fn what_the_dead_left_goes_when_it_is_old_and_nobody_asks_for_it() {
        let folder = tempfile::tempdir().unwrap();
        let data_dir = DataDir::new(folder.path());
        let [dead, holder, alive] = [(); 3].map(|()| LeaseOwner::new());
        for owner in [&dead, &holder] {
            drop(data_dir.show_life(owner).unwrap());
        }
        let lives = data_dir.show_life(&alive).unwrap();
        let holders = HashSet::from([holder.clone()]);
        let removed = |before| data_dir.forget_the_dead(&holders, before).unwrap();
        assert_eq!(removed(DateTime::UNIX_EPOCH), 0, "they are new");
        assert_eq!(removed(DateTime::<Utc>::MAX_UTC), 1);
        let lives_on = [&dead, &holder, &alive].map(|owner| data_dir.life(owner));
        assert_eq!(lives_on, [Life::Unknown, Life::Dead, Life::Alive]);
        drop(lives);
    }

    #[test]
    fn who_ends_properly_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let data_dir = DataDir::new(folder.path());
        let owner = LeaseOwner::new();
        data_dir.show_life(&owner).unwrap().end();
        assert_eq!(folder.path().join("leases").read_dir().unwrap().count(), 0);
    }
}
