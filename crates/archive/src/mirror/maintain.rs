//! Keeps the number of packs small.
//!
//! Every update that brings something adds a pack, and git looks into each of
//! them for every object. A clone in segments leaves several large ones, whose
//! deltas do not reach from one into the other. Joining them is git's own work; nothing is dropped by
//! it, not even what no ref reaches.

use std::fs;
use std::path::Path;
use std::sync::atomic::AtomicBool;

use super::error::MirrorError;
use super::git_program::{Git, detail};

/// As many as git itself allows before it joins them (`gc.autoPackLimit`).
const MOST_PACKS: usize = 50;

/// The server's deltas are kept and no others looked for: what segments have twice
/// is what their deltas refer to. Looking took three times as long as the clone.
const NO_SEARCH: &str = "--window=0";

/// When packs are joined.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Join {
    /// When there are too many.
    TooMany,
    /// Now: a clone in segments has come to its end.
    Segments,
}

/// Joins small packs. A mirror with many packs is slow,
/// not broken: where it cannot be done, the log says so.
pub(super) fn join_packs(path: &Path, when: Join, cancel: &AtomicBool) {
    let most = match when {
        Join::TooMany => MOST_PACKS,
        Join::Segments => 1,
    };
    match count(path) {
        Ok(packs) if packs <= most => {}
        Ok(_) => {
            if let Err(error) = join(path, when, cancel) {
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

fn count(path: &Path) -> std::io::Result<usize> {
    let mut packs = 0;
    for entry in fs::read_dir(path.join("objects/pack"))? {
        packs += usize::from(entry?.path().extension().is_some_and(|ext| ext == "pack"));
    }
    Ok(packs)
}

fn join(path: &Path, when: Join, cancel: &AtomicBool) -> Result<(), MirrorError> {
    let output = Git::new(path, "repack")
        // Each pack at least twice as large as all smaller ones: old history is
        // not packed again for every few commits.
        .args(["--geometric=2", "-d", "-q"])
        .args((when == Join::Segments).then_some(NO_SEARCH))
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
