//! Mirrors on many machines: each makes its own from bundles in the object store.
//!
//! Whoever has brought a mirror up to date puts a bundle of what is new into the store, and
//! notes it in the database, before the import goes on. Whoever works on a mirror looks there
//! first. Without an object store nothing of this happens: the mirrors of a data directory are
//! all there are.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use bucketload_model::RepositoryUuid;
use chrono::{DateTime, Utc};
use tempfile::NamedTempFile;

use crate::export::hash_file;
use crate::mirror::{CopyMark, Mirror, MirrorError};
use crate::{
    Archive, DataDir, DatabaseError, MirrorKind, Objects, StoredCopy, StoredRepository, Transaction,
};

/// Bundles after which all goes into one again, however small they are.
const MOST_BUNDLES: usize = 100;

/// How often the list of bundles is read when some of them are gone: somebody else has just
/// put all into one.
const TRIES: usize = 3;

/// A mirror that cannot be brought from the store or put there.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    /// The database failed.
    #[error("the archive's database failed")]
    Database(#[from] DatabaseError),
    /// The mirror, or one of its bundles, is not whole.
    #[error("the git mirror cannot be copied")]
    Mirror(#[from] MirrorError),
    /// The store does not answer, or refuses, or the disk is full.
    #[error("the object store cannot be used")]
    Store(#[source] io::Error),
    /// What the store has is not what was put there.
    #[error("{key} in the object store is not what it was")]
    Damaged {
        /// What it is called there.
        key: String,
    },
    /// Somebody else has put another bundle there meanwhile.
    #[error("another process has copied the git mirror meanwhile")]
    Overtaken,
    /// A task of this program was lost.
    #[error("copying broke off because of a defect in bucketload")]
    Lost,
}

/// A bundle that is in the store and nobody knows yet.
#[derive(Debug)]
pub struct NewCopy {
    repository: RepositoryUuid,
    kind: MirrorKind,
    copy: StoredCopy,
    /// The last one before it.
    known: Option<String>,
    /// Those that it takes the place of.
    replaced: Vec<StoredCopy>,
    is_whole: bool,
    mirror: Mirror,
    mark: CopyMark,
    objects: Objects,
}

impl DataDir {
    /// Where a mirror of a repository lies, or would.
    pub fn mirror_of(&self, repository: &StoredRepository, kind: MirrorKind) -> PathBuf {
        match kind {
            MirrorKind::Git => self.mirror(&repository.name),
            MirrorKind::Wiki => self.wiki(&repository.name),
        }
    }

    fn incoming(&self) -> io::Result<PathBuf> {
        let folder = self.blobs(0).incoming();
        fs::create_dir_all(&folder)?;
        Ok(folder)
    }
}

/// Makes a mirror of this machine what the store says it is. Nothing happens without an object
/// store, for a mirror that was never put there, and for one that is as new.
///
/// # Errors
///
/// When the store or the database fails, or a bundle is damaged.
pub async fn bring_mirror(
    archive: &Archive,
    data_dir: &DataDir,
    repository: &StoredRepository,
    kind: MirrorKind,
    now: DateTime<Utc>,
) -> Result<(), CopyError> {
    let Some(objects) = data_dir.objects() else {
        return Ok(());
    };
    for is_last in (1..=TRIES).map(|attempt| attempt == TRIES) {
        let copies = archive.mirror_copies(&repository.uuid, kind).await?;
        let (objects, data_dir) = (objects.clone(), data_dir.clone());
        let (repository, path) = (repository.clone(), data_dir.mirror_of(repository, kind));
        let task = tokio::task::spawn_blocking(move || {
            let incoming = data_dir.incoming().map_err(CopyError::Store)?;
            bring(&objects, &repository, &path, &copies, &incoming, now)
        });
        match task.await.map_err(|_| CopyError::Lost)? {
            Err(CopyError::Store(error)) if error.kind() == io::ErrorKind::NotFound && !is_last => {
            }
            result => return result,
        }
    }
    Ok(())
}

fn bring(
    objects: &Objects,
    repository: &StoredRepository,
    path: &Path,
    copies: &[StoredCopy],
    incoming: &Path,
    now: DateTime<Utc>,
) -> Result<(), CopyError> {
    let mark = mark_of(repository, copies, path)?;
    let here = mark.and_then(|mark| copies.iter().position(|copy| copy.sha256 == mark.bundle));
    let wanted = &copies[here.map_or(0, |index| index + 1)..];
    let Some(last) = wanted.last() else {
        return Ok(());
    };
    let mut bundles = Vec::new();
    for copy in wanted {
        bundles.push(fetch(objects, copy, incoming)?);
    }
    let paths: Vec<PathBuf> = bundles.iter().map(|file| file.path().to_owned()).collect();
    let never = AtomicBool::new(false);
    let branch = repository.main_branch.as_deref();
    let mirror = Mirror::unpack_copies(path, &paths, branch, now, &never)?;
    mirror.set_copy_mark(&CopyMark {
        repository: repository.uuid.clone(),
        bundle: last.sha256.clone(),
        refs: Mirror::refs_of_bundle(&paths[paths.len() - 1])?,
    })?;
    tracing::info!(
        repository = %repository.name,
        bundles = wanted.len(),
        bytes = wanted.iter().map(|copy| copy.size_bytes).sum::<u64>(),
        "a git mirror was brought from the object store"
    );
    Ok(())
}

/// What the mirror at a path has. One of another repository, which had the name before, is moved
/// out of the way: what it has is in the store, or comes with that repository's next import.
fn mark_of(
    repository: &StoredRepository,
    copies: &[StoredCopy],
    path: &Path,
) -> Result<Option<CopyMark>, CopyError> {
    let Some(mirror) = Mirror::open(path)? else {
        return Ok(None);
    };
    let Some(mark) = mirror.copy_mark()? else {
        return Ok(None);
    };
    // One that was made before Bitbucket had said what it is called for good has its copies still.
    let is_known = copies.iter().any(|copy| copy.sha256 == mark.bundle);
    if is_known || mark.repository == repository.uuid {
        return Ok(Some(mark));
    }
    let mut name = path.file_name().unwrap_or_default().to_owned();
    // No slug has a space in it, so this name is free.
    name.push(format!(" (of {})", bare(&mark.repository)));
    let aside = path.with_file_name(name);
    if aside.exists() {
        fs::remove_dir_all(&aside).map_err(CopyError::Store)?;
    }
    fs::rename(path, &aside).map_err(CopyError::Store)?;
    tracing::info!(
        repository = %repository.name,
        aside = %aside.display(),
        "a git mirror of another repository was moved aside"
    );
    Ok(None)
}

fn fetch(
    objects: &Objects,
    copy: &StoredCopy,
    incoming: &Path,
) -> Result<NamedTempFile, CopyError> {
    let mut file = NamedTempFile::new_in(incoming).map_err(CopyError::Store)?;
    objects
        .get(&copy.key, file.as_file_mut())
        .map_err(CopyError::Store)?;
    let opened = File::open(file.path()).map_err(CopyError::Store)?;
    let found = hash_file(opened).map_err(CopyError::Store)?;
    if found.sha256 == copy.sha256 {
        Ok(file)
    } else {
        Err(CopyError::Damaged {
            key: copy.key.clone(),
        })
    }
}

/// Puts what is new in a mirror into the store and notes it, for whoever has the repository to
/// himself in another way than an import has.
///
/// # Errors
///
/// When the store or the database fails.
pub async fn copy_mirror(
    archive: &Archive,
    data_dir: &DataDir,
    repository: &StoredRepository,
    kind: MirrorKind,
) -> Result<(), CopyError> {
    let Some(copy) = prepare_copy(archive, data_dir, repository, kind).await? else {
        return Ok(());
    };
    let mut transaction = archive.begin().await?;
    copy.note(&mut transaction).await?;
    transaction.commit().await?;
    copy.settle().await
}

/// Puts what is new in a mirror into the store. The answer is to be noted in a transaction
/// ([`NewCopy::note`]), and that in the mirror ([`NewCopy::settle`]); there is none where
/// nothing is new, and without an object store.
///
/// # Errors
///
/// When the store or the database fails.
pub async fn prepare_copy(
    archive: &Archive,
    data_dir: &DataDir,
    repository: &StoredRepository,
    kind: MirrorKind,
) -> Result<Option<NewCopy>, CopyError> {
    let Some(objects) = data_dir.objects().cloned() else {
        return Ok(None);
    };
    let copies = archive.mirror_copies(&repository.uuid, kind).await?;
    let path = data_dir.mirror_of(repository, kind);
    let (data_dir, uuid) = (data_dir.clone(), repository.uuid.clone());
    let task = tokio::task::spawn_blocking(move || {
        let Some(mirror) = Mirror::open(&path)? else {
            return Ok(None);
        };
        let incoming = data_dir.incoming().map_err(CopyError::Store)?;
        prepare(objects, uuid, kind, copies, mirror, &incoming)
    });
    task.await.map_err(|_| CopyError::Lost)?
}

fn prepare(
    objects: Objects,
    repository: RepositoryUuid,
    kind: MirrorKind,
    copies: Vec<StoredCopy>,
    mirror: Mirror,
    incoming: &Path,
) -> Result<Option<NewCopy>, CopyError> {
    let refs = mirror.refs()?;
    let mark = mirror.copy_mark()?;
    let last = copies.last();
    let mark = mark.filter(|mark| last.is_some_and(|last| last.sha256 == mark.bundle));
    if mark.as_ref().is_some_and(|mark| mark.refs == refs) {
        return Ok(None);
    }
    let since = mark.filter(|_| !are_many(&copies));
    let is_whole = since.is_none();
    let since = since.map_or(Vec::new(), |mark| mark.refs);
    let mut file = NamedTempFile::new_in(incoming).map_err(CopyError::Store)?;
    let never = AtomicBool::new(false);
    if !mirror.bundle_since(file.path(), &since, &never)? {
        return Ok(None);
    }
    let described = File::open(file.path()).and_then(hash_file);
    let described = described.map_err(CopyError::Store)?;
    let copy = StoredCopy {
        key: format!(
            "git/{}/{}/{}.bundle",
            bare(&repository),
            kind.name(),
            described.sha256
        ),
        sha256: described.sha256,
        size_bytes: described.size_bytes,
    };
    objects
        .put(&copy.key, file.as_file_mut())
        .map_err(CopyError::Store)?;
    Ok(Some(NewCopy {
        mark: CopyMark {
            repository: repository.clone(),
            bundle: copy.sha256.clone(),
            refs,
        },
        repository,
        kind,
        known: last.map(|last| last.sha256.clone()),
        replaced: if is_whole { copies } else { Vec::new() },
        copy,
        is_whole,
        mirror,
        objects,
    }))
}

/// Whether all goes into one bundle again: what is fetched for a new machine is at most twice
/// what it needs.
fn are_many(copies: &[StoredCopy]) -> bool {
    let bytes = |copies: &[StoredCopy]| copies.iter().map(|copy| copy.size_bytes).sum::<u64>();
    match copies.split_first() {
        Some((whole, more)) => more.len() >= MOST_BUNDLES || bytes(more) > whole.size_bytes,
        None => false,
    }
}

fn bare(repository: &RepositoryUuid) -> &str {
    repository.as_str().trim_matches(['{', '}'])
}

impl NewCopy {
    /// Notes it, with whatever else the transaction writes.
    ///
    /// # Errors
    ///
    /// [`CopyError::Overtaken`] if another one was noted meanwhile; when the database fails.
    pub async fn note(&self, transaction: &mut Transaction) -> Result<(), CopyError> {
        let noted = transaction
            .put_mirror_copy(
                &self.repository,
                self.kind,
                &self.copy,
                self.known.as_deref(),
                self.is_whole,
            )
            .await?;
        if noted {
            Ok(())
        } else {
            Err(CopyError::Overtaken)
        }
    }

    /// After the transaction: the mirror knows that it has it, and what it takes the place of
    /// goes. A process that is killed before leaves a mirror that will be copied whole again,
    /// and objects that nobody asks for.
    ///
    /// # Errors
    ///
    /// When the mirror cannot be written.
    pub async fn settle(self) -> Result<(), CopyError> {
        let task = tokio::task::spawn_blocking(move || {
            self.mirror.set_copy_mark(&self.mark)?;
            for old in &self.replaced {
                if old.key != self.copy.key
                    && let Err(error) = self.objects.remove(&old.key)
                {
                    tracing::warn!(key = old.key, %error, "an old bundle stays in the store");
                }
            }
            Ok(())
        });
        task.await.map_err(|_| CopyError::Lost)?
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_goes_into_one_bundle_when_the_others_are_as_large_or_many() {
        let copies = |sizes: &[u64]| -> Vec<StoredCopy> {
            let copy = |size: &u64| StoredCopy {
                key: String::new(),
                sha256: String::new(),
                size_bytes: *size,
            };
            sizes.iter().map(copy).collect()
        };
        assert!(!are_many(&copies(&[])));
        assert!(!are_many(&copies(&[100])));
        assert!(!are_many(&copies(&[100, 60, 40])));
        assert!(are_many(&copies(&[100, 60, 41])));
        let many: Vec<u64> = [1_000_000].into_iter().chain([1; 100]).collect();
        assert!(are_many(&copies(&many)));
        assert!(!are_many(&copies(&many[..100])));
    }
}
