//! `export --format jsonl`: one object per line, exactly as Bitbucket sent it.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::rows::KINDS;
use super::writer::{LineWriter, Manifest};
use crate::{Archive, DatabaseError, StoredRepository};

/// The layout written here. It changes when a reader of today could misread it.
const FORMAT: &str = "bucketload-jsonl-1";

/// An export that failed. What was there before is still there.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The database failed.
    #[error("cannot read the archive")]
    Database(#[from] DatabaseError),
    /// A file cannot be written.
    #[error("cannot write the export")]
    Write(#[from] io::Error),
    /// Something else stands where the export should go.
    #[error("{} exists and is no export of bucketload", .path.display())]
    Occupied {
        /// The folder.
        path: PathBuf,
    },
}

/// Writes a repository to `output/<workspace>/<slug>/`, replacing an earlier
/// export there only when the new one is whole. `more` adds further files to the
/// folder it is given, and names them.
///
/// # Errors
///
/// When the database fails, a file cannot be written, or the folder holds
/// something else.
pub async fn export_jsonl(
    archive: &Archive,
    repository: &StoredRepository,
    output: &Path,
    more: impl AsyncFnOnce(&Path) -> Result<Vec<String>, ExportError>,
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
    for kind in KINDS {
        let lines = LineWriter::create(&partial.join(kind.file))?;
        let file = kind.write(&mut snapshot, &repository.uuid, lines).await?;
        files.insert(kind.file.to_owned(), file);
    }
    drop(snapshot);
    for name in more(&partial).await? {
        let file = super::writer::describe(&partial.join(&name))?;
        files.insert(name, file);
    }
    let manifest = Manifest {
        format: FORMAT,
        repository: repository.name.to_string(),
        uuid: repository.uuid.to_string(),
        files,
    };
    let mut text = serde_json::to_string_pretty(&manifest).map_err(io::Error::from)?;
    text.push('\n');
    fs::write(partial.join("manifest.json"), text)?;

    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    fs::rename(&partial, &folder)?;
    Ok((folder, manifest))
}
