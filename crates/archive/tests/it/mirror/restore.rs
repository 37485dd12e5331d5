//! A mirror out of its bundle.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use bucketload_archive::mirror::{BundleKind, Mirror, MirrorError};
use tempfile::TempDir;

use super::fixture::git;

/// Nobody stops these.
static GO_ON: AtomicBool = AtomicBool::new(false);

/// A mirror with branches, a tag, and what a remote once let go of.
fn mirror(folder: &Path) -> Mirror {
    let path = folder.join("origin.git");
    let mirror = Mirror::open_or_init(&path).unwrap();
    let tree = git(&path, &["hash-object", "-t", "tree", "-w", "/dev/null"]);
    let commit = |message: &str| git(&path, &["commit-tree", "-m", message, &tree]);
    let kept = "refs/archive/2026-01-01T00-00-00Z/heads/old";
    for name in ["refs/heads/aaa", "refs/heads/trunk", kept] {
        git(&path, &["update-ref", name, &commit(name)]);
    }
    git(&path, &["tag", "-a", "-m", "One", "v1", "refs/heads/trunk"]);
    git(&path, &["symbolic-ref", "HEAD", "refs/heads/trunk"]);
    mirror
}

fn bundle(mirror: &Mirror, into: PathBuf) -> Vec<u8> {
    let written = mirror.bundle(&into, BundleKind::Reproducible, &GO_ON);
    assert!(written.unwrap());
    fs::read(into).unwrap()
}

#[test]
fn every_ref_comes_back_and_the_bundle_is_the_same() {
    let folder = TempDir::new().unwrap();
    let origin = mirror(folder.path());
    let file = folder.path().join("git.bundle");
    let bytes = bundle(&origin, file.clone());
    let path = folder.path().join("restored.git");
    // Once more is the same: somebody was killed right after.
    for _ in 0..2 {
        let restored = Mirror::restore(&path, &file, Some("trunk"), &GO_ON).unwrap();
        assert_eq!(restored.refs().unwrap(), origin.refs().unwrap());
        assert_eq!(git(&path, &["symbolic-ref", "HEAD"]), "refs/heads/trunk");
        assert!(restored.fsck(&GO_ON).unwrap().is_clean);
        assert_eq!(bundle(&restored, folder.path().join("again")), bytes);
    }
}

#[test]
fn head_is_where_it_was_whatever_the_main_branch_is_said_to_be() {
    let folder = TempDir::new().unwrap();
    let origin = mirror(folder.path());
    let file = folder.path().join("git.bundle");
    for (head, said, then) in [
        ("refs/heads/trunk", Some("aaa"), "refs/heads/trunk"),
        ("refs/heads/trunk", None, "refs/heads/trunk"),
        ("refs/heads/gone", Some("trunk"), "refs/heads/main"),
        ("refs/heads/gone", Some("gone"), "refs/heads/gone"),
    ] {
        git(origin.path(), &["symbolic-ref", "HEAD", head]);
        let bytes = bundle(&origin, file.clone());
        let path = folder.path().join("restored.git");
        let restored = Mirror::restore(&path, &file, said, &GO_ON).unwrap();
        assert_eq!(git(&path, &["symbolic-ref", "HEAD"]), then);
        assert_eq!(bundle(&restored, folder.path().join("again")), bytes);
        fs::remove_dir_all(path).unwrap();
    }
}

#[test]
fn what_is_not_whole_or_not_safe_leaves_no_mirror() {
    let folder = TempDir::new().unwrap();
    let origin = mirror(folder.path());
    let file = folder.path().join("git.bundle");
    let bytes = bundle(&origin, file.clone());
    let path = folder.path().join("restored.git");
    let text = |from: &str, to: &str| {
        let at = bytes
            .windows(from.len())
            .position(|it| it == from.as_bytes());
        let at = at.unwrap();
        [&bytes[..at], to.as_bytes(), &bytes[at + from.len()..]].concat()
    };
    for wrong in [
        bytes[..bytes.len() - 30].to_vec(),
        bytes[..60].to_vec(),
        b"PK".to_vec(),
        text("refs/heads/aaa", "refs/../../aaa"),
        text("refs/archive/2026", "refs/archive/../x"),
        text(
            "v2 git bundle\n",
            "v2 git bundle\n-689a0c5e1e041e898ecb836affef2921ad18bba0\n",
        ),
    ] {
        fs::write(&file, wrong).unwrap();
        let error = Mirror::restore(&path, &file, None, &GO_ON).unwrap_err();
        assert!(matches!(error, MirrorError::Corrupt { .. }), "{error:?}");
        assert!(!path.exists());
    }
    // Another history that lies there is nobody's to replace.
    fs::write(&file, &bytes).unwrap();
    let other = Mirror::restore(origin.path(), &file, None, &GO_ON);
    assert!(other.is_ok());
    git(origin.path(), &["update-ref", "-d", "refs/heads/aaa"]);
    let error = Mirror::restore(origin.path(), &file, None, &GO_ON).unwrap_err();
    assert!(matches!(error, MirrorError::NotAMirror { .. }), "{error:?}");
}
