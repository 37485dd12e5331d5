//! What a mirror answers without its remote.

use std::fs;
use std::sync::atomic::AtomicBool;

use bucketload_archive::mirror::{BundleKind, Mirror, MirrorError, TransportKind};
use bucketload_model::ErrorClass;
use tempfile::TempDir;

use super::fixture::{Fixture, files, git};
use super::server::Kind;

#[test]
fn making_it_again_changes_nothing() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("deep/er/kettle.git");
    assert!(Mirror::open(&path).unwrap().is_none());
    Mirror::open_or_init(&path).unwrap();
    let before = files(&path);
    let mirror = Mirror::open_or_init(&path).unwrap();
    assert_eq!(before, files(&path));
    assert!(mirror.refs().unwrap().is_empty());
    assert!(Mirror::open(&path).unwrap().is_some());
    assert!(mirror.fsck(&AtomicBool::new(false)).unwrap().is_clean);
}

#[test]
fn a_folder_of_somebody_else_is_left_alone() {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("thesis.txt"), "years").unwrap();
    let error = Mirror::open_or_init(folder.path()).unwrap_err();
    assert!(matches!(error, MirrorError::NotAMirror { .. }), "{error:?}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn a_second_update_of_the_same_mirror_is_told_that_it_is_busy() {
    let fixture = Fixture::new(TransportKind::Gix);
    fixture
        .server
        .behave(|it| it.silence = Some((Kind::List, 0)));
    let cancel = AtomicBool::new(false);
    let mut options =
        bucketload_archive::mirror::UpdateOptions::new(super::fixture::noon(), &|_| {}, &cancel);
    options.transport = TransportKind::Gix;
    let (mirror, remote) = (fixture.mirror(), fixture.remote());
    std::thread::scope(|scope| {
        let first = scope.spawn(|| mirror.update(&remote, &options));
        fixture.server.wait_for_silence();
        let error = fixture.try_update(&remote, |_| {}).unwrap_err();
        assert!(matches!(error, MirrorError::Busy { .. }), "{error:?}");
        assert_eq!(error.class(), ErrorClass::Transient);
        cancel.store(true, std::sync::atomic::Ordering::Relaxed);
        first.join().unwrap().unwrap_err();
    });
    fixture.server.behave(|it| it.silence = None);
    fixture.update();
}

#[test]
fn short_hashes_are_resolved() {
    let fixture = Fixture::new(TransportKind::Gix);
    fixture.update();
    let mirror = fixture.mirror();
    let full = fixture.origin.git(&["rev-parse", "main~4"]);
    let found = mirror.resolve_short(&full[..12]).unwrap().unwrap();
    assert_eq!(found.to_string(), full);
    assert!(mirror.has_commit(found).unwrap());
    let tree = fixture.origin.git(&["rev-parse", "main^{tree}"]);
    for unknown in ["ffffffffffff", "main", "", "abc", "HEAD~1", &tree[..12]] {
        assert_eq!(mirror.resolve_short(unknown).unwrap(), None, "{unknown}");
    }
}

#[test]
fn the_same_content_gives_the_same_bundle() {
    let fixture = Fixture::new(TransportKind::Gix);
    let cancel = AtomicBool::new(false);
    let (first, second) = (
        fixture.folder().join("1.bundle"),
        fixture.folder().join("2.bundle"),
    );
    let bundle = |into| {
        fixture
            .mirror()
            .bundle(into, BundleKind::Reproducible, &cancel)
            .unwrap()
    };
    assert!(!bundle(&first), "nothing to bundle");
    assert!(!first.exists());
    fixture.update();
    fixture.origin.commit("refs/heads/main", 5);
    fixture.update();
    assert!(bundle(&first));
    // The same refs in one pack, brought by the other transport.
    fs::remove_dir_all(fixture.mirror_path()).unwrap();
    fixture
        .try_update(&fixture.remote(), |it| {
            it.transport = TransportKind::GitProgram;
        })
        .unwrap();
    assert!(bundle(&second));
    assert!(
        fs::read(&first).unwrap() == fs::read(&second).unwrap(),
        "bundles differ"
    );
    let clone = fixture.folder().join("clone");
    let (from, to) = (first.to_str().unwrap(), clone.to_str().unwrap());
    git(fixture.folder(), &["clone", "--quiet", from, to]);
    git(&fixture.origin.path, &["bundle", "verify", from]);
    assert!(clone.join("file-1").is_file());
    assert!(
        fixture
            .mirror()
            .bundle(&second, BundleKind::Fast, &cancel)
            .unwrap()
    );
    git(
        &fixture.origin.path,
        &["bundle", "verify", second.to_str().unwrap()],
    );
}

#[test]
fn fsck_names_what_is_damaged() {
    let fixture = Fixture::new(TransportKind::Gix);
    fixture.update();
    let packs = fixture.mirror_path().join("objects/pack");
    for entry in fs::read_dir(packs).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|it| it == "pack") {
            let mut content = fs::read(&path).unwrap();
            let middle = content.len() / 2;
            content[middle] ^= 0xff;
            fs::remove_file(&path).unwrap();
            fs::write(&path, content).unwrap();
        }
    }
    let fsck = fixture.mirror().fsck(&AtomicBool::new(false)).unwrap();
    assert!(!fsck.is_clean);
    assert!(!fsck.findings.is_empty());
}

#[test]
fn its_size_is_that_of_its_files() {
    let fixture = Fixture::new(TransportKind::Gix);
    let empty = fixture.mirror().size_bytes().unwrap();
    assert!(empty < 1_000, "{empty}");
    fixture.update();
    assert!(fixture.mirror().size_bytes().unwrap() > empty + 5_000);
}

#[test]
fn a_local_repository_is_carried_by_git_where_it_is_allowed() {
    let fixture = Fixture::new(TransportKind::Auto);
    let mut remote = fixture.remote();
    remote.url = url::Url::from_file_path(&fixture.origin.path).unwrap();
    let update = fixture
        .try_update(&remote, |it| it.allow_file = true)
        .unwrap();
    assert_eq!(update.carried_by, TransportKind::GitProgram);
    fixture.assert_sound();
}
