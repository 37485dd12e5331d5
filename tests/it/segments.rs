//! A large clone that is killed goes on where it was.

use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use bucketload_simulator::{Effect, Fault, LoggedRequest, RequestKind, SeedOptions};

use crate::support::{Double, git, run, small, stage};

const NAME: &str = "seaside/lighthouse";

/// Forty commits with a tag at each.
fn history(folder: &Path) -> PathBuf {
    let path = folder.join("history.git");
    git(
        folder,
        &[
            "init",
            "-q",
            "--bare",
            "--initial-branch=main",
            "history.git",
        ],
    );
    let tree = git(&path, &["mktree"]);
    let mut parent: Option<String> = None;
    for number in 1..=40 {
        let message = format!("commit {number}");
        let mut arguments = vec![
            "-c",
            "user.name=A",
            "-c",
            "user.email=a@example.org",
            "commit-tree",
            tree.trim(),
            "-m",
            &message,
        ];
        if let Some(parent) = &parent {
            arguments.extend(["-p", parent]);
        }
        let commit = git(&path, &arguments).trim().to_owned();
        let tag = format!("refs/tags/v{number}");
        git(&path, &["update-ref", &tag, &commit]);
        git(&path, &["update-ref", "refs/heads/main", &commit]);
        parent = Some(commit);
    }
    path
}

fn import(double: &Double, data_dir: &Path, above_mb: &str, transport: &str) -> Command {
    let mut command = double.command(data_dir);
    command
        .env("BUCKETLOAD_SEGMENT_ABOVE_MB", above_mb)
        .args(["import", NAME, "--only", "git", "--json"])
        .args(["--git-transport", transport]);
    command
}

/// How often the database says that the import was brought forward.
async fn progress(data_dir: &Path) -> i64 {
    let database = data_dir.join("bucketload.db");
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(database);
    let pool = sqlx::SqlitePool::connect_with(options).await.unwrap();
    let progress = sqlx::query_scalar("select progress from imports")
        .fetch_one(&pool)
        .await
        .unwrap();
    pool.close().await;
    progress
}

fn git_requests(log: &[LoggedRequest]) -> usize {
    let log = log.iter();
    log.filter(|one| one.kind == RequestKind::Git).count()
}

fn refs(repository: &Path) -> String {
    git(repository, &["for-each-ref"])
}

#[test]
fn a_killed_clone_in_segments_goes_on_and_ends_like_any_other() {
    for transport in ["gix", "git"] {
        let folder = tempfile::tempdir().unwrap();
        let history = history(folder.path());
        let double = Double::seeded(SeedOptions {
            git: [(NAME.to_owned(), history.clone())].into(),
            ..small()
        });
        let control = double.control();
        let data = |name: &str| folder.path().join(name);
        let requests = |name: &str, above_mb: &str| {
            control.reset_log();
            let ran = run(&mut import(&double, &data(name), above_mb, transport));
            let report = ran.expect(0).report();
            assert_eq!(stage(&report, "git")["state"], "complete");
            control.requests()
        };
        let whole = git_requests(&requests("whole", "500"));
        let log = requests("segments", "0");
        let segments = git_requests(&log);
        assert!(segments >= whole + 8, "{whole} requests, {segments}");

        // The first segment hangs, then the last but one, and each time it is killed.
        let mut progressed = 0;
        let first = log
            .iter()
            .position(|one| one.target.contains("git-upload-pack"));
        let first = first.unwrap() as u64;
        let (first, late) = (first + 2, log.len() as u64 - 4);
        for (name, number, more) in [("early", first + 1, 0), ("killed", late, 1)] {
            control.reset_log();
            control.add_fault(Fault::on_request(number, Effect::Hang));
            let mut child = import(&double, &data(name), "0", transport)
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .unwrap();
            double.runtime.block_on(async {
                control.wait_for_request(number).await;
                // Segments that arrive bring the import forward.
                let brought = async {
                    while progress(&data(name)).await < progressed + more {
                        tokio::task::yield_now().await;
                    }
                };
                let brought = tokio::time::timeout(Duration::from_mins(1), brought);
                brought.await.unwrap();
                progressed = progress(&data(name)).await;
            });
            child.kill().unwrap();
            assert_eq!(child.wait().unwrap().signal(), Some(9));
            control.clear_faults();
        }
        let rest = git_requests(&requests("killed", "0"));
        assert!(rest < segments / 2 + whole, "{rest} of {segments}");

        let mirror = |name: &str| data(name).join("repositories/seaside/lighthouse.git");
        for name in ["whole", "segments", "killed"] {
            git(&mirror(name), &["fsck", "--full", "--strict"]);
            assert_eq!(refs(&mirror(name)), refs(&history), "{name} by {transport}");
        }
    }
}
