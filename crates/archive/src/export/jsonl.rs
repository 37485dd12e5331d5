//! `export --format jsonl`: one object per line, exactly as Bitbucket sent it.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use bucketload_model::LfsOid;
use futures::TryStreamExt as _;

use super::diffs::{copy_diffs, diffs};
use super::names::{self, changed_names};
use super::rows::{BLOBS, KINDS, LFS_OBJECTS};
use super::settings::write_settings;
use super::writer::{ExportedFile, LineWriter, Manifest, copy, describe};
use crate::database::sql::statement;
use crate::mirror::{BundleKind, Mirror, MirrorError};
use crate::{Archive, DataDir, DatabaseError, StoredRepository};

/// The layout written here. It changes when a reader of today could misread it.
pub(super) const FORMAT: &str = "bucketload-jsonl-1";

/// The file with the whole git history, absent while there is none.
pub(super) const BUNDLE: &str = "git.bundle";

/// The same of the wiki.
pub(super) const WIKI_BUNDLE: &str = "wiki.bundle";

/// An export that failed. What was there before is still there.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The database failed.
    #[error("cannot read the archive")]
    Database(#[from] DatabaseError),
    /// The mirror cannot be bundled.
    #[error("cannot bundle the git mirror")]
    Mirror(#[from] MirrorError),
    /// The folder of the mirror is there, and no mirror in it.
    #[error("the git mirror {} is damaged", .path.display())]
    DamagedMirror {
        /// The folder.
        path: PathBuf,
    },
    /// A task of this program was lost.
    #[error("the export broke off because of a defect in bucketload")]
    Lost,
    /// A file cannot be written.
    #[error("cannot write the export")]
    Write(#[from] io::Error),
    /// A file of the archive is missing, damaged, or cannot be copied.
    #[error("cannot export {file}")]
    Blob {
        /// The file, by its path or its address.
        file: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Something else stands where the export should go.
    #[error("{} exists and is no export of bucketload", .path.display())]
    Occupied {
        /// The folder.
        path: PathBuf,
    },
}

/// Writes a repository to `output/<workspace>/<slug>/`, replacing an earlier
/// export there only when the new one is whole.
///
/// The mirrors are those of this machine: see [`crate::bring_mirror`] for those of others.
///
/// Everything but the packing of a [`BundleKind::Fast`] bundle depends on the
/// archive's content alone: the same content gives the same bytes.
///
/// # Errors
///
/// When the database fails, a file cannot be written, or the folder holds
/// something else.
pub async fn export_jsonl(
    archive: &Archive,
    data_dir: &DataDir,
    repository: &StoredRepository,
    output: &Path,
    bundle: BundleKind,
) -> Result<(PathBuf, Manifest), ExportError> {
    let workspace = output.join(repository.name.workspace.as_str());
    let folder = workspace.join(repository.name.slug.as_str());
    if folder.exists() && !folder.join("manifest.json").exists() {
        return Err(ExportError::Occupied { path: folder });
    }
    // No slug has a space in it, so this name is free.
    let partial = workspace.join(format!("{} (unfinished)", repository.name.slug));
    if partial.exists() {
        fs::remove_dir_all(&partial)?;
    }
    fs::create_dir_all(&partial)?;

    let mut files = BTreeMap::new();
    let mut snapshot = archive.snapshot().await?;
    let mut names = changed_names(&mut snapshot, &repository.uuid).await?;
    for kind in KINDS {
        let mut file = LineWriter::create(&partial.join(kind.file))?;
        let mut lines = kind.lines(&mut snapshot, &repository.uuid)?;
        while let Some(mut line) = lines.try_next().await? {
            if kind.file == names::FILE {
                line.names = line.account().and_then(|account| names.remove(account));
            }
            file.write(&line.text())?;
        }
        files.insert(kind.file.to_owned(), file.finish()?);
    }
    files.extend(write_settings(&mut snapshot, &repository.uuid, &partial).await?);
    let blobs = statement("select distinct sha256 from (").push(BLOBS);
    // Diffs have names of their own.
    let blobs = blobs.push(") files where stage <> 'pull_request_diffs' order by sha256");
    let blobs = blobs.bind(repository.uuid.as_str());
    let blobs: Vec<String> = blobs.fetch_all_scalars(&mut snapshot).await?;
    let objects = statement(LFS_OBJECTS).bind(repository.uuid.as_str());
    let objects: Vec<LfsOid> = objects
        .fetch_all_scalars::<String>(&mut snapshot)
        .await?
        .iter()
        .filter_map(|oid| oid.parse().ok())
        .collect();
    let diffs = diffs(&mut snapshot, &repository.uuid).await?;
    drop(snapshot);
    files.extend(copy_diffs(data_dir, partial.clone(), diffs).await?);
    files.extend(copy_blobs(data_dir, &partial, blobs).await?);
    files.extend(copy_large(data_dir, &partial, repository, objects).await?);
    let mut bundles = vec![(BUNDLE, data_dir.mirror(&repository.name))];
    if archive.wiki(&repository.uuid).await?.is_some() {
        bundles.push((WIKI_BUNDLE, data_dir.wiki(&repository.name)));
    }
    for (name, mirror) in bundles {
        let path = partial.join(name);
        if write_bundle(mirror, path.clone(), bundle).await? {
            files.insert(name.to_owned(), describe(&path)?);
        }
    }
    let manifest = Manifest {
        format: FORMAT.to_owned(),
        repository: repository.name.to_string(),
        uuid: repository.uuid.to_string(),
        files,
    };
    let mut text = serde_json::to_string_pretty(&manifest).map_err(io::Error::from)?;
    text.push('\n');
    fs::write(partial.join("manifest.json"), text)?;

    // Killed in between, the old export still stands beside under its other name.
    let old = workspace.join(format!("{} (replaced)", repository.name.slug));
    if old.exists() {
        fs::remove_dir_all(&old)?;
    }
    if folder.exists() {
        fs::rename(&folder, &old)?;
    }
    fs::rename(&partial, &folder)?;
    if old.exists() {
        fs::remove_dir_all(&old)?;
    }
    Ok((folder, manifest))
}

/// Copies blobs into a folder of the export. Returns them by their names in it.
async fn copy_blobs(
    data_dir: &DataDir,
    export: &Path,
    blobs: Vec<String>,
) -> Result<Vec<(String, ExportedFile)>, ExportError> {
    // Nothing is written to the store here.
    let store = data_dir.blobs(0);
    let open = move |sha256: &String| (store.open(sha256), store.shown(sha256));
    copy_all(export, "blobs", blobs, open).await
}

/// The same for large files of git's.
async fn copy_large(
    data_dir: &DataDir,
    export: &Path,
    repository: &StoredRepository,
    objects: Vec<LfsOid>,
) -> Result<Vec<(String, ExportedFile)>, ExportError> {
    let store = data_dir.lfs(&data_dir.mirror(&repository.name));
    let open = move |oid: &LfsOid| (store.open(oid), store.shown(oid));
    copy_all(export, "lfs", objects, open).await
}

/// Copies files that have their SHA-256 for their name.
async fn copy_all<N: ToString + Send + 'static>(
    export: &Path,
    folder: &'static str,
    names: Vec<N>,
    open: impl Fn(&N) -> (io::Result<fs::File>, String) + Send + 'static,
) -> Result<Vec<(String, ExportedFile)>, ExportError> {
    if names.is_empty() {
        return Ok(Vec::new());
    }
    let into = export.join(folder);
    let task = tokio::task::spawn_blocking(move || {
        fs::create_dir_all(&into)?;
        let copied = names.iter().map(|name| {
            let sha256 = name.to_string();
            let (opened, shown) = open(name);
            let file = opened.and_then(|from| copy(from, &into.join(&sha256), &sha256));
            let file = file.map_err(|source| ExportError::Blob {
                file: shown,
                source,
            })?;
            Ok((format!("{folder}/{sha256}"), file))
        });
        copied.collect()
    });
    task.await.map_err(|_| ExportError::Lost)?
}

/// Returns whether there was anything to bundle.
async fn write_bundle(
    mirror: PathBuf,
    into: PathBuf,
    kind: BundleKind,
) -> Result<bool, ExportError> {
    let task = tokio::task::spawn_blocking(move || match Mirror::open(&mirror)? {
        Some(mirror) => Ok(mirror.bundle(&into, kind, &AtomicBool::new(false))?),
        // An import without git has none; one that lost its layout is no small matter.
        None if mirror.exists() => Err(ExportError::DamagedMirror { path: mirror }),
        None => Ok(false),
    });
    task.await.map_err(|_| ExportError::Lost)?
}
