//! A git repository that means ill: nothing of it is run, followed or written as a path.

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use bucketload_archive::mirror::{Mirror, TransportKind};
use bucketload_model::Stage;
use bucketload_simulator::{RequestKind, SeedOptions};
use bucketload_worker::Selection;
use tokio::net::TcpListener;

use crate::support::{Local, NAME, Remote, assert_complete, git, remote, small};

/// Every hook that git knows on the way of a fetch, a checkout or a repack.
const HOOKS: &[&str] = &[
    "post-checkout",
    "post-index-change",
    "post-merge",
    "post-rewrite",
    "post-update",
    "pre-auto-gc",
    "reference-transaction",
];

/// A repository whose files, hooks and settings all try to leave a mark, and the mark.
fn mean(folder: &Path, elsewhere: &str) -> std::path::PathBuf {
    let work = folder.join("work");
    std::fs::create_dir(&work).unwrap();
    let run = |arguments: &[&str]| git(&work, arguments);
    run(&["init", "-q", "--initial-branch=main"]);
    let mark = folder.join("mark");
    let leave = format!("#!/bin/sh\ntouch '{}'\n", mark.display());
    let write = |path: &str, text: &str| {
        let path = work.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    };
    write(
        ".gitmodules",
        &format!(
            "[submodule \"../../../hooks\"]\n\tpath = hooks\n\turl = {elsewhere}/submodule.git\n\
             [submodule \"local\"]\n\tpath = local\n\turl = file:///etc\n\
             [submodule \"run\"]\n\tpath = run\n\turl = ext::sh -c touch% {}\n\
             \tupdate = !touch {}\n",
            mark.display(),
            mark.display()
        ),
    );
    write(
        ".gitattributes",
        "* filter=mark diff=mark merge=mark\n*.txt filter=lfs\n",
    );
    write(
        ".lfsconfig",
        &format!("[lfs]\n\turl = {elsewhere}/lfs\n\tfetchexclude = *\n"),
    );
    write(
        ".gitconfig",
        &format!("[core]\n\tfsmonitor = touch {}\n", mark.display()),
    );
    for hook in HOOKS {
        write(&format!("hooks/{hook}"), &leave);
        write(&format!(".githooks/{hook}"), &leave);
    }
    run(&["add", "."]);
    // A submodule that names a commit which is nowhere.
    let nowhere = "160000,1234567890123456789012345678901234567890,local";
    run(&["update-index", "--add", "--cacheinfo", nowhere]);
    run(&["commit", "-q", "-m", "mean"]);
    // What a server keeps beside the history stays there.
    for hook in HOOKS {
        write(&format!(".git/hooks/{hook}"), &leave);
    }
    run(&["config", "core.hooksPath", ".githooks"]);
    std::fs::remove_file(&mark).ok();
    work
}

async fn serving(git_folder: &Path) -> Remote {
    remote(SeedOptions {
        git: [(NAME.to_owned(), git_folder.join(".git"))].into(),
        wiki: false,
        ..small()
    })
    .await
}

fn history() -> Selection {
    Selection::new(&[Stage::Git, Stage::Lfs], &[]).unwrap()
}

