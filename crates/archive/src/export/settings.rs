//! The settings of a repository, each in a file of its own.

use std::fs;
use std::path::Path;

use bucketload_model::RepositoryUuid;
use futures::TryStreamExt as _;

use super::jsonl::ExportError;
use super::rows::SETTINGS;
use super::writer::{ExportedFile, LineWriter};
use crate::database::sql::Session;

/// Writes every document. Returns them by their names in the export.
pub(super) async fn write_settings(
    snapshot: &mut Session,
    repository: &RepositoryUuid,
    folder: &Path,
) -> Result<Vec<(String, ExportedFile)>, ExportError> {
    let folder = folder.join(SETTINGS.file);
    let mut files = Vec::new();
    let mut lines = SETTINGS.lines(snapshot, repository)?;
    while let Some(line) = lines.try_next().await? {
        let name = line.key["setting"].as_str().unwrap_or_default();
        if !is_setting(name) {
            continue;
        }
        fs::create_dir_all(&folder)?;
        let name = format!("{name}.json");
        let mut file = LineWriter::create(&folder.join(&name))?;
        file.write(&line.text())?;
        files.push((format!("{}/{name}", SETTINGS.file), file.finish()?));
    }
    Ok(files)
}

/// Names are our own, but what becomes a path is looked at.
pub(super) fn is_setting(name: &str) -> bool {
    let is_usual = |byte: u8| byte.is_ascii_lowercase() || byte == b'_';
    !name.is_empty() && name.bytes().all(is_usual)
}
