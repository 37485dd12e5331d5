//! Keeps the number of packs small.
//!
//! Every update that brings something adds a pack, and git looks into each of
//! them for every object. Joining them is git's own work; nothing is dropped by
//! it, not even what no ref reaches.

use std::fs;
use std::path::Path;
use std::sync::atomic::AtomicBool;

use super::error::MirrorError;
use super::git_program::{Git, detail};

/// As many as git itself allows before it joins them (`gc.autoPackLimit`).
const MOST_PACKS: usize = 50;

/// Joins small packs where there are too many. A mirror with many packs is slow,
/// not broken: where it cannot be done, the log says so.
pub(super) fn join_packs(path: &Path, cancel: &AtomicBool) {
    match too_many(path) {
        Ok(false) => {}
        Ok(true) => {
            if let Err(error) = join(path, cancel) {
                tracing::warn!(
                    mirror = %path.display(),
                    error = &error as &dyn std::error::Error,
                    "the packs of a mirror could not be joined"
                );
            }
        }
        Err(error) => tracing::warn!(
            mirror = %path.display(),
            error = &error as &dyn std::error::Error,
            "the packs of a mirror could not be counted"
        ),
    }
}

fn too_many(path: &Path) -> std::io::Result<bool> {
    let mut packs = 0;
    for entry in fs::read_dir(path.join("objects/pack"))? {
        packs += usize::from(entry?.path().extension().is_some_and(|ext| ext == "pack"));
    }
    Ok(packs > MOST_PACKS)
}

fn join(path: &Path, cancel: &AtomicBool) -> Result<(), MirrorError> {
    let output = Git::new(path, "repack")
        // Each pack at least twice as large as all smaller ones: old history is
        // not packed again for every few commits.
        .args(["--geometric=2", "-d", "-q"])
        .config("core.fsync", "all")
        .run(b"", None, cancel, &|_| {})?;
    if output.status.success() {
        Ok(())
    } else {
        Err(MirrorError::GitProgram {
            command: "repack",
            detail: detail(output.status, &output.stderr),
        })
    }
}