#[tokio::test]
async fn hooks_submodules_and_settings_of_a_repository_are_content() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let elsewhere = format!("http://{}", listener.local_addr().unwrap());
    for transport in [TransportKind::Gix, TransportKind::GitProgram] {
        let folder = tempfile::tempdir().unwrap();
        let work = mean(folder.path(), &elsewhere);
        let mark = folder.path().join("mark");
        let remote = serving(&work).await;
        let mut local = Local::new(&remote).await;
        local.importer.transport = transport;
        let outcome = local.try_import(NAME, &history()).await;
        assert!(outcome.failure.is_none(), "{:?}", outcome.failure);
        assert_eq!(outcome.report.gaps, []);
        // A second time, with something new to fetch, and an export that packs it.
        git(
            &work,
            &[
                "-c",
                "core.hooksPath=/dev/null",
                "commit",
                "-q",
                "--allow-empty",
                "-m",
                "more",
            ],
        );
        std::fs::remove_file(&mark).ok();
        local.try_import(NAME, &history()).await;
        let export = local.export(NAME).await;
        assert!(export.contains_key("git.bundle"));
        assert!(!mark.exists(), "something of the repository was run");

        let path = local.importer.data_dir.mirror(&NAME.parse().unwrap());
        let hooks = path.join("hooks");
        let hooks = std::fs::read_dir(hooks).map_or(0, Iterator::count);
        assert_eq!(hooks, 0, "the mirror has hooks");
        let config = std::fs::read_to_string(path.join("config")).unwrap();
        assert!(
            !config.contains("hooksPath") && !config.contains("submodule"),
            "{config}"
        );
        // It is all there, as it was committed.
        let tip = git(&work, &["rev-parse", "main"]);
        assert_eq!(git(&path, &["rev-parse", "main"]), tip);
        for file in [".gitmodules", ".lfsconfig", "hooks/post-update"] {
            let object = format!("main:{file}");
            assert_eq!(
                git(&path, &["show", &object]),
                git(&work, &["show", &object]),
                "{file}"
            );
        }
        // Git was asked for this repository alone, and nobody else for anything.
        let log = remote.control.requests();
        let git_requests = log.iter().filter(|one| one.kind == RequestKind::Git);
        for request in git_requests {
            let asked = &request.target;
            assert!(asked.starts_with(&format!("/{NAME}.git/")), "{asked}");
        }
    }
    let asked = listener.accept();
    let asked = tokio::time::timeout(std::time::Duration::ZERO, asked).await;
    assert!(asked.is_err(), "the submodule's host was asked");
}

#[tokio::test]
async fn refs_that_differ_by_case_alone_are_two() {
    let names = [
        "refs/heads/Feature/One",
        "refs/heads/feature/one",
        "refs/heads/FEATURE",
        "refs/tags/V1",
        "refs/tags/v1",
    ];
    for transport in [TransportKind::Gix, TransportKind::GitProgram] {
        let folder = tempfile::tempdir().unwrap();
        let work = folder.path();
        git(work, &["init", "-q", "--initial-branch=main"]);
        let mut expected = BTreeSet::new();
        for name in names {
            git(work, &["commit", "-q", "--allow-empty", "-m", name]);
            let id = git(work, &["rev-parse", "HEAD"]);
            git(work, &["update-ref", name, &id]);
            expected.insert(format!("{id} {name}"));
        }
        let remote = serving(work).await;
        let mut local = Local::new(&remote).await;
        local.importer.transport = transport;
        assert_complete(&local.import().await);
        let name = NAME.parse().unwrap();
        let path = local.importer.data_dir.mirror(&name);
        let mirror = Mirror::open(&path).unwrap().unwrap();
        let stored: BTreeSet<String> = mirror
            .refs()
            .unwrap()
            .iter()
            .map(|one| format!("{} {}", one.target, one.name))
            .collect();
        assert!(expected.is_subset(&stored), "{stored:?}");
        // None is a file of its own, which another name could overwrite where files
        // do not tell case apart.
        let loose = path.join("refs/heads");
        let loose = std::fs::read_dir(loose).map_or(0, Iterator::count);
        assert_eq!(loose, 0);
        let export = local.export(NAME).await;
        let bundle = work.join("bundle");
        std::fs::write(&bundle, &export["git.bundle"]).unwrap();
        let listed = git(work, &["bundle", "list-heads", bundle.to_str().unwrap()]);
        for one in &expected {
            assert!(listed.lines().any(|line| line == one), "{one}: {listed}");
        }
        // One of the two goes; the other stays where it is.
        git(work, &["update-ref", "-d", "refs/heads/Feature/One"]);
        assert_complete(&local.import().await);
        let stored = mirror.refs().unwrap();
        let named = |wanted: &str| stored.iter().any(|one| one.name == wanted);
        assert!(named("refs/heads/feature/one") && !named("refs/heads/Feature/One"));
    }
}
