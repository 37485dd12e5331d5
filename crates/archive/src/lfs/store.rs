//! Objects on the disk, where `git lfs` looks for them: `lfs/objects/ab/cd/<oid>` of a mirror.
//!
//! An object is written beside, hashed on the way, brought to the disk, and then renamed to
//! its hash: what has its name is whole. What came of one that broke off stays in
//! `lfs/incomplete`, and the next attempt goes on behind it.
//!
//! With an object store, one that is whole goes there, among the blobs, and is not kept here:
//! the forks of a repository share it. What lies here from before is read first.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek as _, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use bucketload_model::{LfsObject, LfsOid};
use sha2::{Digest as _, Sha256};

use crate::blobs::object_key;
use crate::hexadecimal::hexadecimal;
use crate::{DataDir, Objects};

const PIECE_BYTES: usize = 64 * 1024;

/// The objects of one mirror.
#[derive(Debug, Clone)]
pub struct LfsStore {
    root: PathBuf,
    /// The store that other machines have, too, and where its files are opened here: a mirror
    /// that has yet to come from there has no folder.
    objects: Option<(Objects, PathBuf)>,
}

/// An object that comes in. Dropped before its end, it leaves what came.
#[derive(Debug)]
pub struct LfsWriter {
    store: LfsStore,
    object: LfsObject,
    part: PathBuf,
    file: File,
    hash: Sha256,
    written_bytes: u64,
}

/// Why an object did not get its name.
#[derive(Debug, thiserror::Error)]
pub enum LfsStoreError {
    /// The disk is full, or cannot be written.
    #[error("cannot write an LFS object")]
    Write(#[from] io::Error),
    /// It has another size than its pointer says.
    #[error("it has {written_bytes} bytes, and its pointer says {size_bytes}")]
    Size {
        /// How many came.
        written_bytes: u64,
        /// How many should have.
        size_bytes: u64,
    },
    /// It is something else.
    #[error("its content has the SHA-256 {found}")]
    Hash {
        /// What came.
        found: String,
    },
}

impl DataDir {
    /// The large files of the mirror at `mirror`. Nothing is made.
    pub fn lfs(&self, mirror: &Path) -> LfsStore {
        LfsStore {
            objects: self
                .objects()
                .map(|objects| (objects.clone(), self.blobs(0).incoming())),
            ..LfsStore::of(mirror)
        }
    }
}

impl LfsStore {
    /// The objects of the mirror at `mirror`, as far as they are on this machine. Nothing is
    /// made.
    pub fn of(mirror: &Path) -> Self {
        Self {
            root: mirror.join("lfs"),
            objects: None,
        }
    }

    /// Where an object lies, or would, on this machine.
    pub fn path(&self, oid: &LfsOid) -> PathBuf {
        let text = oid.as_str();
        let folder = self.root.join("objects").join(&text[..2]).join(&text[2..4]);
        folder.join(text)
    }

    /// Whether the objects are with other machines, too.
    pub const fn is_shared(&self) -> bool {
        self.objects.is_some()
    }

    /// What an object is called in messages: its path or its address.
    pub fn shown(&self, oid: &LfsOid) -> String {
        let path = self.path(oid);
        match &self.objects {
            Some((objects, _)) if !path.exists() => {
                let root = objects.shown().trim_end_matches('/');
                format!("{root}/{}", object_key(oid.as_str()))
            }
            _ => path.display().to_string(),
        }
    }

    /// Whether an object is there. What has its name was hashed before it got it.
    ///
    /// # Errors
    ///
    /// When an object store does not answer.
    pub fn has(&self, object: &LfsObject) -> io::Result<bool> {
        let is_here = fs::metadata(self.path(&object.oid))
            .is_ok_and(|found| found.is_file() && found.len() == object.size_bytes);
        match &self.objects {
            Some((objects, _)) if !is_here => {
                let found = objects.size_bytes(&object_key(object.oid.as_str()))?;
                Ok(found == Some(object.size_bytes))
            }
            _ => Ok(is_here),
        }
    }

