//! Files by their hash: `blobs/sha256/ab/cd/<hash>`.
//!
//! A file is written beside, hashed on the way, brought to the disk, and then renamed to its
//! hash: what has its name is whole. Two that are the same are one. Names that people gave to
//! files are text in the database and never part of a path.
//!
//! With an object store (`objects`), a file that is whole goes there, under the same path, and
//! is not kept here. What lies here from before is read first.

use std::fs::{self, File};
use std::io::{self, Read, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use chrono::{DateTime, Utc};
use sha2::{Digest as _, Sha256};
use tempfile::NamedTempFile;

use crate::hexadecimal::hexadecimal;
use crate::{DataDir, Objects};

/// A file that no process writes to any more: none takes a day.
const ABANDONED: Duration = Duration::from_hours(24);

const PIECE_BYTES: usize = 64 * 1024;

/// A file in the store.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Blob {
    /// Its SHA-256, in hexadecimal.
    pub sha256: String,
    /// Its size.
    pub size_bytes: u64,
}

/// A file that could not be stored.
#[derive(Debug, thiserror::Error)]
pub enum BlobError {
    /// It is larger than it may be.
    #[error("it is larger than {limit_bytes} bytes")]
    TooLarge {
        /// How large it may be.
        limit_bytes: u64,
    },
    /// No space is left for it.
    #[error("the disk is full")]
    DiskFull(#[source] io::Error),
    /// It cannot be read.
    #[error("it cannot be read")]
    Read(#[source] io::Error),
    /// The store cannot be written to.
    #[error("cannot write to {}", .path.display())]
    Write {
        /// Where.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
}

/// The store of a data directory.
#[derive(Debug, Clone)]
pub struct BlobStore {
    root: PathBuf,
    objects: Option<Objects>,
    limit_bytes: u64,
}

/// A file that comes in. Dropped before its end, it leaves nothing behind.
#[derive(Debug)]
pub struct BlobWriter {
    store: BlobStore,
    file: NamedTempFile,
    hash: Sha256,
    size_bytes: u64,
}

impl DataDir {
    /// The store of files, none of which may be larger than `limit_bytes`.
    pub fn blobs(&self, limit_bytes: u64) -> BlobStore {
        BlobStore {
            root: self.root().join("blobs"),
            objects: self.objects().cloned(),
            limit_bytes,
        }
    }
}

impl BlobStore {
    /// Where a file of that hash lies, or would, on this machine.
    pub fn path(&self, sha256: &str) -> PathBuf {
        self.root.join(below(sha256))
    }

    /// What a file of that hash is called in messages: its path or its address.
    pub fn shown(&self, sha256: &str) -> String {
        let path = self.path(sha256);
        match &self.objects {
            Some(objects) if !path.exists() => {
                let root = objects.shown().trim_end_matches('/');
                format!("{root}/{}", object_key(sha256))
            }
            _ => path.display().to_string(),
        }
    }

    /// Opens a file to read it. One in an object store is brought here first, under no name,
    /// and goes when it is closed. Its content is not checked.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::NotFound`] if there is none; when it cannot be read.
    pub fn open(&self, sha256: &str) -> io::Result<File> {
        match (File::open(self.path(sha256)), &self.objects) {
            (Err(error), Some(objects)) if error.kind() == io::ErrorKind::NotFound => {
                objects.open(&object_key(sha256), &self.incoming())
            }
            (opened, _) => opened,
        }
    }

    /// How large a file may be.
    pub const fn limit_bytes(&self) -> u64 {
        self.limit_bytes
    }

    /// Begins to take a file in.
    ///
    /// # Errors
    ///
    /// When the folder cannot be written to.
    pub fn writer(&self) -> Result<BlobWriter, BlobError> {
        let incoming = self.incoming();
        fs::create_dir_all(&incoming).map_err(written(&incoming))?;
        Ok(BlobWriter {
            file: NamedTempFile::new_in(&incoming).map_err(written(&incoming))?,
            store: self.clone(),
            hash: Sha256::new(),
            size_bytes: 0,
        })
    }

    /// Takes in all that can be read.
    ///
    /// # Errors
    ///
    /// When it cannot be read, is too large, or the store cannot be written to.
    pub fn store(&self, mut content: impl Read) -> Result<Blob, BlobError> {
        let mut writer = self.writer()?;
        let mut piece = vec![0; PIECE_BYTES];
        loop {
            match content.read(&mut piece) {
                Ok(0) => return writer.finish(),
                Ok(read) => writer.write(&piece[..read])?,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(BlobError::Read(error)),
            }
        }
    }

    /// Removes what processes that were killed have left half written. Returns how many
    /// files that were.
    pub fn sweep(&self, now: DateTime<Utc>) -> usize {
        let Ok(entries) = fs::read_dir(self.incoming()) else {
            return 0;
        };
        let is_abandoned = |path: &Path| {
            let changed = fs::metadata(path).and_then(|metadata| metadata.modified());
            changed.is_ok_and(|changed| changed + ABANDONED < SystemTime::from(now))
        };
        let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
        let abandoned = paths.filter(|path| is_abandoned(path));
        abandoned
            .filter(|path| fs::remove_file(path).is_ok())
            .count()
    }

    /// Where files lie that are not whole yet.
    pub(crate) fn incoming(&self) -> PathBuf {
        self.root.join("incoming")
    }
}

impl BlobWriter {
    /// Where the file lies until it has its name, for who looks into it before, or instead.
    pub fn path(&self) -> &Path {
        self.file.path()
    }

    /// Goes on with the next piece.
    ///
    /// # Errors
    ///
    /// When the file gets too large, or the store cannot be written to.
    pub fn write(&mut self, piece: &[u8]) -> Result<(), BlobError> {
        self.size_bytes += piece.len() as u64;
        let limit_bytes = self.store.limit_bytes;
        if self.size_bytes > limit_bytes {
            return Err(BlobError::TooLarge { limit_bytes });
        }
        self.hash.update(piece);
        let path = self.file.path().to_owned();
        self.file.write_all(piece).map_err(written(&path))
    }

    /// Brings the file to the disk, or into the object store, and gives it its name. One that
    /// is there already stays.
    ///
    /// # Errors
    ///
    /// When the store cannot be written to.
    pub fn finish(mut self) -> Result<Blob, BlobError> {
        let blob = Blob {
            sha256: hexadecimal(&self.hash.finalize()),
            size_bytes: self.size_bytes,
        };
        if let Some(objects) = &self.store.objects {
            let shown = PathBuf::from(self.store.shown(&blob.sha256));
            let put = objects.put(&object_key(&blob.sha256), self.file.as_file_mut());
            return put.map(|()| blob).map_err(written(&shown));
        }
        let path = self.store.path(&blob.sha256);
        let is_there = fs::metadata(&path).is_ok_and(|found| found.len() == blob.size_bytes);
        if is_there {
            return Ok(blob);
        }
        let folder = path.parent().unwrap_or(&self.store.root);
        fs::create_dir_all(folder).map_err(written(folder))?;
        let file = self.file.as_file();
        file.sync_all().map_err(written(&path))?;
        readable_by_all(file).map_err(written(&path))?;
        let persisted = self.file.persist(&path).map_err(|error| error.error);
        persisted.map_err(written(&path))?;
        // The names of folders that are new are on the disk, too.
        for folder in folder.ancestors().take(4) {
            let synced = File::open(folder).and_then(|folder| folder.sync_all());
            synced.map_err(written(folder))?;
        }
        Ok(blob)
    }
}

/// Where a file of that hash lies below the root of a store.
fn below(sha256: &str) -> String {
    let part = |range: std::ops::Range<usize>| sha256.get(range).unwrap_or("--");
    format!("sha256/{}/{}/{sha256}", part(0..2), part(2..4))
}

/// What an object of that hash is called in an object store: a blob, or a large file of git's,
/// which has a SHA-256 for its name, too.
pub(crate) fn object_key(sha256: &str) -> String {
    format!("blobs/{}", below(sha256))
}

/// Temporary files are their owner's alone; others may serve this one, nobody changes it.
fn readable_by_all(file: &File) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    file.set_permissions(fs::Permissions::from_mode(0o444))
}

fn written(path: &Path) -> impl FnOnce(io::Error) -> BlobError {
    move |source| match source.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => BlobError::DiskFull(source),
        _ => BlobError::Write {
            path: path.to_owned(),
            source,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn store(folder: &Path, limit_bytes: u64) -> BlobStore {
        DataDir::new(folder).blobs(limit_bytes)
    }

    fn files(folder: &Path) -> Vec<PathBuf> {
        let mut found = Vec::new();
        for entry in fs::read_dir(folder).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                found.extend(files(&path));
            } else {
                found.push(path);
            }
        }
        found
    }

    #[test]
    fn a_file_lies_under_its_hash_and_twice_is_once() {
        let folder = tempfile::tempdir().unwrap();
        let store = store(folder.path(), 100);
        let blob = store.store(&b"abc"[..]).unwrap();
        // The first example of FIPS 180-2.
        let sha256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!((blob.sha256.as_str(), blob.size_bytes), (sha256, 3));
        let path = folder.path().join("blobs/sha256/ba/78").join(sha256);
        assert_eq!(store.path(sha256), path);
        assert_eq!(fs::read(&path).unwrap(), b"abc");
        assert_eq!(store.store(&b"abc"[..]).unwrap(), blob);
        assert_eq!(files(folder.path()), [path]);
    }

    #[test]
    fn what_is_too_large_or_breaks_off_leaves_nothing() {
        struct Broken;
        impl Read for Broken {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                Err(io::Error::other("broken"))
            }
        }
        let folder = tempfile::tempdir().unwrap();
        let store = store(folder.path(), 3);
        store.store(&b"abc"[..]).unwrap();
        let error = store.store(&b"abcd"[..]).unwrap_err();
        assert!(matches!(error, BlobError::TooLarge { limit_bytes: 3 }));
        let error = store.store(io::Read::chain(&b"x"[..], Broken)).unwrap_err();
        assert!(matches!(error, BlobError::Read(_)), "{error}");
        assert_eq!(files(folder.path()).len(), 1);
    }

    #[test]
    fn what_a_killed_process_left_is_swept_after_a_day() {
        let folder = tempfile::tempdir().unwrap();
        let store = store(folder.path(), 100);
        let mut writer = store.writer().unwrap();
        writer.write(b"half").unwrap();
        let (_, path) = writer.file.keep().unwrap();
        let changed: DateTime<Utc> = fs::metadata(&path).unwrap().modified().unwrap().into();
        assert_eq!(store.sweep(changed + chrono::Duration::hours(23)), 0);
        assert_eq!(store.sweep(changed + chrono::Duration::hours(25)), 1);
        assert!(!path.exists());
    }

    #[test]
    fn a_cut_off_blob_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let store = store(folder.path(), 100);
        let path = store.path(&store.store(&b"abc"[..]).unwrap().sha256);
        fs::remove_file(&path).unwrap();
        fs::write(&path, "a").unwrap();
        store.store(&b"abc"[..]).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"abc");
    }
}
