//! A copy of a repository that somebody kept: a clone, a bare repository, a bundle.
//!
//! It is somebody's files. The `git` program is never started in it, so that none of its
//! hooks and settings counts: libgit2 reads its refs, a repository of our own borrows its
//! objects, and the mirror fetches from that one. A bundle has neither hooks nor settings.

use std::fs::{self, File};
use std::io::Read as _;
use std::path::{Path, PathBuf};

use git2::{Oid, Repository};
use gix_object::bstr::{BString, ByteSlice};
use url::Url;

use super::error::MirrorError;
use super::git_program::{Git, detail};
use super::refs::{Refs, Target, head, set_head};
use super::update::{self, MirrorUpdate, Remote, UpdateOptions};
use super::{Mirror, layout, open_repository};

/// How every bundle begins, in version 2 and 3 (gitformat-bundle(5)).
const BUNDLES: [&[u8]; 2] = [b"# v2 git bundle\n", b"# v3 git bundle\n"];

const REMOTES: &[u8] = b"refs/remotes/";

impl Mirror {
    /// Takes what a kept copy has: a clone with files or without, or a bundle. What the
    /// mirror had under the same names and the copy does not stays below `refs/archive/`.
    ///
    /// Nothing of the copy is run, and nothing of it changes.
    ///
    /// # Errors
    ///
    /// [`MirrorError::NotACopy`] if it cannot be taken, otherwise those of an update.
    pub fn take_copy(
        &self,
        copy: &Path,
        options: &UpdateOptions<'_>,
    ) -> Result<MirrorUpdate, MirrorError> {
        let copy = fs::canonicalize(copy).map_err(MirrorError::io("find", copy))?;
        let folder = tempfile::Builder::new()
            .prefix("bucketload-copy-")
            .tempdir()
            .map_err(MirrorError::io("create", &std::env::temp_dir()))?;
        let ours = folder.path().join("copy.git");
        layout::make(&ours)?;
        if copy.is_file() {
            unbundle(&copy, &ours, options)?;
        } else {
            borrow(&copy, &ours)?;
        }
        let refs = Refs::read(&open_repository(&ours)?)?;
        if refs.by_name.is_empty() {
            return Err(not_a_copy(&copy, "it has no commits"));
        }
        let branch = main_branch(&refs, head(&ours));
        if let Some(branch) = &branch {
            set_head(&ours, branch)?;
        }
        let url = Url::from_directory_path(&ours);
        let url = url.map_err(|()| not_a_copy(&copy, "its path is no address"))?;
        let remote = Remote {
            url,
            authorization: None,
        };
        let options = UpdateOptions {
            allow_file: true,
            gate: None,
            segments: None,
            ..*options
        };
        update::run(&self.path, &remote, &options)
    }
}

fn not_a_copy(path: &Path, problem: &'static str) -> MirrorError {
    MirrorError::NotACopy {
        path: path.to_owned(),
        problem,
    }
}

/// Brings what is in a bundle into a repository of our own.
fn unbundle(bundle: &Path, ours: &Path, options: &UpdateOptions<'_>) -> Result<(), MirrorError> {
    let mut file = File::open(bundle).map_err(MirrorError::io("open", bundle))?;
    let mut first = [0; 16];
    let is_bundle = file.read_exact(&mut first).is_ok() && BUNDLES.contains(&&first[..]);
    if !is_bundle {
        return Err(not_a_copy(bundle, "the file is no git bundle"));
    }
    let output = Git::new(ours, "fetch")
        .args([
            "--no-write-fetch-head",
            "--no-tags",
            "--no-recurse-submodules",
            "--no-auto-maintenance",
            "--update-head-ok",
            "--refmap=",
            "--quiet",
        ])
        .args([bundle.as_os_str()])
        .args(["+refs/*:refs/*"])
        .config("protocol.file.allow", "always")
        .config("fetch.writeCommitGraph", "false")
        .run(b"", None, options.cancel, &|_| {})?;
    if output.status.success() {
        return Ok(());
    }
    let detail = detail(output.status, &output.stderr);
    tracing::debug!(detail, "a bundle cannot be read");
    let problem = if detail.contains("prerequisite") {
        "the bundle has only the end of a history"
    } else {
        "the bundle is damaged, or of a kind that this git does not read"
    };
    Err(not_a_copy(bundle, problem))
}

/// Gives a repository of our own the refs of a clone, and a view of its objects.
fn borrow(copy: &Path, ours: &Path) -> Result<(), MirrorError> {
    let inside = copy.join(".git");
    let folder = if inside.is_dir() {
        inside
    } else {
        copy.to_owned()
    };
    let objects = folder.join("objects");
    if !objects.is_dir() || !folder.join("HEAD").is_file() {
        return Err(not_a_copy(copy, "it is neither a clone nor a bundle"));
    }
    if fs::metadata(folder.join("shallow")).is_ok_and(|file| file.len() > 0) {
        let problem = "it is a shallow clone, which lacks most of the history";
        return Err(not_a_copy(copy, problem));
    }
    lend(copy, &objects, ours)?;
    let theirs = open_repository(&folder)?;
    let mut refs = Refs::read(&theirs)?;
    show_branches(&theirs, &mut refs);
    refs.write(&open_repository(ours)?)?;
    if let Some(branch) = head(&folder)
        && super::listing::may_be_mirrored(&branch)
    {
        set_head(ours, &branch)?;
    }
    Ok(())
}

fn lend(copy: &Path, objects: &Path, ours: &Path) -> Result<(), MirrorError> {
    let mut line = objects.as_os_str().as_encoded_bytes().to_vec();
    if line.contains(&b'\n') {
        return Err(not_a_copy(copy, "its path has a line break in it"));
    }
    line.push(b'\n');
    let alternates: PathBuf = ours.join("objects/info/alternates");
    fs::write(&alternates, line).map_err(MirrorError::io("write", &alternates))
}

/// What a clone knows of its remote's branches are the branches, unless it went on by itself.
fn show_branches(theirs: &Repository, refs: &mut Refs) {
    let tracked: Vec<(BString, Oid)> = refs
        .by_name
        .iter()
        .filter(|(name, _)| name.starts_with(REMOTES))
        .map(|(name, target)| (name.clone(), target.id))
        .collect();
    for (name, id) in tracked {
        // `refs/remotes/origin/main`; the name of a remote may have a slash, rarely.
        let rest = &name[REMOTES.len()..];
        let Some(slash) = rest.find_byte(b'/') else {
            continue;
        };
        let mut branch = BString::from("refs/heads/");
        branch.extend_from_slice(&rest[slash + 1..]);
        let own = refs.by_name.get(&branch).map(|target| target.id);
        let is_newer = own.is_none_or(|own| {
            own == id || theirs.graph_descendant_of(id, own).is_ok_and(|newer| newer)
        });
        if is_newer {
            refs.by_name.remove(&name);
            refs.by_name.insert(branch, Target::new(id));
        }
    }
}

/// The branch that a clone of the mirror will show.
fn main_branch(refs: &Refs, named: Option<BString>) -> Option<BString> {
    let usual = ["refs/heads/main", "refs/heads/master"].map(BString::from);
    let mut candidates = named.into_iter().chain(usual);
    let branch = candidates.find(|name| refs.by_name.contains_key(name));
    let first = || {
        let mut names = refs.by_name.keys();
        names.find(|name| name.starts_with(b"refs/heads/"))
    };
    branch.or_else(|| first().cloned())
}
