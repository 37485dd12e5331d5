//! A large clone over a connection that breaks off again and again.

use std::path::{Path, PathBuf};
use std::process::Command;

use bucketload_archive::mirror::Mirror;
use bucketload_model::{ImportState, ProgressEvent, Stage};
use bucketload_simulator::{Effect, Fault, RequestKind, SeedOptions};
use bucketload_worker::Selection;

use crate::support::{Local, NAME, remote};

fn git(folder: &Path, arguments: &[&str]) -> String {
    let output = Command::new("git")
        .current_dir(folder)
        .args(["-c", "user.name=A", "-c", "user.email=a@example.org"])
        .args(arguments)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "git {arguments:?}: {said}");
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// Commits with a tag at each: enough to be cut at them.
fn history(folder: &Path) -> PathBuf {
    let path = folder.join("history.git");
    let init = ["init", "-q", "--bare", "--initial-branch=main"];
    git(folder, &[&init[..], &["history.git"]].concat());
    let tree = git(&path, &["mktree"]);
    let mut commit = git(&path, &["commit-tree", &tree, "-m", "first"]);
    for number in 1..=24 {
        commit = git(&path, &["commit-tree", &tree, "-m", "next", "-p", &commit]);
        git(
            &path,
            &["update-ref", &format!("refs/tags/v{number}"), &commit],
        );
    }
    git(&path, &["update-ref", "refs/heads/main", &commit]);
    path
}

#[tokio::test]
async fn each_segment_that_arrives_is_worth_new_attempts() {
    let folder = tempfile::tempdir().unwrap();
    let remote = remote(SeedOptions {
        git: [(NAME.to_owned(), history(folder.path()))].into(),
        ..SeedOptions::default()
    })
    .await;
    let selection = Selection::new(&[Stage::Git], &[]).unwrap();
    let mut local = Local::new(&remote).await;
    local.importer.segment_above_bytes = 0;
    let report = local.try_import(NAME, &selection).await.report;
    assert_eq!(report.state, ImportState::Complete, "{report:#?}");
    let log = remote.control.requests();
    let first = log.iter().position(|one| one.kind == RequestKind::Git);
    let first = first.unwrap() as u64;

    // A handshake and a list, one segment, and the next one is cut off.
    let mut local = Local::new(&remote).await;
    local.importer.segment_above_bytes = 0;
    remote.control.reset_log();
    let breaks = 5;
    for time in 1..=breaks {
        let fault = Fault::on_request(first + 4 * time, Effect::Disconnect);
        remote.control.add_fault(fault);
    }
    let report = local.try_import(NAME, &selection).await.report;
    assert_eq!(report.state, ImportState::Complete, "{report:#?}");
    let log = remote.control.requests();
    let begun = log.iter().filter(|one| one.target.contains("/info/refs"));
    // Once for the segments, once for the end.
    assert_eq!(begun.count() as u64, 1 + breaks + 1);
    let events = local.sink.events().into_iter();
    let segments = events.filter_map(|event| match event {
        ProgressEvent::Git { transfer, .. } => transfer.segment.map(|segment| segment.number),
        _ => None,
    });
    assert!(segments.is_sorted(), "it never goes back");
    let name = NAME.parse().unwrap();
    let path = local.importer.data_dir.mirror(&name);
    let mirror = Mirror::open(&path).unwrap().unwrap();
    assert_eq!(mirror.refs().unwrap().len(), 25);
}
