//! Diffs and patches of pull requests, each in a file of its own.

use std::fs;
use std::path::PathBuf;

use bucketload_model::RepositoryUuid;

use super::jsonl::ExportError;
use super::writer::{ExportedFile, copy};
use crate::DataDir;
use crate::database::sql::{Session, statement};

/// The folder in the export.
pub(super) const FOLDER: &str = "pull_request_diffs";

/// A file to copy: pull request, `diff` or `patch`, and its hash.
pub(super) type Diff = (i64, String, String);

/// The diffs and patches that are there.
pub(super) async fn diffs(
    snapshot: &mut Session,
    repository: &RepositoryUuid,
) -> Result<Vec<Diff>, ExportError> {
    let diffs = statement(
        "select parent_id, entry_key, blob_sha256 from objects
         where repository_uuid = $1 and kind = 'pull_request_diffs' and entry_id = 0
             and entry_key in ('diff', 'patch') and blob_sha256 is not null
         order by parent_id, entry_key",
    )
    .bind(repository.as_str())
    .fetch_all(snapshot)
    .await?;
    Ok(diffs)
}

/// Copies them. Returns them by their names in the export.
pub(super) async fn copy_diffs(
    data_dir: &DataDir,
    folder: PathBuf,
    diffs: Vec<Diff>,
) -> Result<Vec<(String, ExportedFile)>, ExportError> {
    if diffs.is_empty() {
        return Ok(Vec::new());
    }
    // Nothing is written to the store here.
    let store = data_dir.blobs(0);
    let task = tokio::task::spawn_blocking(move || {
        let folder = folder.join(FOLDER);
        fs::create_dir_all(&folder)?;
        let copied = diffs.into_iter().map(|(pull_request, what, sha256)| {
            let name = format!("{pull_request}.{what}");
            let opened = store.open(&sha256);
            let file = opened.and_then(|from| copy(from, &folder.join(&name), &sha256));
            let file = file.map_err(|source| ExportError::Blob {
                file: store.shown(&sha256),
                source,
            })?;
            Ok((format!("{FOLDER}/{name}"), file))
        });
        copied.collect()
    });
    task.await.map_err(|_| ExportError::Lost)?
}
