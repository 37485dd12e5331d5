//! Files that are on the disk before anything is said to be done.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::error::MirrorError;

/// Asks the disk for everything written to `file_or_folder`.
pub(super) fn sync(file_or_folder: &Path) -> Result<(), MirrorError> {
    File::open(file_or_folder)
        .and_then(|file| file.sync_all())
        .map_err(MirrorError::io("sync", file_or_folder))
}

/// Replaces `path` by `content`: at any moment, and after a power cut, either
/// the old or the new content is there. `lock` is git's own name for the new
/// content (`packed-refs.lock`), so git keeps off meanwhile.
pub(super) fn replace(path: &Path, lock: &Path, content: &[u8]) -> Result<(), MirrorError> {
    let written = OpenOptions::new()
        .create_new(true)
        .write(true)
        .open(lock)
        .and_then(|mut file| {
            file.write_all(content)?;
            file.sync_all()
        })
        .and_then(|()| fs::rename(lock, path));
    if let Err(error) = written {
        // Nothing to add if this fails too: the next update sweeps it.
        let _ = fs::remove_file(lock);
        return Err(MirrorError::io("write", path)(error));
    }
    path.parent().map_or(Ok(()), sync)
}

/// Moves the packs of a finished fetch from `incoming` to `packs`.
///
/// Synced first, and the index last, because git believes a pack from the
/// moment its index is there: what is in `packs` is complete and on the disk.
/// Returns the bytes of the packs moved.
pub(super) fn install_packs(incoming: &Path, packs: &Path) -> Result<u64, MirrorError> {
    let mut names: Vec<PathBuf> = Vec::new();
    for entry in fs::read_dir(incoming).map_err(MirrorError::io("list", incoming))? {
        let entry = entry.map_err(MirrorError::io("list", incoming))?;
        if entry.path().extension().is_some_and(|it| it == "idx") {
            names.push(entry.path());
        }
    }
    let mut bytes = 0;
    for index in &names {
        for extension in ["pack", "rev", "idx"] {
            let from = index.with_extension(extension);
            if extension == "rev" && !from.exists() {
                continue;
            }
            // gix writes 0600; others may serve these files, nobody changes them.
            fs::set_permissions(&from, Permissions::from_mode(0o444))
                .map_err(MirrorError::io("set the mode of", &from))?;
            sync(&from)?;
            if extension == "pack" {
                let metadata = fs::metadata(&from).map_err(MirrorError::io("read", &from))?;
                bytes += metadata.len();
            }
        }
    }
    for index in &names {
        for extension in ["pack", "rev", "idx"] {
            let from = index.with_extension(extension);
            if let (true, Some(name)) = (from.exists(), from.file_name()) {
                fs::rename(&from, packs.join(name)).map_err(MirrorError::io("move", &from))?;
            }
        }
    }
    if !names.is_empty() {
        sync(packs)?;
    }
    Ok(bytes)
}
