//! A disk that is full: said as such, and nothing half-written.
//!
//! The disk is a small one in memory, in a mount namespace of its own, so that nothing is
//! left of it. Where that is not allowed the test says so and is skipped.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a helper that fails is a test that fails, and one that is skipped says so"
)]

use std::process::Command;

use bucketload_archive::{Archive, DataDir, DatabaseError};

use crate::support::{Side, name, pull_request, repository, repository_uuid};

#[test]
fn a_full_disk_is_said_and_leaves_whole_transactions() {
    on_a_disk_of("2m", "disk_full::on_a_small_disk");
}

/// Runs an ignored test of this folder with a disk of its own as current folder.
pub(super) fn on_a_disk_of(size: &str, test: &str) {
    let folder = tempfile::tempdir().unwrap();
    let mount = format!("mount -t tmpfs -o size={size} none . && cd \"$PWD\"");
    let isolated = || {
        let mut command = Command::new("unshare");
        command
            .args(["--map-root-user", "--mount", "sh", "-c"])
            .current_dir(folder.path());
        command
    };
    let allowed = isolated().arg(&mount).output();
    if !allowed.is_ok_and(|output| output.status.success()) {
        println!("skipped: small disks cannot be mounted here");
        return;
    }
    let this = std::env::current_exe().unwrap();
    let output = isolated()
        .arg(format!("{mount} && exec \"$0\" \"$@\""))
        .arg(this)
        .args(["--ignored", "--exact", "--nocapture"])
        .arg(format!("database::sqlite::{test}"))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}");
    assert!(said.contains("1 passed"), "{said}");
}

#[tokio::test]
#[ignore = "fills the disk of the current folder; run by the test above"]
async fn on_a_small_disk() {
    let data_dir = DataDir::new(".");
    let archive = Archive::open(&data_dir).await.unwrap();
    let uuid = repository_uuid(1);
    let mut transaction = archive.begin().await.unwrap();
    transaction
        .put_repository(&repository(&uuid, &name(), "{}"))
        .await
        .unwrap();
    transaction.commit().await.unwrap();

    let source = format!("{{\"x\":\"{}\"}}", "x".repeat(20_000));
    let mut pages = 0;
    let error = loop {
        assert!(pages < 100, "the disk is not small");
        let page = [
            pull_request(2 * pages, Some(0), &source),
            pull_request(2 * pages + 1, Some(0), &source),
        ];
        let result = async {
            let mut transaction = archive.begin().await?;
            transaction.put_pull_requests(&uuid, &page).await?;
            transaction.commit().await
        };
        match result.await {
            Ok(()) => pages += 1,
            Err(error) => break error,
        }
    };
    assert!(matches!(error, DatabaseError::DiskFull(_)), "{error:?}");
    assert!(pages > 0);
    let stored = archive.count_pull_requests(&uuid).await.unwrap();
    assert_eq!(stored, u64::try_from(2 * pages).unwrap());
    archive.close().await;
    let mut side = Side::sqlite(&data_dir).await;
    let sound = side.texts("pragma integrity_check").await;
    assert_eq!(sound, ["ok"]);
}
