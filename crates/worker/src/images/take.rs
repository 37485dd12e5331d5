//! Pasted images from a folder: Bitbucket shows them to whoever is signed in in a browser, and
//! to no program.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use bucketload_archive::{Blob, BlobError, BlobStore, DatabaseError, StoredRepository};
use bucketload_model::{RepositoryName, Stage};
use serde::Serialize;
use tokio_util::sync::CancellationToken;

use super::folder::{Candidate, FolderError, FoundFile, Listing, Names, SavedFile};
use super::{HEAD_BYTES, Pasted, look_at_some, media_type, object};
use crate::Importer;

/// A folder whose images could not be taken in.
#[derive(Debug, thiserror::Error)]
pub enum TakeImagesError {
    /// The archive has no such repository, so nothing says which images it needs.
    #[error("{0} is not in the archive")]
    Unknown(RepositoryName),
    /// The folder cannot be read, or does not say which file is which image.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// An image cannot be stored.
    #[error("an image cannot be stored")]
    Store(#[source] BlobError),
    /// The database failed.
    #[error("the archive's database failed")]
    Database(#[from] DatabaseError),
    /// The caller asked to stop.
    #[error("stopped on request")]
    Stopped,
    /// A task was lost: a defect of this program.
    #[error("it broke off because of a defect in bucketload")]
    Lost,
}

/// What was taken in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TakenImages {
    /// `workspace/slug`.
    pub source: String,
    /// Images that are new in the archive.
    pub taken: u64,
    /// Files of images that were in the archive before.
    pub known: u64,
    /// Files that no text links to.
    pub unused: Vec<String>,
    /// Files that cannot be taken, and why.
    pub refused: Vec<SavedFile>,
    /// The addresses of images that are still missing.
    pub missing: Vec<String>,
}

impl TakenImages {
    /// Whether nothing is missing, and every file was understood.
    pub fn is_whole(&self) -> bool {
        self.refused.is_empty() && self.missing.is_empty()
    }
}

/// An image in the store.
struct Kept {
    file: String,
    blob: Blob,
    media_type: &'static str,
}

/// What came of the files.
#[derive(Default)]
struct Sorted {
    /// By candidate.
    kept: BTreeMap<usize, Kept>,
    known: u64,
    unused: Vec<String>,
    refused: Vec<SavedFile>,
}

impl Importer {
    /// Takes pasted images from a folder of files that a person saved. No request is sent, and
    /// taking the same folder again changes nothing.
    ///
    /// # Errors
    ///
    /// When the repository is not in the archive, the folder cannot be read, a file may be one
    /// image or another, or an image cannot be stored. Then none was taken.
    pub async fn take_images(
        &self,
        name: &RepositoryName,
        folder: &Path,
    ) -> Result<TakenImages, TakeImagesError> {
        let repository = self.archive.repository(name).await?;
        let repository = repository.ok_or_else(|| TakeImagesError::Unknown(name.clone()))?;
        self.look_at_texts(&repository).await?;
        let candidates = self.pasted_images(&repository).await?;
        let store = self.data_dir.blobs(self.max_blob_bytes);
        store.sweep(self.clock.now());
        let (folder, cancel) = (folder.to_owned(), self.cancel.clone());
        let task = tokio::task::spawn_blocking(move || {
            let sorted = sort(&folder, &candidates, &store, &cancel)?;
            Ok::<_, TakeImagesError>((sorted, candidates))
        });
        let (sorted, candidates) = task.await.map_err(|_| TakeImagesError::Lost)??;
        self.note_images(&repository, &sorted, &candidates).await?;
        let hosts = self.allowed_image_hosts();
        let names: Vec<&str> = hosts.names().collect();
        let images = self.archive.images(&repository.uuid, &names).await?;
        let missing = images.into_iter().filter(|image| image.blob.is_none());
        Ok(TakenImages {
            source: name.to_string(),
            taken: sorted.kept.len() as u64,
            known: sorted.known,
            unused: sorted.unused,
            refused: sorted.refused,
            missing: missing.map(|image| image.url).collect(),
        })
    }

    /// Which images there are may not be known yet, such as after an export was read back.
    async fn look_at_texts(&self, repository: &StoredRepository) -> Result<(), TakeImagesError> {
        loop {
            if self.cancel.is_cancelled() {
                return Err(TakeImagesError::Stopped);
            }
            let mut transaction = self.archive.begin().await?;
            let texts = look_at_some(&mut transaction, repository, self.clock.now()).await?;
            transaction.commit().await?;
            if texts == 0 {
                return Ok(());
            }
        }
    }

