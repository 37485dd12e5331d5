//! Copies that somebody kept: taken, and nothing of them run.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::AtomicBool;

use bucketload_archive::mirror::{Mirror, MirrorError, MirrorUpdate, UpdateOptions};
use tempfile::TempDir;

use super::fixture::{files, git, noon};

struct Bench {
    folder: TempDir,
    /// The repository that copies were made of.
    wiki: PathBuf,
}

fn commit(repository: &Path, page: &str, text: &str) {
    fs::write(repository.join(page), text).unwrap();
    git(repository, &["add", page]);
    git(repository, &["commit", "-q", "-m", text]);
}

impl Bench {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let wiki = folder.path().join("wiki");
        fs::create_dir(&wiki).unwrap();
        git(&wiki, &["init", "-q", "--initial-branch=master"]);
        commit(&wiki, "Home.md", "Welcome");
        git(&wiki, &["branch", "old"]);
        git(&wiki, &["tag", "-a", "-m", "One", "v1"]);
        commit(&wiki, "Tea.md", "How to boil water");
        Self { folder, wiki }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn clone(&self, name: &str, options: &[&str]) -> PathBuf {
        let path = self.path(name);
        let url = format!("file://{}", self.wiki.display());
        let arguments = [&["clone", "-q"], options, &[&url, path.to_str().unwrap()]];
        git(self.folder.path(), &arguments.concat());
        path
    }

    fn mirror(&self) -> Mirror {
        Mirror::open_or_init(&self.path("mirror.git")).unwrap()
    }

    fn take(&self, copy: &Path) -> Result<MirrorUpdate, MirrorError> {
        let cancel = AtomicBool::new(false);
        let options = UpdateOptions::new(noon(), &|_| {}, &cancel);
        self.mirror().take_copy(copy, &options)
    }

    fn refs(&self) -> BTreeMap<String, String> {
        let refs = self.mirror().refs().unwrap().into_iter();
        refs.map(|one| (one.name.to_string(), one.target.to_string()))
            .collect()
    }

    fn origin(&self, name: &str) -> String {
        git(&self.wiki, &["rev-parse", name])
    }
}

#[test]
fn clones_of_all_kinds_and_bundles_give_the_same() {
    let bench = Bench::new();
    let bundle = bench.path("wiki.bundle");
    git(
        &bench.wiki,
        &["bundle", "create", "-q", bundle.to_str().unwrap(), "--all"],
    );
    let copies = [
        bench.clone("plain", &[]),
        bench.clone("bare.git", &["--bare"]),
        bench.clone("mirrored.git", &["--mirror"]),
        bundle,
    ];
    for copy in copies {
        let update = bench.take(&copy).unwrap();
        assert_eq!(update.refs, 3, "{}", copy.display());
        let refs = bench.refs();
        assert_eq!(refs["refs/heads/master"], bench.origin("master"));
        assert_eq!(refs["refs/heads/old"], bench.origin("old"));
        assert_eq!(refs["refs/tags/v1"], bench.origin("v1"));
        assert_eq!(refs.len(), 3);
        let mirror = bench.mirror();
        assert_eq!(
            git(mirror.path(), &["show", "HEAD:Tea.md"]),
            "How to boil water"
        );
        assert!(mirror.fsck(&AtomicBool::new(false)).unwrap().is_clean);
        let again = bench.take(&copy).unwrap();
        assert_eq!((again.created, again.changed), (0, 0));
        fs::remove_dir_all(mirror.path()).unwrap();
    }
}