    /// Opens an object to read it, as [`crate::BlobStore::open`] does.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::NotFound`] if there is none; when it cannot be read.
    pub fn open(&self, oid: &LfsOid) -> io::Result<File> {
        match (File::open(self.path(oid)), &self.objects) {
            (Err(error), Some((objects, folder))) if error.kind() == io::ErrorKind::NotFound => {
                objects.open(&object_key(oid.as_str()), folder)
            }
            (opened, _) => opened,
        }
    }

    /// Takes in all of an object that can be read.
    ///
    /// # Errors
    ///
    /// When it cannot be read, is something else, or cannot be written.
    pub fn store(&self, object: &LfsObject, mut content: impl Read) -> Result<(), LfsStoreError> {
        let Some(mut writer) = self.writer(object)? else {
            return Ok(());
        };
        writer.restart()?;
        let mut piece = vec![0; PIECE_BYTES];
        loop {
            match content.read(&mut piece) {
                Ok(0) => return writer.finish(),
                Ok(read) => writer.write(&piece[..read])?,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Begins to take an object in, or goes on with it; nothing if it is here. Waits for who
    /// still writes to it: a thread of an import that was stopped.
    ///
    /// # Errors
    ///
    /// When the folder cannot be written to.
    pub fn writer(&self, object: &LfsObject) -> io::Result<Option<LfsWriter>> {
        let folder = self.root.join("incomplete");
        fs::create_dir_all(&folder)?;
        let part = folder.join(format!("{}-{}.part", object.oid, object.size_bytes));
        let file = loop {
            let file = OpenOptions::new()
                .read(true)
                .write(true)
                .create(true)
                .truncate(false)
                .open(&part)?;
            file.lock()?;
            // Who had it may have given it its name, or removed it.
            let still = fs::metadata(&part).is_ok_and(|found| {
                file.metadata()
                    .is_ok_and(|ours| ours.ino() == found.ino() && ours.dev() == found.dev())
            });
            if still {
                break file;
            }
        };
        if self.has(object)? {
            fs::remove_file(&part)?;
            return Ok(None);
        }
        let mut writer = LfsWriter {
            store: self.clone(),
            object: object.clone(),
            part,
            file,
            hash: Sha256::new(),
            written_bytes: 0,
        };
        writer.read_what_came()?;
        Ok(Some(writer))
    }
}

impl LfsWriter {
    /// The object.
    pub const fn object(&self) -> &LfsObject {
        &self.object
    }

    /// How much of it is here.
    pub const fn written_bytes(&self) -> u64 {
        self.written_bytes
    }

    fn read_what_came(&mut self) -> io::Result<()> {
        let mut piece = vec![0; PIECE_BYTES];
        loop {
            let read = self.file.read(&mut piece)?;
            if read == 0 {
                break;
            }
            self.hash.update(&piece[..read]);
            self.written_bytes += read as u64;
        }
        // More than there is of it was not sent by anybody who has it.
        if self.written_bytes > self.object.size_bytes {
            self.restart()?;
        }
        Ok(())
    }

    /// Forgets what came.
    ///
    /// # Errors
    ///
    /// When the file cannot be changed.
    pub fn restart(&mut self) -> io::Result<()> {
        self.file.set_len(0)?;
        self.file.rewind()?;
        self.hash = Sha256::new();
        self.written_bytes = 0;
        Ok(())
    }

    /// Goes on with the next piece.
    ///
    /// # Errors
    ///
    /// When the disk is full, or cannot be written.
    pub fn write(&mut self, piece: &[u8]) -> io::Result<()> {
        self.file.write_all(piece)?;
        self.hash.update(piece);
        self.written_bytes += piece.len() as u64;
        Ok(())
    }

    /// Brings the object to the disk, or into the object store, and gives it its name, if it is
    /// what its name says. Otherwise nothing of it stays.
    ///
    /// # Errors
    ///
    /// When it is something else, or the disk or the store cannot be written.
    pub fn finish(mut self) -> Result<(), LfsStoreError> {
        if let Err(error) = self.check() {
            fs::remove_file(&self.part)?;
            return Err(error);
        }
        if let Some((objects, _)) = &self.store.objects {
            objects.put(&object_key(self.object.oid.as_str()), &mut self.file)?;
            fs::remove_file(&self.part)?;
            return Ok(());
        }
        let path = self.store.path(&self.object.oid);
        let folder = path.parent().unwrap_or(&self.store.root);
        fs::create_dir_all(folder)?;
        self.file.sync_all()?;
        fs::rename(&self.part, &path)?;
        // The names of folders that are new are on the disk, too: `cd`, `ab`, `objects`, `lfs`.
        for folder in folder.ancestors().take(4) {
            File::open(folder)?.sync_all()?;
        }
        Ok(())
    }

    fn check(&self) -> Result<(), LfsStoreError> {
        if self.written_bytes != self.object.size_bytes {
            return Err(LfsStoreError::Size {
                written_bytes: self.written_bytes,
                size_bytes: self.object.size_bytes,
            });
        }
        let found = hexadecimal(&self.hash.clone().finalize());
        if found != self.object.oid.as_str() {
            return Err(LfsStoreError::Hash { found });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // The first example of FIPS 180-2.
    const ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    fn object(size_bytes: u64) -> LfsObject {
        LfsObject {
            oid: ABC.parse().unwrap(),
            size_bytes,
        }
    }

    #[test]
    fn an_object_gets_its_name_when_it_is_whole() {
        let folder = tempfile::tempdir().unwrap();
        let store = LfsStore::of(folder.path());
        let object = object(3);
        let mut writer = store.writer(&object).unwrap().unwrap();
        writer.write(b"ab").unwrap();
        assert!(!store.has(&object).unwrap());
        drop(writer);
        // Killed in between: what came is here.
        let mut writer = store.writer(&object).unwrap().unwrap();
        assert_eq!(writer.written_bytes(), 2);
        writer.write(b"c").unwrap();
        writer.finish().unwrap();
        assert!(store.has(&object).unwrap());
        let path = folder.path().join("lfs/objects/ba/78").join(ABC);
        assert_eq!(fs::read(path).unwrap(), b"abc");
        let left = fs::read_dir(folder.path().join("lfs/incomplete")).unwrap();
        assert_eq!(left.count(), 0);
    }

    #[test]
    fn what_is_something_else_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let store = LfsStore::of(folder.path());
        let mut writer = store.writer(&object(3)).unwrap().unwrap();
        writer.write(b"abd").unwrap();
        let error = writer.finish().unwrap_err();
        assert!(matches!(error, LfsStoreError::Hash { .. }), "{error}");
        let mut writer = store.writer(&object(3)).unwrap().unwrap();
        assert_eq!(writer.written_bytes(), 0);
        writer.write(b"ab").unwrap();
        let error = writer.finish().unwrap_err();
        assert!(matches!(error, LfsStoreError::Size { .. }), "{error}");
        assert!(!store.has(&object(3)).unwrap());
    }

    #[test]
    fn more_than_there_is_of_an_object_is_forgotten() {
        let folder = tempfile::tempdir().unwrap();
        let store = LfsStore::of(folder.path());
        let mut writer = store.writer(&object(3)).unwrap().unwrap();
        writer.write(b"abcd").unwrap();
        drop(writer);
        let mut writer = store.writer(&object(3)).unwrap().unwrap();
        assert_eq!(writer.written_bytes(), 0);
        writer.write(b"abc").unwrap();
        writer.finish().unwrap();
        assert!(store.has(&object(3)).unwrap());
    }

    #[test]
    fn two_who_want_the_same_object_do_not_mix_it() {
        let folder = tempfile::tempdir().unwrap();
        let store = LfsStore::of(folder.path());
        let mut first = store.writer(&object(3)).unwrap().unwrap();
        first.write(b"ab").unwrap();
        std::thread::scope(|scope| {
            let second = scope.spawn(|| store.writer(&object(3)).unwrap());
            first.write(b"c").unwrap();
            first.finish().unwrap();
            assert!(second.join().unwrap().is_none());
        });
        assert!(store.has(&object(3)).unwrap());
        let left = fs::read_dir(folder.path().join("lfs/incomplete")).unwrap();
        assert_eq!(left.count(), 0);
    }
}
