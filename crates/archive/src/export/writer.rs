//! One exported file: written, counted and hashed in one go.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read as _, Write as _};
use std::path::Path;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::hexadecimal::hexadecimal;

/// What an export holds: enough to prove later that nothing of it changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The layout of the files.
    pub format: String,
    /// `workspace/slug`.
    pub repository: String,
    /// The repository's permanent id.
    pub uuid: String,
    /// Every file, by name.
    pub files: BTreeMap<String, ExportedFile>,
}

/// One file of an export.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExportedFile {
    /// Its SHA-256, in hexadecimal.
    pub sha256: String,
    /// Its size.
    pub size_bytes: u64,
    /// Objects in it; absent for files that hold no objects.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub objects: Option<u64>,
}

/// Counts and hashes lines.
#[derive(Debug, Default)]
pub(crate) struct LineDigest {
    hash: Sha256,
    size_bytes: u64,
    /// Lines so far.
    pub(crate) objects: u64,
}

impl LineDigest {
    pub(crate) fn add(&mut self, line: &str) {
        self.hash.update(line.as_bytes());
        self.size_bytes += line.len() as u64;
        self.objects += 1;
    }

    pub(crate) fn finish(self) -> ExportedFile {
        ExportedFile {
            sha256: hexadecimal(&self.hash.finalize()),
            size_bytes: self.size_bytes,
            objects: Some(self.objects),
        }
    }
}

/// Writes lines to a file.
#[derive(Debug)]
pub(super) struct LineWriter {
    file: BufWriter<File>,
    digest: LineDigest,
}

impl LineWriter {
    pub(super) fn create(path: &Path) -> io::Result<Self> {
        Ok(Self {
            file: BufWriter::new(File::create(path)?),
            digest: LineDigest::default(),
        })
    }

    pub(super) fn write(&mut self, line: &str) -> io::Result<()> {
        self.file.write_all(line.as_bytes())?;
        self.digest.add(line);
        Ok(())
    }

    pub(super) fn finish(self) -> io::Result<ExportedFile> {
        let file = self
            .file
            .into_inner()
            .map_err(io::IntoInnerError::into_error)?;
        file.sync_all()?;
        Ok(self.digest.finish())
    }
}

/// Copies a file that has its hash for its name, and makes sure that it still is what that says.
pub(super) fn copy(mut from: File, into: &Path, sha256: &str) -> io::Result<ExportedFile> {
    io::copy(&mut from, &mut File::create(into)?)?;
    let copied = describe(into)?;
    if copied.sha256 == sha256 {
        Ok(copied)
    } else {
        let problem = "its content is not what it was";
        Err(io::Error::new(io::ErrorKind::InvalidData, problem))
    }
}

/// Hashes a file that another program wrote, and makes sure that it is on the disk.
pub(super) fn describe(path: &Path) -> io::Result<ExportedFile> {
    let described = hash(path)?;
    File::open(path)?.sync_all()?;
    Ok(described)
}

/// Hashes a file.
pub(super) fn hash(path: &Path) -> io::Result<ExportedFile> {
    hash_file(File::open(path)?)
}

/// Hashes what can still be read of a file.
pub(crate) fn hash_file(file: File) -> io::Result<ExportedFile> {
    let mut file = BufReader::new(file);
    let mut hash = Sha256::new();
    let mut size_bytes = 0;
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let read = file.read(&mut buffer)?;
        if read == 0 {
            break;
        }
        hash.update(&buffer[..read]);
        size_bytes += read as u64;
    }
    Ok(ExportedFile {
        sha256: hexadecimal(&hash.finalize()),
        size_bytes,
        objects: None,
    })
}