#[test]
fn nothing_of_a_copy_is_run_and_nothing_of_it_changes() {
    let bench = Bench::new();
    let copy = bench.clone("hostile", &[]);
    let ran = bench.path("ran");
    let program = bench.path("program");
    fs::write(
        &program,
        format!("#!/bin/sh\ntouch '{}'\nexit 1\n", ran.display()),
    )
    .unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let program = program.to_str().unwrap();
    let hooks = copy.join(".git/hooks");
    fs::create_dir_all(&hooks).unwrap();
    for hook in [
        "post-checkout",
        "reference-transaction",
        "post-index-change",
        "pre-auto-gc",
    ] {
        fs::copy(program, hooks.join(hook)).unwrap();
    }
    for (key, value) in [
        ("core.fsmonitor", program),
        ("core.sshCommand", program),
        ("core.alternateRefsCommand", program),
        ("core.gitProxy", program),
        ("core.pager", program),
        ("uploadpack.packObjectsHook", program),
        ("credential.helper", program),
        ("filter.x.smudge", program),
        ("remote.origin.url", "ext::sh -c program"),
        ("remote.origin.uploadpack", program),
        ("remote.origin.promisor", "true"),
        ("extensions.partialClone", "origin"),
        ("protocol.allow", "always"),
    ] {
        git(&copy, &["config", key, value]);
    }
    let before = files(&copy);
    bench.take(&copy).unwrap();
    assert!(!ran.exists(), "a program of the copy was run");
    assert_eq!(files(&copy), before);
    assert_eq!(bench.refs().len(), 3);
    // The trap is set: git falls into it when it works in the copy.
    Command::new("git")
        .arg("-C")
        .arg(&copy)
        .arg("status")
        .output()
        .unwrap();
    assert!(ran.exists());
    let config = fs::read_to_string(bench.mirror().path().join("config")).unwrap();
    assert!(!config.contains("hostile") && !config.contains("ext::"));
}

#[test]
fn what_a_clone_fetched_and_did_not_merge_comes_too() {
    let bench = Bench::new();
    let copy = bench.clone("plain", &[]);
    commit(&bench.wiki, "More.md", "More");
    git(&copy, &["fetch", "-q"]);
    bench.take(&copy).unwrap();
    assert_eq!(bench.refs()["refs/heads/master"], bench.origin("master"));
    // And what it went on with by itself stays beside.
    commit(&copy, "Own.md", "Of my own");
    let own = git(&copy, &["rev-parse", "HEAD"]);
    bench.take(&copy).unwrap();
    let refs = bench.refs();
    assert_eq!(refs["refs/heads/master"], own);
    assert_eq!(refs["refs/remotes/origin/master"], bench.origin("master"));
}

#[test]
fn what_the_mirror_had_is_not_lost_to_an_older_copy() {
    let bench = Bench::new();
    let older = bench.clone("older.git", &["--mirror"]);
    commit(&bench.wiki, "More.md", "More");
    bench.take(&bench.wiki).unwrap();
    let newer = bench.origin("master");
    let update = bench.take(&older).unwrap();
    assert_eq!(update.archived.len(), 1);
    let refs = bench.refs();
    assert!(
        refs.iter()
            .any(|(name, id)| name.starts_with("refs/archive/") && *id == newer)
    );
}

#[test]
fn what_is_no_whole_copy_is_refused_and_leaves_nothing() {
    let bench = Bench::new();
    let shallow = bench.clone("shallow", &["--depth=1"]);
    let part = bench.path("part.bundle");
    let range = "master~1..master";
    git(
        &bench.wiki,
        &["bundle", "create", "-q", part.to_str().unwrap(), range],
    );
    let empty = bench.path("empty");
    git(
        bench.folder.path(),
        &["init", "-q", empty.to_str().unwrap()],
    );
    let folder = bench.path("folder");
    fs::create_dir(&folder).unwrap();
    let file = bench.path("file");
    fs::write(&file, "# v2 git bundle").unwrap();
    let damaged = bench.path("damaged.bundle");
    fs::write(&damaged, "# v2 git bundle\nnot at all\n").unwrap();
    for (copy, said) in [
        (&shallow, "shallow"),
        (&part, "only the end"),
        (&empty, "no commits"),
        (&folder, "neither a clone nor a bundle"),
        (&file, "no git bundle"),
        (&damaged, "damaged"),
    ] {
        let error = bench.take(copy).unwrap_err();
        assert!(error.to_string().contains(said), "{error}");
        assert!(matches!(error, MirrorError::NotACopy { .. }), "{error:?}");
    }
    assert!(bench.take(&bench.path("nothing")).is_err());
    assert!(!Mirror::remove_if_empty(&bench.path("mirror.git")).unwrap());
    assert!(!bench.path("mirror.git").exists());
}

#[test]
fn objects_that_a_copy_lacks_are_noticed() {
    let bench = Bench::new();
    let copy = bench.clone("plain", &["--bare"]);
    for entry in fs::read_dir(copy.join("objects/pack")).unwrap() {
        fs::remove_file(entry.unwrap().path()).unwrap();
    }
    bench.take(&copy).unwrap_err();
    assert!(bench.refs().is_empty());
}
