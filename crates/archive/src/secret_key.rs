//! The key that seals credentials, as a file of the data directory, for those who
//! configured none.

use std::fs::{self, File, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use bucketload_auth::{KeyError, SecretKey};
use secrecy::{ExposeSecret as _, SecretString};

use crate::DataDir;

/// The key's file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SecretKeyError {
    /// Others may read it.
    #[error("others may read {} (mode {mode:03o})", .path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// It holds no key.
    #[error("{} holds no key", .path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: KeyError,
    },
    /// No key can be made.
    #[error("cannot make a key")]
    Make(#[source] KeyError),
    /// It cannot be read or written.
    #[error("cannot {what} {}", .path.display())]
    File {
        /// What was tried.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
}

/// A new key on its way to become the data directory's. Both keys are kept until
/// nothing is sealed with the old one.
#[derive(Debug)]
pub struct KeyRotation {
    /// The key so far.
    pub old: SecretKey,
    /// The next one.
    pub new: SecretKey,
    current: PathBuf,
    next: PathBuf,
}

impl DataDir {
    /// The key's file.
    pub fn secret_key_path(&self) -> PathBuf {
        self.root().join("secret.key")
    }

    fn next_key_path(&self) -> PathBuf {
        self.root().join("secret.key.next")
    }

    /// The key in the data directory, if there is one.
    ///
    /// # Errors
    ///
    /// When it cannot be read, holds no key, or others may read it.
    pub fn secret_key(&self) -> Result<Option<SecretKey>, SecretKeyError> {
        read(&self.secret_key_path())
    }

    /// The key in the data directory; made with mode 0600 if there is none. Two
    /// processes that make one at the same time get the same.
    ///
    /// # Errors
    ///
    /// As [`DataDir::secret_key`], or when it cannot be written.
    pub fn secret_key_or_new(&self) -> Result<SecretKey, SecretKeyError> {
        if let Some(key) = self.secret_key()? {
            return Ok(key);
        }
        let key = SecretKey::generate().map_err(SecretKeyError::Make)?;
        let path = self.secret_key_path();
        if write_new(&path, &key)? {
            return Ok(key);
        }
        // Somebody else was quicker.
        self.secret_key_or_new()
    }

    /// The key that a rotation has made and not ended with.
    ///
    /// # Errors
    ///
    /// As [`DataDir::secret_key`].
    pub fn next_secret_key(&self) -> Result<Option<SecretKey>, SecretKeyError> {
        read(&self.next_key_path())
    }

    /// Begins to replace the key, or goes on where an earlier attempt stopped.
    ///
    /// # Errors
    ///
    /// As [`DataDir::secret_key_or_new`].
    pub fn rotate_secret_key(&self) -> Result<KeyRotation, SecretKeyError> {
        let old = self.secret_key_or_new()?;
        let next = self.next_key_path();
        let new = if let Some(key) = read(&next)? {
            key
        } else {
            let key = SecretKey::generate().map_err(SecretKeyError::Make)?;
            write_new(&next, &key)?;
            key
        };
        Ok(KeyRotation {
            old,
            new,
            current: self.secret_key_path(),
            next,
        })
    }
}

impl KeyRotation {
    /// Makes the next key the current one: nothing is sealed with the old one any
    /// more.
    ///
    /// # Errors
    ///
    /// When the file cannot be renamed.
    pub fn end(self) -> Result<SecretKey, SecretKeyError> {
        fs::rename(&self.next, &self.current).map_err(failed("rename", &self.next))?;
        sync_folder(&self.current)?;
        Ok(self.new)
    }
}

fn failed(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> SecretKeyError {
    let path = path.to_owned();
    move |source| SecretKeyError::File { what, path, source }
}

fn read(path: &Path) -> Result<Option<SecretKey>, SecretKeyError> {
    let metadata = match fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        result => result.map_err(failed("read", path))?,
    };
    let mode = metadata.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(SecretKeyError::Open {
            path: path.to_owned(),
            mode,
        });
    }
    let text = fs::read_to_string(path).map_err(failed("read", path))?;
    let key = SecretKey::parse(&SecretString::from(text));
    key.map(Some).map_err(|source| SecretKeyError::Content {
        path: path.to_owned(),
        source,
    })
}

/// Writes a key whole, or not at all; false when the file is there already.
fn write_new(path: &Path, key: &SecretKey) -> Result<bool, SecretKeyError> {
    let folder = path.parent().unwrap_or(Path::new("."));
    // A temporary file is made for its owner alone, mode 0600.
    let mut file = tempfile::Builder::new()
        .prefix("secret.key.")
        .permissions(Permissions::from_mode(0o600))
        .tempfile_in(folder)
        .map_err(failed("write", path))?;
    writeln!(file, "{}", key.to_base64().expose_secret())
        .and_then(|()| file.as_file().sync_all())
        .map_err(failed("write", path))?;
    match file.persist_noclobber(path) {
        Ok(_) => {}
        Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => return Ok(false),
        Err(error) => return Err(failed("write", path)(error.error)),
    }
    sync_folder(path)?;
    Ok(true)
}

fn sync_folder(path: &Path) -> Result<(), SecretKeyError> {
    let folder = path.parent().unwrap_or(Path::new("."));
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(failed("sync", folder))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_made_once_for_its_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        let data_dir = DataDir::new(folder.path());
        assert!(data_dir.secret_key().unwrap().is_none());
        let keys: Vec<_> = std::thread::scope(|scope| {
            let makers: Vec<_> = (0..8)
                .map(|_| scope.spawn(|| data_dir.secret_key_or_new().unwrap()))
                .collect();
            makers.into_iter().map(|it| it.join().unwrap()).collect()
        });
        assert!(keys.iter().all(|key| key.id() == keys[0].id()));
        let path = data_dir.secret_key_path();
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        // Nothing is left of the attempts.
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn one_that_others_may_read_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let data_dir = DataDir::new(folder.path());
        data_dir.secret_key_or_new().unwrap();
        let path = data_dir.secret_key_path();
        for mode in [0o640, 0o604, 0o666] {
            fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
            let error = data_dir.secret_key_or_new().unwrap_err();
            assert!(matches!(error, SecretKeyError::Open { .. }), "{error}");
        }
    }

    #[test]
    fn a_file_that_holds_no_key_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let data_dir = DataDir::new(folder.path());
        let path = data_dir.secret_key_path();
        fs::write(&path, "t00 short").unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
        let error = data_dir.secret_key_or_new().unwrap_err();
        assert!(matches!(error, SecretKeyError::Content { .. }), "{error}");
        assert!(!format!("{error} {error:?}").contains("t00"));
        assert_eq!(fs::read_to_string(&path).unwrap(), "t00 short");
    }

    #[test]
    fn a_rotation_that_was_cut_short_goes_on_with_the_same_key() {
        let folder = tempfile::tempdir().unwrap();
        let data_dir = DataDir::new(folder.path());
        let first = data_dir.rotate_secret_key().unwrap();
        let again = data_dir.rotate_secret_key().unwrap();
        assert_eq!(first.new.id(), again.new.id());
        assert_eq!(data_dir.secret_key().unwrap().unwrap().id(), again.old.id());
        let new = again.end().unwrap();
        assert_eq!(data_dir.secret_key().unwrap().unwrap().id(), new.id());
        assert!(data_dir.next_secret_key().unwrap().is_none());
    }
}
