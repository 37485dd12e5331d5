//! Objects without columns of their own, and the lists that they came in.

use bucketload_archive::{Blob, ObjectKey, ObjectRecord, Parents, Stored, Tally};
use bucketload_model::{RepositoryUuid, Stage};

use super::with_repository;
use crate::support::{Store, pull_request};

const STAGE: Stage = Stage::PullRequestActivity;
const HASH: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

fn object(parent: i64, id: i64, source: &str) -> ObjectRecord<'_> {
    ObjectRecord {
        key: ObjectKey {
            parent,
            id,
            key: "",
        },
        created_on: None,
        updated_on: None,
        source,
    }
}

#[expect(
    clippy::unwrap_used,
    reason = "a helper that fails is a test that fails"
)]
async fn put(store: &Store, uuid: &RepositoryUuid, records: &[ObjectRecord<'_>]) -> Stored {
    let mut transaction = store.archive.begin().await.unwrap();
    let stored = transaction.put_objects(uuid, STAGE, records).await.unwrap();
    transaction.commit().await.unwrap();
    stored
}

#[tokio::test]
async fn an_object_is_written_where_it_is_new_or_changed_and_keeps_its_file() {
    let Some((store, uuid)) = with_repository().await else {
        return;
    };
    let stored = |inserted, updated| Stored { inserted, updated };
    let records = [object(1, 10, "{}"), object(2, 9, "{}")];
    assert_eq!(put(&store, &uuid, &records).await, stored(2, 0));
    assert_eq!(put(&store, &uuid, &records).await, stored(0, 0));
    let mut transaction = store.archive.begin().await.unwrap();
    let blob = Blob {
        sha256: HASH.to_owned(),
        size_bytes: 3,
    };
    transaction.put_blob(&blob).await.unwrap();
    transaction
        .set_object_blob(&uuid, STAGE, records[0].key, Some(HASH))
        .await
        .unwrap();
    transaction.commit().await.unwrap();
    let records = [object(1, 10, "{\"new\":1}"), object(1, 11, "{}")];
    assert_eq!(put(&store, &uuid, &records).await, stored(1, 1));
    let of_one = store.archive.objects(&uuid, STAGE, 1).await.unwrap();
    let of_one: Vec<_> = of_one
        .iter()
        .map(|object| (object.id, object.blob.as_deref(), object.source.as_str()))
        .collect();
    assert_eq!(of_one, [(10, Some(HASH), "{\"new\":1}"), (11, None, "{}")]);
    assert_eq!(store.archive.count_objects(&uuid, STAGE).await.unwrap(), 3);
    let ids = store.archive.object_ids(&uuid, STAGE, 1).await.unwrap();
    assert_eq!(ids, [10, 11]);
    let others = store.archive.count_objects(&uuid, Stage::Users);
    assert_eq!(others.await.unwrap(), 0);
}

#[tokio::test]
async fn a_list_that_delivered_less_than_it_reported_is_known() {
    let Some((store, uuid)) = with_repository().await else {
        return;
    };
    put(&store, &uuid, &[object(1, 10, "{}"), object(2, 20, "{}")]).await;
    let mut transaction = store.archive.begin().await.unwrap();
    for (parent, reported) in [(1, Some(2)), (2, Some(1)), (3, None)] {
        transaction
            .set_reported(&uuid, STAGE, parent, reported)
            .await
            .unwrap();
    }
    transaction.commit().await.unwrap();
    let tally = store.archive.tally_children(&uuid, STAGE).await.unwrap();
    let (stored, expected) = (2, 3);
    assert_eq!(tally, Tally { stored, expected });
    let missing = store.archive.parents_with_missing_children(&uuid, STAGE);
    let (stored, expected) = (1, 2);
    assert_eq!(missing.await.unwrap(), [(1, Tally { stored, expected })]);
}

#[tokio::test]
async fn parents_whose_list_was_never_read_become_pending() {
    let Some((store, uuid)) = with_repository().await else {
        return;
    };
    let pull_requests = [1, 2, 3].map(|id| pull_request(id, Some(0), "{}"));
    store.put_pull_requests(&uuid, &pull_requests).await;
    let mut transaction = store.archive.begin().await.unwrap();
    transaction
        .set_reported(&uuid, STAGE, 2, Some(0))
        .await
        .unwrap();
    let mut added = Vec::new();
    for _ in 0..2 {
        added.push(
            transaction
                .add_pending_without_list(&uuid, STAGE, Parents::PullRequests)
                .await
                .unwrap(),
        );
    }
    transaction.commit().await.unwrap();
    // Those that are pending already are not begun anew.
    assert_eq!(added, [2, 0]);
    let pending = store.archive.pending(&uuid, STAGE, i64::MIN, 9).await;
    let pending: Vec<i64> = pending.unwrap().iter().map(|parent| parent.id).collect();
    assert_eq!(pending, [1, 3]);
}