    async fn pasted_images(
        &self,
        repository: &StoredRepository,
    ) -> Result<Vec<Candidate>, DatabaseError> {
        let hosts = self.allowed_image_hosts();
        let names: Vec<&str> = hosts.names().collect();
        let mut candidates: Vec<Candidate> = Vec::new();
        let mut known: BTreeMap<(String, String), usize> = BTreeMap::new();
        for image in self.archive.images(&repository.uuid, &names).await? {
            let url = image.url.parse().ok();
            let pasted = url.filter(|url| hosts.is_bitbucket(url));
            let Some(pasted) = pasted.as_ref().and_then(Pasted::of) else {
                continue;
            };
            let is_here = image.blob.is_some();
            let key = (pasted.hash.clone(), pasted.name.clone());
            // One image may be linked in several ways, such as with a size behind it.
            if let Some(index) = known.get(&key) {
                candidates[*index].urls.push(image.url);
                candidates[*index].is_here &= is_here;
                continue;
            }
            known.insert(key, candidates.len());
            candidates.push(Candidate {
                pasted,
                urls: vec![image.url],
                is_here,
            });
        }
        Ok(candidates)
    }

    /// Notes what was stored, and brings what the last import said of it up to date.
    async fn note_images(
        &self,
        repository: &StoredRepository,
        sorted: &Sorted,
        candidates: &[Candidate],
    ) -> Result<(), DatabaseError> {
        if sorted.kept.is_empty() {
            return Ok(());
        }
        let (uuid, now) = (&repository.uuid, self.clock.now());
        let import = self.archive.latest_import(&repository.name).await?;
        let mut transaction = self.archive.begin().await?;
        for (index, kept) in &sorted.kept {
            transaction.put_blob(&kept.blob).await?;
            for url in &candidates[*index].urls {
                let (blob, media_type) = (&kept.blob.sha256, kept.media_type);
                transaction
                    .set_image_blob(uuid, url, media_type, blob, now)
                    .await?;
                if let Some(import) = &import {
                    transaction
                        .clear_gap(import.id, Stage::Images, &object(url))
                        .await?;
                }
            }
        }
        transaction.commit().await?;
        if let Some(import) = &import {
            let hosts = self.allowed_image_hosts();
            let names: Vec<&str> = hosts.names().collect();
            let tally = self.archive.tally_images(uuid, &names).await?;
            let mut transaction = self.archive.begin().await?;
            transaction.count_images_again(import.id, tally).await?;
            transaction.commit().await?;
        }
        tracing::info!(
            repository = %repository.name,
            images = sorted.kept.len(),
            "images were taken from a folder"
        );
        Ok(())
    }
}

/// Finds out which file is which image, of all of them before the first is stored.
fn sort(
    folder: &Path,
    candidates: &[Candidate],
    store: &BlobStore,
    cancel: &CancellationToken,
) -> Result<Sorted, TakeImagesError> {
    let listing = Listing::of(folder)?;
    let names = Names::of(candidates);
    let found = listing
        .files
        .iter()
        .map(|file| Ok((file, names.find(file)?)));
    let found: Vec<_> = found.collect::<Result<_, FolderError>>()?;
    let mut sorted = Sorted {
        refused: listing.refused,
        ..Sorted::default()
    };
    for (file, index) in found {
        if cancel.is_cancelled() {
            return Err(TakeImagesError::Stopped);
        }
        let Some(index) = index else {
            sorted.unused.push(file.shown.clone());
            continue;
        };
        if candidates[index].is_here {
            sorted.known += 1;
            continue;
        }
        let kept = match keep(file, store)? {
            Ok(kept) => kept,
            Err(problem) => {
                let file = file.shown.clone();
                sorted.refused.push(SavedFile { file, problem });
                continue;
            }
        };
        match sorted.kept.get(&index) {
            Some(other) if other.blob != kept.blob => {
                let error = FolderError::Twice {
                    one: other.file.clone(),
                    other: kept.file,
                    url: candidates[index].urls.concat(),
                };
                return Err(error.into());
            }
            Some(_) => {}
            None => {
                sorted.kept.insert(index, kept);
            }
        }
    }
    Ok(sorted)
}

/// Stores a file, if it is an image that may be kept; otherwise says what is wrong with it.
fn keep(file: &FoundFile, store: &BlobStore) -> Result<Result<Kept, String>, TakeImagesError> {
    let read = |error: &io::Error| format!("it cannot be read: {error}");
    let opened = File::open(&file.path).and_then(|mut content| {
        let mut head = Vec::new();
        let limit = HEAD_BYTES as u64;
        content.by_ref().take(limit).read_to_end(&mut head)?;
        Ok((head, content))
    });
    let (head, content) = match opened {
        Ok(opened) => opened,
        Err(error) => return Ok(Err(read(&error))),
    };
    let Some(media_type) = media_type(&head) else {
        return Ok(Err("it is no image".to_owned()));
    };
    match store.store(head.as_slice().chain(content)) {
        Ok(blob) => Ok(Ok(Kept {
            file: file.shown.clone(),
            blob,
            media_type,
        })),
        Err(BlobError::Read(error)) => Ok(Err(read(&error))),
        Err(BlobError::TooLarge { limit_bytes }) => {
            Ok(Err(format!("it is larger than {limit_bytes} bytes")))
        }
        Err(error) => Err(TakeImagesError::Store(error)),
    }
}
