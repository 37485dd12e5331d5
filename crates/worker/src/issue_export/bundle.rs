//! The file of an export: a zip, or the list of issues alone.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, BufReader, Read, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use bucketload_archive::{Blob, BlobError, BlobStore};
use sha2::{Digest as _, Sha256};
use zip::ZipArchive;
use zip::result::ZipError;

use super::IssueExportError;

/// The newer form names people by their accounts, and comes first where both are there.
const DOCUMENTS: [&str; 2] = ["db-2.0.json", "db-1.0.json"];

/// Where attachments lie in an export. What a list of issues names elsewhere is none.
const ATTACHMENTS: &str = "attachments/";

/// Trackers with tens of thousands of issues have some thousand files.
const MAX_FILES: usize = 200_000;

/// A hundred thousand comments take some 50 MB.
const MAX_DOCUMENT_BYTES: u64 = 512 * 1024 * 1024;

/// JSON packs to a tenth or a twentieth, files that people attach to less. Deflate reaches
/// a thousand for nothing but zeros.
const MAX_RATIO: u64 = 200;

/// So much it may become in any case.
const FREE_BYTES: u64 = 64 * 1024 * 1024;

pub(super) struct Bundle {
    path: PathBuf,
    content: Content,
    /// How much may still come out of it.
    left_bytes: u64,
    limit_bytes: u64,
}

enum Content {
    Zip(ZipArchive<BufReader<File>>),
    Document(File),
}

/// Reads no further than it may.
struct Limited<'a, R> {
    inner: R,
    left_bytes: &'a mut u64,
    is_over: &'a mut bool,
}

impl<R: Read> Read for Limited<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        if let Some(left) = self.left_bytes.checked_sub(read as u64) {
            *self.left_bytes = left;
            Ok(read)
        } else {
            *self.is_over = true;
            Err(io::Error::other("it becomes far larger than it is"))
        }
    }
}

impl Bundle {
    pub(super) fn open(path: &Path) -> Result<Self, IssueExportError> {
        let failed = |source| IssueExportError::Read {
            path: path.to_owned(),
            source,
        };
        let mut file = File::open(path).map_err(failed)?;
        let size = file.metadata().map_err(failed)?.len();
        let mut beginning = Vec::new();
        let first = (&mut file).take(2).read_to_end(&mut beginning);
        first.map_err(failed)?;
        file.rewind().map_err(failed)?;
        let content = if beginning == b"PK" {
            Content::Zip(zip(file)?)
        } else {
            Content::Document(file)
        };
        let limit_bytes = size.saturating_mul(MAX_RATIO).saturating_add(FREE_BYTES);
        Ok(Self {
            path: path.to_owned(),
            content,
            left_bytes: limit_bytes,
            limit_bytes,
        })
    }

    /// The list of issues.
    pub(super) fn document(&mut self) -> Result<String, IssueExportError> {
        let mut bytes = Vec::new();
        let mut is_over = false;
        let result = match &mut self.content {
            Content::Document(file) => read_document(file, &mut bytes),
            Content::Zip(zip) => {
                let name = DOCUMENTS
                    .into_iter()
                    .find(|name| zip.index_for_name(name).is_some())
                    .ok_or(IssueExportError::NoDocument)?;
                let limited = Limited {
                    inner: zip.by_name(name)?,
                    left_bytes: &mut self.left_bytes,
                    is_over: &mut is_over,
                };
                read_document(limited, &mut bytes)
            }
        };
        if is_over {
            return Err(self.bomb());
        }
        let read = result.map_err(|source| IssueExportError::Read {
            path: self.path.clone(),
            source,
        })?;
        if read as u64 > MAX_DOCUMENT_BYTES {
            return Err(IssueExportError::DocumentTooLarge {
                limit_bytes: MAX_DOCUMENT_BYTES,
            });
        }
        let text = String::from_utf8(bytes).map_err(IssueExportError::NotText)?;
        match text.strip_prefix('\u{feff}') {
            Some(text) => Ok(text.to_owned()),
            None => Ok(text),
        }
    }

