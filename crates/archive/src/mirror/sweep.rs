//! Leftovers of killed runs.

use std::fs;
use std::path::Path;

use super::error::MirrorError;

/// Where a fetch writes its pack before it is moved to `objects/pack`.
pub(super) const INCOMING: &str = "incoming";

/// Removes what a killed run left behind. The caller holds the mirror's lock,
/// so nobody of ours is still writing any of it.
///
/// A clean mirror is not touched: not even the modification times change.
pub(super) fn sweep(repository: &Path) -> Result<(), MirrorError> {
    let incoming = repository.join(INCOMING);
    if incoming.exists() {
        fs::remove_dir_all(&incoming).map_err(MirrorError::io("remove", &incoming))?;
    }
    remove_files(&repository.join("objects/pack"), false, &is_temporary_pack)?;
    remove_files(repository, false, &is_stale_lock)?;
    remove_files(&repository.join("refs"), true, &is_stale_lock)?;
    Ok(())
}

/// The names that git, libgit2 and gix give to packs which they still write.
fn is_temporary_pack(name: &str) -> bool {
    ["tmp_", "pack_git2_", ".tmp"]
        .iter()
        .any(|prefix| name.starts_with(prefix))
}

fn is_stale_lock(name: &str) -> bool {
    // Our own lock has the same ending and is held right now.
    name.strip_suffix(".lock")
        .is_some_and(|locked| locked != "bucketload")
}

fn remove_files(
    folder: &Path,
    recurse: bool,
    unwanted: &dyn Fn(&str) -> bool,
) -> Result<(), MirrorError> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(MirrorError::io("list", folder)(error)),
    };
    for entry in entries {
        let entry = entry.map_err(MirrorError::io("list", folder))?;
        let path = entry.path();
        let kind = entry.file_type().map_err(MirrorError::io("read", &path))?;
        if kind.is_dir() {
            if recurse {
                remove_files(&path, recurse, unwanted)?;
            }
        } else if entry.file_name().to_str().is_some_and(unwanted) {
            tracing::warn!(file = %path.display(), "removing a leftover of an interrupted run");
            fs::remove_file(&path).map_err(MirrorError::io("remove", &path))?;
        }
    }
    Ok(())
}
