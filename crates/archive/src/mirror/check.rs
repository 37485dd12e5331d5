//! What the `git` program is asked about a mirror.

use std::collections::{BTreeSet, HashSet};
use std::fmt::Write as _;
use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::sync::atomic::AtomicBool;

use git2::{Oid, Repository};

use super::error::MirrorError;
use super::git_program::{Git, detail};
use super::refs::Refs;

/// What `git fsck` found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fsck {
    /// Whether every object is there and sound.
    pub is_clean: bool,
    /// What it said, one finding a line. Warnings may stand here although the
    /// repository is clean.
    pub findings: Vec<String>,
}

/// How a bundle is packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BundleKind {
    /// The same refs and objects give the same bytes, however they came into
    /// the mirror: everything is packed anew by one thread, which takes long
    /// for a big repository.
    Reproducible,
    /// The packing of the mirror is used as it is.
    Fast,
}

/// How thoroughly `git fsck` looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Depth {
    /// Every object is read.
    Content,
    /// What refs lead to is looked for.
    Connectivity,
}

pub(super) fn fsck(path: &Path, depth: Depth, cancel: &AtomicBool) -> Result<Fsck, MirrorError> {
    let depth = match depth {
        Depth::Content => "--full",
        Depth::Connectivity => "--connectivity-only",
    };
    let output = Git::new(path, "fsck")
        .args([depth, "--no-dangling", "--no-progress"])
        .run(b"", None, cancel, &|_| {})?;
    let stdout = String::from_utf8_lossy(&output.stdout);
    let findings = stdout.lines().chain(output.stderr.lines());
    Ok(Fsck {
        is_clean: output.status.success(),
        findings: findings.map(str::to_owned).collect(),
    })
}

/// Whether `targets` and all behind them are in the mirror: what `git clone` asks
/// at its end, too. Files are looked for and not read.
pub(super) fn is_whole(
    path: &Path,
    targets: &HashSet<Oid>,
    cancel: &AtomicBool,
) -> Result<bool, MirrorError> {
    let targets: Vec<String> = targets.iter().map(Oid::to_string).collect();
    let targets = targets.join("\n");
    let output = Git::new(path, "rev-list")
        .args(["--objects", "--quiet", "--stdin"])
        .run(targets.as_bytes(), None, cancel, &|_| {})?;
    if !output.status.success() {
        tracing::warn!(
            problem = detail(output.status, &output.stderr),
            "a mirror lacks objects"
        );
    }
    Ok(output.status.success())
}

/// Writes a bundle of every ref to `into`; `false` when there is none. What can be reached
/// from `since` is not in it, and has to be there where it is unpacked.
///
/// Not `git bundle create`, which cannot be told to pack anew, and leaves out refs that have
/// not moved. The format is that of gitformat-bundle(5), version 2: the commits that it needs,
/// the refs, an empty line, a pack.
pub(super) fn bundle(
    repository: &Repository,
    into: &Path,
    kind: BundleKind,
    since: &[Oid],
    cancel: &AtomicBool,
) -> Result<bool, MirrorError> {
    let refs = Refs::read(repository)?;
    if refs.by_name.is_empty() {
        return Ok(false);
    }
    let mut header = b"# v2 git bundle\n".to_vec();
    // Only commits can be needed; what a tag points to in the end is one, nearly always.
    let commits = since.iter().filter_map(|id| {
        let commit = repository.find_object(*id, None).ok()?;
        Some(commit.peel_to_commit().ok()?.id())
    });
    for id in commits.collect::<BTreeSet<_>>() {
        header.extend_from_slice(format!("-{id}\n").as_bytes());
    }
    let mut add = |id: Oid, name: &[u8]| {
        header.extend_from_slice(id.to_string().as_bytes());
        header.push(b' ');
        header.extend_from_slice(name);
        header.push(b'\n');
    };
    if let Some(id) = repository.head().ok().and_then(|head| head.target()) {
        add(id, b"HEAD");
    }
    for (name, target) in &refs.by_name {
        add(target.id, name);
    }
    header.push(b'\n');
    let mut file = File::create(into).map_err(MirrorError::io("create", into))?;
    file.write_all(&header)
        .map_err(MirrorError::io("write", into))?;
    let stdout = file.try_clone().map_err(MirrorError::io("write", into))?;
    let mut git = Git::new(repository.path(), "pack-objects").args([
        "--all",
        "--stdout",
        "--delta-base-offset",
        "--no-use-bitmap-index",
        "-q",
    ]);
    if kind == BundleKind::Reproducible {
        git = git.args(["--threads=1", "--no-reuse-object"]);
    }
    let mut revisions = String::new();
    if !since.is_empty() {
        git = git.args(["--revs", "--thin"]);
        for id in since {
            let _ = writeln!(revisions, "^{id}");
        }
    }
    let output = git.run(revisions.as_bytes(), Some(stdout), cancel, &|_| {})?;
    if !output.status.success() {
        return Err(MirrorError::GitProgram {
            command: "pack-objects",
            detail: detail(output.status, &output.stderr),
        });
    }
    file.sync_all().map_err(MirrorError::io("sync", into))?;
    Ok(true)
}
