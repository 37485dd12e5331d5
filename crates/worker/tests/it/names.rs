//! Repositories that change their names, and several in one archive.

use bucketload_model::Stage;
use bucketload_simulator::SeedOptions;
use bucketload_worker::Selection;

use crate::support::{Local, NAME, assert_complete, bench, remote, small, stage};

/// The same repository by its UUID, in a workspace of another name.
fn renamed() -> SeedOptions {
    SeedOptions {
        workspace: "harbourside".to_owned(),
        ..small()
    }
}

#[tokio::test]
async fn a_renamed_repository_takes_its_mirror_along() {
    let (_old_remote, mut local) = bench().await;
    local.import().await;
    let data_dir = local.importer.data_dir.clone();
    let old = data_dir.mirror(&NAME.parse().unwrap());
    std::fs::write(old.join("description"), "kept").unwrap();

    let new_remote = remote(renamed()).await;
    local.turn_to(&new_remote);
    let report = local.import_as("harbourside/lighthouse").await;
    assert_complete(&report);
    let new = data_dir.mirror(&"harbourside/lighthouse".parse().unwrap());
    assert!(!old.exists());
    let kept = std::fs::read_to_string(new.join("description")).unwrap();
    assert_eq!(kept, "kept", "moved, not made anew");
    let all = local.importer.archive.repositories().await.unwrap();
    assert_eq!(all.len(), 1);
    assert_eq!(all[0].name.to_string(), "harbourside/lighthouse");
    assert_eq!(stage(&report, Stage::PullRequests).stored, 60);

    // As if it had never had another name.
    let fresh = Local::new(&new_remote).await;
    fresh.import_as("harbourside/lighthouse").await;
    let (moved, fresh) = (
        local.export("harbourside/lighthouse").await,
        fresh.export("harbourside/lighthouse").await,
    );
    let files = |export: &std::collections::BTreeMap<String, Vec<u8>>| -> Vec<String> {
        export.keys().cloned().collect()
    };
    assert_eq!(files(&moved), files(&fresh));
    assert!(moved["pull_requests.jsonl"] == fresh["pull_requests.jsonl"]);
    assert!(moved["git.bundle"] == fresh["git.bundle"]);
}

#[tokio::test]
async fn two_repositories_at_the_same_time_do_not_disturb_each_other() {
    let remote = remote(SeedOptions {
        repositories: 2,
        ..small()
    })
    .await;
    let both = Local::new(&remote).await;
    let names = ["seaside/lighthouse", "seaside/harbour"];
    let all = Selection::default();
    let (one, two) = tokio::join!(
        both.try_import(names[0], &all),
        both.try_import(names[1], &all)
    );
    assert_complete(&one.report);
    assert_complete(&two.report);
    assert_ne!(one.report.id, two.report.id);
    for name in names {
        let alone = Local::new(&remote).await;
        assert_complete(&alone.import_as(name).await);
        assert!(
            both.export(name).await == alone.export(name).await,
            "{name}"
        );
    }
    // The second time over, one of them only.
    both.watch().await;
    assert_complete(&both.import_as(names[1]).await);
    assert_eq!(both.touched().await, [""; 0]);
}

#[tokio::test]
async fn a_list_of_members_serves_the_whole_workspace() {
    let remote = remote(SeedOptions {
        repositories: 2,
        ..small()
    })
    .await;
    let local = Local::new(&remote).await;
    assert_complete(&local.import_as("seaside/lighthouse").await);
    let report = local.import_as("seaside/harbour").await;
    assert_complete(&report);
    assert_eq!(remote.asked("/members"), 1);
    assert_eq!(stage(&report, Stage::Users).expected, Some(12));
}
