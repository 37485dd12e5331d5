//! What happened to pull requests: every entry once, and what it makes pending.

use bucketload_archive::{ActivityRecord, CommentShape};
use bucketload_model::{CommentId, PullRequestId, RepositoryUuid};

use super::with_repository;
use crate::support::{Store, comment, pull_request};

fn entry<'a>(pull_request: i64, key: &'a str, source: &'a str) -> ActivityRecord<'a> {
    let comment = key.strip_prefix("comment:");
    ActivityRecord {
        pull_request: PullRequestId(pull_request),
        key,
        kind: key.split(':').next().unwrap_or_default(),
        comment: comment.and_then(|id| Some(CommentId(id.parse().ok()?))),
        parent: None,
        is_inline: false,
        occurred_on: None,
        source,
    }
}

#[expect(
    clippy::unwrap_used,
    reason = "a helper that fails is a test that fails"
)]
async fn put(
    store: &Store,
    uuid: &RepositoryUuid,
    records: &[ActivityRecord<'_>],
) -> (u64, Vec<String>) {
    let mut transaction = store.begin().await;
    let stored = transaction.put_activity(uuid, records).await.unwrap();
    transaction.commit().await.unwrap();
    let written = stored.written.into_iter();
    let written = written.map(|(id, key)| format!("{id} {key}"));
    (stored.inserted, written.collect())
}

#[tokio::test]
async fn entries_are_told_apart_by_pull_request_and_key() {
    let Some((store, uuid)) = with_repository().await else {
        return;
    };
    let page = [
        entry(1, "update:a:x", "{}"),
        entry(2, "update:a:x", "{}"),
        entry(1, "comment:5", "{}"),
        // A page that shifted can hold one twice.
        entry(1, "comment:5", "{\"newer\":1}"),
    ];
    let (inserted, written) = put(&store, &uuid, &page).await;
    assert_eq!(inserted, 3);
    assert_eq!(written, ["1 comment:5", "1 update:a:x", "2 update:a:x"]);
    assert_eq!(store.archive.count_activity(&uuid).await.unwrap(), 3);

    let again = [
        entry(1, "comment:5", "{\"newer\":1}"),
        entry(1, "update:a:x", "{\"other\":1}"),
        entry(3, "approval:b:y", "{}"),
    ];
    let (inserted, written) = put(&store, &uuid, &again).await;
    assert_eq!(inserted, 1);
    assert_eq!(written, ["1 update:a:x", "3 approval:b:y"]);
    assert_eq!(put(&store, &uuid, &[]).await, (0, vec![]));
}

#[tokio::test]
async fn the_newest_comment_of_each_shape() {
    let Some((store, uuid)) = with_repository().await else {
        return;
    };
    let shaped = |id, is_inline, parent: Option<i64>| ActivityRecord {
        comment: Some(CommentId(id)),
        parent: parent.map(CommentId),
        is_inline,
        ..entry(1, "", "{}")
    };
    let keys: Vec<String> = (0..5).map(|number| format!("comment:{number}")).collect();
    let records = [
        shaped(1, false, None),
        shaped(2, false, None),
        shaped(3, true, None),
        shaped(4, false, Some(1)),
        shaped(0, true, None),
    ];
    let records: Vec<_> = records
        .into_iter()
        .zip(&keys)
        .map(|(record, key)| ActivityRecord { key, ..record })
        .collect();
    put(&store, &uuid, &records).await;
    let newest = store.archive.newest_comments_in_activity(&uuid).await;
    let newest = newest.unwrap();
    let ids: Vec<i64> = newest.iter().map(|comment| comment.comment.0).collect();
    assert_eq!(ids, [4, 3, 2]);
    let reply = CommentShape {
        is_inline: false,
        is_reply: true,
    };
    assert_eq!(newest[0].shape, reply);
    let of_one = store.archive.comments_in_activity(&uuid, PullRequestId(1));
    assert_eq!(of_one.await.unwrap().len(), 5);
}

#[tokio::test]
async fn a_comment_that_is_not_there_makes_its_discussion_pending() {
    let Some((store, uuid)) = with_repository().await else {
        return;
    };
    let both = [
        pull_request(1, Some(1), "{}"),
        pull_request(2, Some(1), "{}"),
    ];
    store.put_pull_requests(&uuid, &both).await;
    for (id, known) in [(1, 10), (2, 20)] {
        store.put_comments(&uuid, id, &[comment(known, "{}")]).await;
    }
    for parent in store.pending(&uuid).await {
        store.finish(&uuid, &parent).await;
    }
    let page = [
        entry(1, "comment:10", "{}"),
        entry(2, "comment:20", "{}"),
        entry(2, "comment:21", "{}"),
        // Its pull request is not in the archive: it will be listed.
        entry(3, "comment:30", "{}"),
    ];
    put(&store, &uuid, &page).await;
    let ids = [10, 20, 21, 30].map(CommentId);
    let mut transaction = store.begin().await;
    for _ in 0..2 {
        transaction
            .add_pending_discussions(&uuid, &ids)
            .await
            .unwrap();
    }
    transaction
        .add_pending_discussions(&uuid, &[])
        .await
        .unwrap();
    transaction.commit().await.unwrap();
    assert_eq!(store.pending_ids(&uuid).await, [2]);
    assert_eq!(store.pending(&uuid).await[0].revision, 0);
}
