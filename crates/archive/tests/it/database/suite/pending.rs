//! What is still to be read, and by whom it is finished.

use bucketload_archive::PendingParent;
use bucketload_model::{RepositoryUuid, Stage};

use super::with_repository;
use crate::support::{Store, comment, pull_request};

const STAGE: Stage = Stage::PullRequestComments;

#[tokio::test]
async fn pull_requests_with_a_discussion_are_pending_and_silent_ones_are_not() {
    let Some((store, uuid)) = with_repository().await else {
        return;
    };
    let pull_requests = [
        pull_request(1, Some(3), "{}"),
        pull_request(2, Some(0), "{}"),
        pull_request(3, None, "{}"),
        pull_request(4, Some(-1), "{}"),
    ];
    store.put_pull_requests(&uuid, &pull_requests).await;
    assert_eq!(store.pending_ids(&uuid).await, [1, 3, 4]);
}

#[tokio::test]
async fn what_was_read_is_pending_again_only_when_its_parent_changes() {
    let Some((store, uuid)) = with_repository().await else {
        return;
    };
    store
        .put_pull_requests(&uuid, &[pull_request(1, Some(3), "{}")])
        .await;
    store.finish(&uuid, &store.pending(&uuid).await[0]).await;
    assert!(store.pending(&uuid).await.is_empty());
    store
        .put_pull_requests(&uuid, &[pull_request(1, Some(3), "{}")])
        .await;
    assert!(store.pending(&uuid).await.is_empty());
    store
        .put_pull_requests(&uuid, &[pull_request(1, Some(3), "{\"new\":1}")])
        .await;
    assert_eq!(store.pending_ids(&uuid).await, [1]);
}

#[tokio::test]
async fn the_last_comment_deleted_leaves_tombstones_to_be_read() {
    let Some((store, uuid)) = with_repository().await else {
        return;
    };
    let (talked, silent) = (
        pull_request(1, Some(1), "{}"),
        pull_request(2, Some(0), "{}"),
    );
    store.put_pull_requests(&uuid, &[talked, silent]).await;
    store.put_comments(&uuid, 1, &[comment(10, "{}")]).await;
    store.finish(&uuid, &store.pending(&uuid).await[0]).await;
    let both = [
        pull_request(1, Some(0), "{\"new\":1}"),
        pull_request(2, Some(0), "{\"new\":1}"),
    ];
    store.put_pull_requests(&uuid, &both).await;
    assert_eq!(store.pending_ids(&uuid).await, [1]);
}

async fn change(store: &Store, uuid: &RepositoryUuid, source: &str) -> PendingParent {
    store
        .put_pull_requests(uuid, &[pull_request(1, Some(3), source)])
        .await;
    store.pending(uuid).await[0].clone()
}

#[tokio::test]
async fn what_was_read_of_an_older_form_finishes_no_newer_one() {
    let Some((store, uuid)) = with_repository().await else {
        return;
    };
    let old = change(&store, &uuid, "{}").await;
    let new = change(&store, &uuid, "{\"new\":1}").await;
    assert!(old.revision < new.revision);

    store.finish(&uuid, &old).await;
    let mut transaction = store.begin().await;
    transaction
        .advance_pending(&uuid, STAGE, &old, Some("page 7 of the old form"))
        .await
        .unwrap();
    transaction.commit().await.unwrap();
    assert_eq!(store.pending(&uuid).await, std::slice::from_ref(&new));

    store.finish(&uuid, &new).await;
    assert!(store.pending(&uuid).await.is_empty());
}

#[tokio::test]
async fn a_discussion_goes_on_at_its_page_and_begins_anew_when_its_parent_changes() {
    let Some((store, uuid)) = with_repository().await else {
        return;
    };
    let parent = change(&store, &uuid, "{}").await;
    assert_eq!(parent.next_page, None);
    let mut transaction = store.begin().await;
    transaction
        .advance_pending(&uuid, STAGE, &parent, Some("page 2"))
        .await
        .unwrap();
    transaction.commit().await.unwrap();
    let next = &store.pending(&uuid).await[0];
    assert_eq!(next.next_page.as_deref(), Some("page 2"));
    assert_eq!(next.revision, parent.revision);

    let mut transaction = store.begin().await;
    transaction
        .advance_pending(&uuid, STAGE, &parent, None)
        .await
        .unwrap();
    transaction.commit().await.unwrap();
    assert_eq!(store.pending(&uuid).await, std::slice::from_ref(&parent));

    let mut transaction = store.begin().await;
    transaction
        .advance_pending(&uuid, STAGE, &parent, Some("page 2"))
        .await
        .unwrap();
    transaction.commit().await.unwrap();
    let changed = change(&store, &uuid, "{\"new\":1}").await;
    assert_eq!(changed.next_page, None);
}

#[tokio::test]
async fn they_come_in_order_and_in_batches() {
    let Some((store, uuid)) = with_repository().await else {
        return;
    };
    let records: Vec<_> = [9, 3, 7, 1, 5]
        .iter()
        .map(|id| pull_request(*id, Some(1), "{}"))
        .collect();
    store.put_pull_requests(&uuid, &records).await;
    let ids = |after, limit| {
        let archive = store.archive.clone();
        let uuid = uuid.clone();
        async move {
            let pending = archive.pending(&uuid, STAGE, after, limit).await.unwrap();
            pending.iter().map(|one| one.id).collect::<Vec<_>>()
        }
    };
    assert_eq!(ids(i64::MIN, 3).await, [1, 3, 5]);
    assert_eq!(ids(5, 3).await, [7, 9]);
    assert_eq!(ids(9, 3).await, [0; 0]);
    let other = store
        .archive
        .pending(&uuid, Stage::Users, i64::MIN, 9)
        .await;
    assert!(other.unwrap().is_empty());
}
