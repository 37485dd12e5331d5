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
use crate::{Archive, DataDir, DatabaseError, LfsStore, StoredRepository};

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
    #[error("cannot export {}", .path.display())]
    Blob {
        /// The file.
        path: PathBuf,
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
    // Nothing is written to the stores here.
    let store = data_dir.blobs(0);
    let blobs = blobs
        .into_iter()
        .map(|sha256| (store.path(&sha256), sha256));
    files.extend(copy_all(&partial, "blobs", blobs.collect()).await?);
    let store = LfsStore::of(&data_dir.mirror(&repository.name));
    let objects = objects.iter().map(|oid| (store.path(oid), oid.to_string()));
    files.extend(copy_all(&partial, "lfs", objects.collect()).await?);
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

/// Copies files that lie under their SHA-256 into a folder. Returns them by their names in
/// the export.
async fn copy_all(
    export: &Path,
    folder: &'static str,
    paths: Vec<(PathBuf, String)>,
) -> Result<Vec<(String, ExportedFile)>, ExportError> {
    if paths.is_empty() {
        return Ok(Vec::new());
    }
    let into = export.join(folder);
    let task = tokio::task::spawn_blocking(move || {
        fs::create_dir_all(&into)?;
        let copied = paths.into_iter().map(|(from, sha256)| {
            let failed = |source| ExportError::Blob {
                path: from.clone(),
                source,
            };
            let file = copy(&from, &into.join(&sha256), &sha256).map_err(failed)?;
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
