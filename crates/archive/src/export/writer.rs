//! One exported file: written, counted and hashed in one go.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read as _, Write as _};
use std::path::Path;

use serde::Serialize;
use sha2::{Digest as _, Sha256};

use super::compact::compact;
use crate::hexadecimal::hexadecimal;

/// What an export holds: enough to prove later that nothing of it changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Manifest {
    /// The layout of the files.
    pub format: &'static str,
    /// `workspace/slug`.
    pub repository: String,
    /// The repository's permanent id.
    pub uuid: String,
    /// Every file, by name.
    pub files: BTreeMap<String, ExportedFile>,
}

/// One file of an export.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ExportedFile {
    /// Its SHA-256, in hexadecimal.
    pub sha256: String,
    /// Its size.
    pub size_bytes: u64,
    /// Objects in it; absent for files that hold no objects.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub objects: Option<u64>,
}

/// What a line has beside an object and its key.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Beside<'a> {
    /// Where the object came from, if not from Bitbucket.
    pub(super) origin: Option<&'a str>,
    /// The hash of its content.
    pub(super) blob: Option<&'a str>,
}

/// Writes one object per line.
#[derive(Debug)]
pub(super) struct LineWriter {
    file: BufWriter<File>,
    hash: Sha256,
    size_bytes: u64,
    objects: u64,
}

impl LineWriter {
    pub(super) fn create(path: &Path) -> io::Result<Self> {
        Ok(Self {
            file: BufWriter::new(File::create(path)?),
            hash: Sha256::new(),
            size_bytes: 0,
            objects: 0,
        })
    }

    /// Writes `{"key": …, "source": …}` on a line of its own.
    pub(super) fn write(
        &mut self,
        key: &serde_json::Value,
        source: &str,
        beside: Beside<'_>,
    ) -> io::Result<()> {
        let mut line = format!("{{\"key\":{key},\"source\":{}", compact(source));
        for (name, value) in [("origin", beside.origin), ("blob", beside.blob)] {
            if let Some(value) = value {
                line = format!("{line},\"{name}\":{}", serde_json::Value::from(value));
            }
        }
        line.push_str("}\n");
        self.file.write_all(line.as_bytes())?;
        self.hash.update(line.as_bytes());
        self.size_bytes += line.len() as u64;
        self.objects += 1;
        Ok(())
    }

    pub(super) fn finish(self) -> io::Result<ExportedFile> {
        let file = self
            .file
            .into_inner()
            .map_err(io::IntoInnerError::into_error)?;
        file.sync_all()?;
        Ok(ExportedFile {
            sha256: hexadecimal(&self.hash.finalize()),
            size_bytes: self.size_bytes,
            objects: Some(self.objects),
        })
    }
}

/// Copies a file that lies under its hash, and makes sure that it still is what its name says.
pub(super) fn copy(from: &Path, into: &Path, sha256: &str) -> io::Result<ExportedFile> {
    std::fs::copy(from, into)?;
    let copied = describe(into)?;
    if copied.sha256 == sha256 {
        Ok(copied)
    } else {
        let problem = format!("the content of {} is not what it was", from.display());
        Err(io::Error::new(io::ErrorKind::InvalidData, problem))
    }
}

/// Hashes a file that another program wrote.
pub(super) fn describe(path: &Path) -> io::Result<ExportedFile> {
    let mut file = BufReader::new(File::open(path)?);
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
    file.into_inner().sync_all()?;
    Ok(ExportedFile {
        sha256: hexadecimal(&hash.finalize()),
        size_bytes,
        objects: None,
    })
}