    /// Takes an attachment into the store; or tells in words why there is none.
    pub(super) fn attachment(
        &mut self,
        path: &str,
        store: &BlobStore,
    ) -> Result<Result<Blob, String>, IssueExportError> {
        let Content::Zip(zip) = &mut self.content else {
            return Ok(Err("the list of issues came without its files".to_owned()));
        };
        let index = zip.index_for_name(path);
        let Some(index) = index.filter(|_| path.starts_with(ATTACHMENTS)) else {
            return Ok(Err("the export has no such file".to_owned()));
        };
        let file = match zip.by_index(index) {
            Ok(file) => file,
            Err(error) => return Ok(Err(format!("the file cannot be read: {error}"))),
        };
        let mut is_over = false;
        let limited = Limited {
            inner: file,
            left_bytes: &mut self.left_bytes,
            is_over: &mut is_over,
        };
        let stored = store.store(limited);
        if is_over {
            return Err(self.bomb());
        }
        match stored {
            Ok(blob) => Ok(Ok(blob)),
            Err(error @ BlobError::TooLarge { .. }) => Ok(Err(error.to_string())),
            // Its checksum is wrong, say.
            Err(BlobError::Read(error)) => Ok(Err(format!("the file cannot be read: {error}"))),
            Err(error @ (BlobError::DiskFull(_) | BlobError::Write { .. })) => Err(error.into()),
        }
    }

    /// The hash of the whole file.
    pub(super) fn sha256(self) -> Result<String, IssueExportError> {
        let mut file = match self.content {
            Content::Zip(zip) => zip.into_inner().into_inner(),
            Content::Document(file) => file,
        };
        let failed = |source| IssueExportError::Read {
            path: self.path.clone(),
            source,
        };
        file.seek(SeekFrom::Start(0)).map_err(failed)?;
        let mut hash = Sha256::new();
        let mut piece = vec![0; 64 * 1024];
        loop {
            match file.read(&mut piece).map_err(failed)? {
                0 => break,
                read => hash.update(&piece[..read]),
            }
        }
        let hash = hash.finalize();
        Ok(hash.iter().fold(String::new(), |mut text, byte| {
            // Writing to a String cannot fail.
            let _ = write!(text, "{byte:02x}");
            text
        }))
    }

    const fn bomb(&self) -> IssueExportError {
        IssueExportError::Bomb {
            limit_bytes: self.limit_bytes,
        }
    }
}

fn read_document(document: impl Read, bytes: &mut Vec<u8>) -> io::Result<usize> {
    document.take(MAX_DOCUMENT_BYTES + 1).read_to_end(bytes)
}

/// Opens a zip that is what it seems.
fn zip(mut file: File) -> Result<ZipArchive<BufReader<File>>, IssueExportError> {
    // How many there are is known before they are read.
    let entries = entries(&mut file)?;
    if entries > MAX_FILES as u64 {
        return Err(IssueExportError::TooManyFiles {
            entries,
            limit: MAX_FILES,
        });
    }
    let zip = ZipArchive::new(BufReader::new(file))?;
    // Of two with the same name one would hide the other.
    if zip.len() as u64 != entries {
        return Err(IssueExportError::SameName);
    }
    Ok(zip)
}

/// How many files a zip says to have, at its end (APPNOTE.TXT, sections 4.3.14 and 4.3.16).
fn entries(file: &mut File) -> Result<u64, ZipError> {
    const END: &[u8] = b"PK\x05\x06";
    const END_64: &[u8] = b"PK\x06\x06";
    /// Both records, a locator between them, and the longest comment after them.
    const LONGEST_END: u64 = 56 + 20 + 22 + 65_535;
    let size = file.seek(SeekFrom::End(0))?;
    file.seek(SeekFrom::Start(size.saturating_sub(LONGEST_END)))?;
    let mut end = Vec::new();
    file.read_to_end(&mut end)?;
    file.rewind()?;
    let find = |signature: &[u8]| {
        let found = end.windows(4).rposition(|four| four == signature);
        found.and_then(|at| end.get(at..))
    };
    let short = find(END).and_then(|record| record.get(10..12)?.try_into().ok());
    let entries = match short.map(u16::from_le_bytes) {
        None => return Err(ZipError::InvalidArchive("it has no end".into())),
        // As many as the short record can tell, or more.
        Some(u16::MAX) => find(END_64)
            .and_then(|record| record.get(32..40)?.try_into().ok())
            .map_or(u64::from(u16::MAX), u64::from_le_bytes),
        Some(entries) => u64::from(entries),
    };
    Ok(entries)
}
