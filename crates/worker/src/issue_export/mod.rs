//! Issues from an export that was made before Bitbucket removed its tracker.
//!
//! An export is somebody's file: its sizes are limited, nothing in it names a path on this
//! machine, and one object that cannot be read costs nobody the others.

mod bundle;
mod document;
mod store;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bucketload_archive::{
    Archive, Blob, BlobError, BlobStore, DataDir, DatabaseError, IssueCounts, RepositoryRecord,
    Transaction, provisional_repository,
};
use bucketload_model::{Clock, RepositoryName, RepositoryUuid};
use serde::Serialize;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::Importer;
use bundle::Bundle;
use document::Document;
pub(crate) use document::Entry;

/// An export that could not be taken in. Nothing of it is in the archive then.
#[derive(Debug, thiserror::Error)]
pub enum IssueExportError {
    /// It cannot be opened or read.
    #[error("cannot read {}", .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// It is damaged, encrypted, or not packed as Bitbucket packs.
    #[error("the zip cannot be read")]
    Zip(#[from] zip::result::ZipError),
    /// It has more files than any tracker.
    #[error("it has {entries} files; {limit} are the most")]
    TooManyFiles {
        /// How many.
        entries: u64,
        /// How many it may have.
        limit: usize,
    },
    /// Two of its files have the same name.
    #[error("two files in it have the same name")]
    SameName,
    /// It becomes far larger than it is.
    #[error("it unpacks to more than {limit_bytes} bytes, which no export of its size does")]
    Bomb {
        /// How large it may become.
        limit_bytes: u64,
    },
    /// There are no issues in it.
    #[error("there is neither a db-2.0.json nor a db-1.0.json in it")]
    NoDocument,
    /// The list of issues is too large.
    #[error("its list of issues has more than {limit_bytes} bytes")]
    DocumentTooLarge {
        /// How large it may be.
        limit_bytes: u64,
    },
    /// The list of issues is no JSON, or not that of an export.
    #[error("its list of issues cannot be read")]
    Document(#[source] serde_json::Error),
    /// The list of issues is no text.
    #[error("its list of issues is not UTF-8")]
    NotText(#[source] std::string::FromUtf8Error),
    /// An attachment could not be stored.
    #[error("an attachment cannot be stored")]
    Store(#[from] BlobError),
    /// The database failed.
    #[error("the archive's database failed")]
    Database(#[from] DatabaseError),
    /// The caller asked to stop.
    #[error("stopped on request")]
    Stopped,
    /// A task was lost: a defect of this program.
    #[error("reading it broke off because of a defect in bucketload")]
    Lost,
}

/// What was taken in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TakenExport {
    /// `workspace/slug`.
    pub source: String,
    /// The SHA-256 of the file, in hexadecimal.
    pub sha256: String,
    /// Issues in it.
    pub issues: u64,
    /// Comments in it, those that only carry changes included.
    pub comments: u64,
    /// Changes in it.
    pub changes: u64,
    /// Attachments in it.
    pub attachments: u64,
    /// Objects that are new in the archive, or were there in another form.
    pub written: u64,
    /// Attachments whose content is not in it, or cannot be kept.
    pub missing: Vec<MissingFile>,
    /// Objects that cannot be read as what they should be.
    pub unreadable: Vec<String>,
    /// Whether Bitbucket itself has told nothing of the repository yet.
    pub only_from_export: bool,
}

/// An attachment without content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MissingFile {
    /// The issue.
    pub issue: i64,
    /// The name that somebody gave it.
    pub name: String,
    /// Why it has none.
    pub problem: String,
}

/// An export as it was read, with its attachments in the store.
#[derive(Debug)]
pub struct Unpacked {
    /// The hash of its file.
    pub sha256: String,
    /// The list of issues.
    pub text: String,
    /// By their path in the export.
    pub blobs: BTreeMap<String, Blob>,
    /// Why others have none.
    pub problems: BTreeMap<String, String>,
}

/// Takes exports of issues into one archive. That needs no credential.
#[derive(Debug, Clone)]
pub struct IssueExports {
    /// Where to.
    pub archive: Archive,
    /// Where attachments lie.
    pub data_dir: DataDir,
    /// How large one may be.
    pub max_blob_bytes: u64,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Cancelled to stop.
    pub cancel: CancellationToken,
}

impl Importer {
    /// Takes the issues of an export into the archive: see [`IssueExports::take`].
    ///
    /// # Errors
    ///
    /// When the file is no export, breaks a limit, or cannot be stored.
    pub async fn take_issue_export(
        &self,
        name: &RepositoryName,
        path: &Path,
    ) -> Result<TakenExport, IssueExportError> {
        let exports = IssueExports {
            archive: self.archive.clone(),
            data_dir: self.data_dir.clone(),
            max_blob_bytes: self.max_blob_bytes,
            clock: Arc::clone(&self.clock),
            cancel: self.cancel.clone(),
        };
        exports.take(name, path).await
    }
}

impl IssueExports {
    /// Takes the issues of an export into the archive. No request is sent, and taking the
    /// same export again changes nothing.
    ///
    /// A repository that the archive does not know is made from its name; an import that
    /// reaches it at Bitbucket later gives the issues to it.
    ///
    /// # Errors
    ///
    /// When the file is no export, breaks a limit, or cannot be stored.
    pub async fn take(
        &self,
        name: &RepositoryName,
        path: &Path,
    ) -> Result<TakenExport, IssueExportError> {
        let store = self.data_dir.blobs(self.max_blob_bytes);
        store.sweep(self.clock.now());
        let (path, cancel) = (path.to_owned(), self.cancel.clone());
        let task = tokio::task::spawn_blocking(move || unpack(&path, &store, &cancel));
        let unpacked = task.await.map_err(|_| IssueExportError::Lost)??;
        let document = Document::parse(&unpacked.text).map_err(IssueExportError::Document)?;
        let known = self.archive.repository(name).await?;
        let uuid = match known {
            Some(known) => known.uuid,
            None => provisional_repository(name)?,
        };
        self.store_export(name, &uuid, &unpacked, &document).await
    }
}

/// Makes a repository of nothing but its name.
pub(crate) async fn make_repository(
    transaction: &mut Transaction,
    name: &RepositoryName,
    uuid: &RepositoryUuid,
    origin: &str,
) -> Result<(), DatabaseError> {
    let source = json!({
        "type": "repository",
        "full_name": name.to_string(),
        "origin": origin,
    });
    let record = RepositoryRecord {
        uuid,
        name,
        display_name: None,
        scm: None,
        is_private: None,
        main_branch: None,
        size_bytes: None,
        updated_on: None,
        source: &source.to_string(),
    };
    transaction.put_repository(&record).await?;
    Ok(())
}

/// Reads an export, and its attachments into the store.
///
/// # Errors
///
/// When the file is no export, breaks a limit, or its attachments cannot be stored.
pub fn unpack(
    path: &Path,
    store: &BlobStore,
    cancel: &CancellationToken,
) -> Result<Unpacked, IssueExportError> {
    let mut bundle = Bundle::open(path)?;
    let text = bundle.document()?;
    let document = Document::parse(&text).map_err(IssueExportError::Document)?;
    let mut blobs = BTreeMap::new();
    let mut problems = BTreeMap::new();
    for attachment in document.attachments().items {
        if cancel.is_cancelled() {
            return Err(IssueExportError::Stopped);
        }
        let Some(path) = attachment.path() else {
            continue;
        };
        if blobs.contains_key(path) {
            continue;
        }
        match bundle.attachment(path, store)? {
            Ok(blob) => {
                blobs.insert(path.to_owned(), blob);
            }
            Err(problem) => {
                problems.insert(path.to_owned(), problem);
            }
        }
    }
    Ok(Unpacked {
        sha256: bundle.sha256()?,
        text,
        blobs,
        problems,
    })
}

impl TakenExport {
    /// Whether all of it is in the archive.
    pub fn is_whole(&self) -> bool {
        self.missing.is_empty() && self.unreadable.is_empty()
    }

    const fn counts(&self) -> IssueCounts {
        IssueCounts {
            issues: self.issues,
            comments: self.comments,
            changes: self.changes,
            attachments: self.attachments,
        }
    }
}
