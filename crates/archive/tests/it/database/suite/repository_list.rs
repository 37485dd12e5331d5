//! Repositories as people look for them.

#![expect(
    clippy::unwrap_used,
    reason = "a helper that fails is a test that fails"
)]

use std::collections::BTreeMap;

use bucketload_archive::{
    Amount, AttachmentRecord, Blob, IssueOrigin, ProofRecord, RepositoryEntry, RepositoryFilter,
    StoredLfsObject,
};
use bucketload_model::{ImportState, IssueId, LfsObject, RepositoryName, RepositoryUuid};

use super::store;
use crate::support::{Store, at, repository_uuid};

fn named(name: &str) -> RepositoryName {
    name.parse().unwrap()
}

async fn page(store: &Store, filter: RepositoryFilter) -> Vec<RepositoryEntry> {
    store.archive.repository_page(&filter).await.unwrap()
}

async fn names(store: &Store, filter: RepositoryFilter) -> Vec<String> {
    let entries = page(store, filter).await;
    entries.iter().map(|entry| entry.name.to_string()).collect()
}

async fn prove(store: &Store, uuid: &RepositoryUuid, second: i64) {
    let mut transaction = store.begin().await;
    let proof = ProofRecord {
        proven_at: Some(at(second)),
        tried_at: at(second),
        is_sample: false,
        problems: 0,
        manifest: BTreeMap::default(),
    };
    transaction.put_proof(uuid, &proof).await.unwrap();
    transaction.commit().await.unwrap();
}

#[tokio::test]
async fn pages_follow_each_other_and_filters_hold_on_each() {
    let Some(store) = store().await else { return };
    let all = ["boats/oar", "boats/sail", "teapots/kettle", "teapots/oar_1"];
    for (number, name) in (1..).zip(all) {
        store
            .put_repository_as(&repository_uuid(number), &named(name), "{}")
            .await;
    }
    let two = |after: Option<&str>| RepositoryFilter {
        after: after.map(named),
        limit: 2,
        ..RepositoryFilter::default()
    };
    assert_eq!(names(&store, two(None)).await, all[..2]);
    assert_eq!(names(&store, two(Some("boats/sail"))).await, all[2..]);
    assert!(names(&store, two(Some("teapots/oar_1"))).await.is_empty());
    let find = |text: &str| RepositoryFilter {
        text: Some(text.to_owned()),
        limit: 9,
        ..RepositoryFilter::default()
    };
    assert_eq!(names(&store, find("OAR")).await, ["boats/oar", all[3]]);
    assert_eq!(names(&store, find("r_")).await, all[3..]);
    assert_eq!(names(&store, find("s/s")).await, all[1..2]);
    let boats = RepositoryFilter {
        workspace: Some("boats".parse().unwrap()),
        ..two(Some("boats/oar"))
    };
    assert_eq!(names(&store, boats).await, all[1..2]);
    let workspaces = store.archive.workspaces().await.unwrap();
    assert_eq!(workspaces, ["boats", "teapots"]);
}

#[tokio::test]
async fn of_two_with_one_name_the_one_imported_last_is_shown() {
    let Some(store) = store().await else { return };
    let name = named("teapots/kettle");
    let (older, newer) = (repository_uuid(1), repository_uuid(2));
    store.put_repository_as(&older, &name, "{}").await;
    prove(&store, &older, 1).await;
    let all = RepositoryFilter {
        limit: 9,
        ..RepositoryFilter::default()
    };
    let entry = page(&store, all.clone()).await.pop().unwrap();
    assert_eq!((entry.latest_import, entry.imported_at), (None, None));
    assert_eq!(entry.proven_at, Some(at(1)));
    store.put_repository_as(&newer, &name, "{}").await;
    let ended = store.start_import(2, &name).await;
    let mut transaction = store.begin().await;
    transaction
        .set_import_repository(ended, &newer)
        .await
        .unwrap();
    transaction
        .set_import_state(ended, ImportState::CompleteWithGaps, None, Some(at(3)))
        .await
        .unwrap();
    transaction.commit().await.unwrap();
    let entries = page(&store, all.clone()).await;
    let shown = RepositoryEntry {
        name: name.clone(),
        latest_import: Some(ended),
        imported_at: Some(at(3)),
        proven_at: None,
    };
    assert_eq!(entries, std::slice::from_ref(&shown));
    // One that goes on is the latest, and has brought nothing to its end.
    let latest = store.start_import(4, &name).await;
    prove(&store, &newer, 5).await;
    let again = RepositoryEntry {
        latest_import: Some(latest),
        proven_at: Some(at(5)),
        ..shown
    };
    assert_eq!(page(&store, all).await, [again]);
}

#[tokio::test]
async fn files_count_once_they_are_there() {
    let Some(store) = store().await else { return };
    let uuid = repository_uuid(1);
    store.put_repository(&uuid, "{}").await;
    let pointer = |digit: &str, size_bytes| StoredLfsObject {
        object: LfsObject {
            oid: digit.repeat(64).parse().unwrap(),
            size_bytes,
        },
        pointer: digit.repeat(40),
    };
    let amount = async || store.archive.lfs_amount(&uuid).await.unwrap();
    assert_eq!(amount().await, Amount::default());
    let pointers = [pointer("a", 3), pointer("b", 4), pointer("c", 50)];
    let mut transaction = store.begin().await;
    transaction
        .put_lfs_pointers(&uuid, &pointers)
        .await
        .unwrap();
    for pointer in &pointers[..2] {
        let stored = transaction.set_lfs_stored(&uuid, &pointer.object, true);
        stored.await.unwrap();
    }
    let blob = Blob {
        sha256: "d".repeat(64),
        size_bytes: 10,
    };
    transaction.put_blob(&blob).await.unwrap();
    let attachment = |name, blob| AttachmentRecord {
        issue: IssueId(1),
        name,
        blob,
        source: "{}",
    };
    let attachments = [
        attachment("leak.png", Some(blob.sha256.as_str())),
        attachment("lost.png", None),
    ];
    let origin = IssueOrigin::IssueExport;
    let stored = transaction.put_issue_attachments(&uuid, origin, &attachments);
    stored.await.unwrap();
    transaction.commit().await.unwrap();
    let there = |objects, bytes| Amount { objects, bytes };
    assert_eq!(amount().await, there(2, 7));
    let attached = store.archive.attachment_amount(&uuid).await.unwrap();
    assert_eq!(attached, there(1, 10));
}
