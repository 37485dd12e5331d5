//! Rows and the checkpoint that says they are there, together or not at all.

use bucketload_archive::Archive;
use bucketload_model::{Checkpoint, Stage, StageState};

use super::with_repository;
use crate::support::{at, name, pull_request};

#[tokio::test]
async fn without_a_commit_nothing_of_it_ever_happened() {
    let Some((store, uuid)) = with_repository().await else {
        return;
    };
    let import = store.start_import(0, &name()).await;
    let next = Checkpoint::NextPage("page 2".to_owned());
    for commits in [false, true] {
        let mut transaction = store.begin().await;
        transaction
            .put_pull_requests(&uuid, &[pull_request(1, Some(1), "{}")])
            .await
            .unwrap();
        transaction
            .save_checkpoint(import, Stage::PullRequests, &next, Some(1))
            .await
            .unwrap();
        transaction
            .add_requests(import, "pullrequests", 1)
            .await
            .unwrap();
        if commits {
            transaction.commit().await.unwrap();
        } else {
            drop(transaction);
        }
        let expected = u64::from(commits);
        let archive = &store.archive;
        let count = archive.count_pull_requests(&uuid).await.unwrap();
        assert_eq!(count, expected);
        assert_eq!(store.pending(&uuid).await.len() as u64, expected);
        let report = archive.report(import).await.unwrap().unwrap();
        assert_eq!(report.requests.total, expected);
        let progress = archive.stage_progress(import, Stage::PullRequests).await;
        let checkpoint = progress.unwrap().unwrap().checkpoint;
        assert_eq!(checkpoint, commits.then(|| next.clone()));
    }
}

#[tokio::test]
async fn a_reader_sees_whole_transactions_only_and_never_waits() {
    let Some((store, uuid)) = with_repository().await else {
        return;
    };
    // As `status` in another process would.
    let reader = Archive::open_existing(&store.data_dir).await.unwrap();
    let mut transaction = store.begin().await;
    transaction
        .put_pull_requests(&uuid, &[pull_request(1, Some(1), "{}")])
        .await
        .unwrap();
    assert_eq!(reader.count_pull_requests(&uuid).await.unwrap(), 0);
    assert_eq!(store.archive.count_pull_requests(&uuid).await.unwrap(), 0);
    transaction.commit().await.unwrap();
    assert_eq!(reader.count_pull_requests(&uuid).await.unwrap(), 1);
}

#[tokio::test]
async fn writers_take_turns_within_and_between_processes() {
    let Some((store, uuid)) = with_repository().await else {
        return;
    };
    let other = Archive::open(&store.data_dir).await.unwrap();
    let tasks: Vec<_> = (0..20)
        .map(|number| {
            let archive = if number % 2 == 0 {
                &store.archive
            } else {
                &other
            };
            let (archive, uuid) = (archive.clone(), uuid.clone());
            tokio::spawn(async move {
                let mut transaction = archive.begin().await.unwrap();
                transaction
                    .put_pull_requests(&uuid, &[pull_request(number, Some(0), "{}")])
                    .await
                    .unwrap();
                transaction.commit().await.unwrap();
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(store.archive.count_pull_requests(&uuid).await.unwrap(), 20);
}

#[tokio::test]
async fn what_was_committed_is_there_after_opening_again() {
    let Some((store, uuid)) = with_repository().await else {
        return;
    };
    let import = store.start_import(0, &name()).await;
    let mut transaction = store.begin().await;
    transaction
        .start_stage(import, Stage::Git, at(0))
        .await
        .unwrap();
    transaction.commit().await.unwrap();
    store.archive.close().await;
    let archive = Archive::open_existing(&store.data_dir).await.unwrap();
    assert!(archive.repository_by_uuid(&uuid).await.unwrap().is_some());
    let progress = archive.stage_progress(import, Stage::Git).await.unwrap();
    assert_eq!(progress.unwrap().state, StageState::Running);
}
