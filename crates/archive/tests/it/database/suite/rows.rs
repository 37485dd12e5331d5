//! Objects: stored once, changed when they changed, otherwise left alone.

use bucketload_archive::Stored;
use bucketload_model::PullRequestId;

use super::with_repository;
use crate::support::{
    Store, account, account_uuid, comment, import_id, member, name, pull_request, repository_uuid,
};

const NOTHING: Stored = Stored {
    inserted: 0,
    updated: 0,
};

fn stored(inserted: u64, updated: u64) -> Stored {
    Stored { inserted, updated }
}

#[tokio::test]
async fn what_is_there_already_is_not_written_again() {
    let Some((store, uuid)) = with_repository().await else {
        return;
    };
    let person = account_uuid(1);
    let import = import_id(0);
    for is_first in [true, false] {
        let expected = |new| if is_first { new } else { NOTHING };
        let pull_requests = [
            pull_request(1, Some(2), "{\"id\":1}"),
            pull_request(2, None, "{}"),
        ];
        assert_eq!(
            store.put_pull_requests(&uuid, &pull_requests).await,
            expected(stored(2, 0))
        );
        let comments = [comment(10, "{\"id\":10}"), comment(11, "{}")];
        assert_eq!(
            store.put_comments(&uuid, 1, &comments).await,
            expected(stored(2, 0))
        );
        assert_eq!(
            store.put_members(&[member(&person, "{}", "{ }")]).await,
            expected(stored(1, 0))
        );
        store
            .put_accounts(&uuid, import, vec![account(&person, "{}")])
            .await;
        if is_first {
            store.watch().await;
        } else {
            assert_eq!(store.put_repository(&uuid, "{}").await, NOTHING);
        }
    }
    // The same form met by a later import is no change either.
    store
        .put_accounts(&uuid, import_id(9), vec![account(&person, "{}")])
        .await;
    assert_eq!(store.touched().await, Vec::<String>::new());
}

#[tokio::test]
async fn one_changed_object_of_a_page_is_the_only_one_written() {
    let Some((store, uuid)) = with_repository().await else {
        return;
    };
    let (one, two) = (
        pull_request(1, Some(0), "{}"),
        pull_request(2, Some(0), "{}"),
    );
    store.put_pull_requests(&uuid, &[one, two]).await;
    store
        .put_comments(&uuid, 1, &[comment(10, "{}"), comment(11, "{}")])
        .await;
    store.watch().await;

    let mut changed = pull_request(2, Some(0), "{\"title\":\"new\"}");
    changed.title = Some("new");
    let new = pull_request(3, Some(0), "{}");
    assert_eq!(
        store.put_pull_requests(&uuid, &[one, changed, new]).await,
        stored(1, 1)
    );
    let mut deleted = comment(11, "{\"deleted\":true}");
    deleted.is_deleted = true;
    assert_eq!(
        store
            .put_comments(&uuid, 1, &[comment(10, "{}"), deleted])
            .await,
        stored(0, 1)
    );
    assert_eq!(
        store.touched().await,
        [
            "insert pull_requests",
            "update pull_request_comments",
            "update pull_requests",
        ]
    );
    let titles = store.column("select title from pull_requests order by id");
    assert_eq!(titles.await, ["Boil faster", "new", "Boil faster"]);
    let deleted = "select cast(is_deleted as text) from pull_request_comments order by id";
    assert_eq!(store.column(deleted).await, ["0", "1"]);
}

#[tokio::test]
async fn an_object_twice_on_one_page_is_stored_once_as_it_came_last() {
    let Some((store, uuid)) = with_repository().await else {
        return;
    };
    let pull_requests = [
        pull_request(1, Some(0), "{\"first\":1}"),
        pull_request(2, Some(0), "{}"),
        pull_request(1, Some(0), "{\"last\":1}"),
    ];
    assert_eq!(
        store.put_pull_requests(&uuid, &pull_requests).await,
        stored(2, 0)
    );
    let comments = [comment(10, "{\"first\":1}"), comment(10, "{\"last\":1}")];
    assert_eq!(store.put_comments(&uuid, 1, &comments).await, stored(1, 0));
    let person = account_uuid(1);
    let members = [
        member(&person, "{}", "{\"first\":1}"),
        member(&person, "{}", "{\"last\":1}"),
    ];
    assert_eq!(store.put_members(&members).await, stored(1, 0));
    for query in [
        "select source from pull_requests where id = 1",
        "select source from pull_request_comments",
        "select source from workspace_members",
    ] {
        assert_eq!(store.column(query).await, ["{\"last\":1}"], "{query}");
    }
    // Again, as an update this time.
    let pull_requests = [
        pull_request(1, Some(0), "{\"x\":1}"),
        pull_request(1, Some(0), "{\"y\":1}"),
    ];
    assert_eq!(
        store.put_pull_requests(&uuid, &pull_requests).await,
        stored(0, 1)
    );
}

#[tokio::test]
async fn empty_pages_change_nothing() {
    let Some((store, uuid)) = with_repository().await else {
        return;
    };
    store.watch().await;
    assert_eq!(store.put_pull_requests(&uuid, &[]).await, NOTHING);
    assert_eq!(store.put_comments(&uuid, 1, &[]).await, NOTHING);
    assert_eq!(store.put_members(&[]).await, NOTHING);
    store.put_accounts(&uuid, import_id(0), vec![]).await;
    assert!(store.touched().await.is_empty());
}

#[tokio::test]
async fn the_source_is_kept_to_the_byte() {
    let Some((store, uuid)) = with_repository().await else {
        return;
    };
    let source = "{ \"id\" : 1 ,\r\n \"n\": 1e400, \"s\": \"\\u0000\u{2028}\u{1F600}\\ud83d '\" }";
    store
        .put_pull_requests(&uuid, &[pull_request(1, None, source)])
        .await;
    let kept = store.column("select source from pull_requests").await;
    assert_eq!(kept, [source]);
}

#[tokio::test]
async fn a_letter_that_not_every_database_holds_stops_nothing() {
    let Some((store, uuid)) = with_repository().await else {
        return;
    };
    let mut record = pull_request(1, Some(0), "{\"title\":\"a\\u0000b\"}");
    record.title = Some("a\0b");
    assert_eq!(
        store.put_pull_requests(&uuid, &[record]).await,
        stored(1, 0)
    );
    let title = store.column("select title from pull_requests").await;
    assert_eq!(title, ["a\u{FFFD}b"]);
    let source = store.column("select source from pull_requests").await;
    assert_eq!(source, [record.source]);
}

#[tokio::test]
async fn ids_of_64_bits_and_a_full_page() {
    let Some((store, uuid)) = with_repository().await else {
        return;
    };
    let comments: Vec<_> = (0..100).map(|n| comment(i64::MAX - n, "{}")).collect();
    assert_eq!(
        store.put_comments(&uuid, i64::MAX, &comments).await,
        stored(100, 0)
    );
    let pull_requests: Vec<_> = (1..=100).map(|n| pull_request(n, None, "{}")).collect();
    assert_eq!(
        store.put_pull_requests(&uuid, &pull_requests).await,
        stored(100, 0)
    );
    assert_eq!(store.pending_ids(&uuid).await.len(), 100);
}

#[tokio::test]
async fn repositories_keep_their_objects_apart() {
    let Some((store, one)) = with_repository().await else {
        return;
    };
    let two = repository_uuid(2);
    let other = "teapots/cosy".parse().unwrap();
    store.put_repository_as(&two, &other, "{}").await;
    for uuid in [&one, &two] {
        let (parent, child) = (pull_request(1, Some(1), "{}"), comment(10, "{}"));
        assert_eq!(store.put_pull_requests(uuid, &[parent]).await, stored(1, 0));
        assert_eq!(store.put_comments(uuid, 1, &[child]).await, stored(1, 0));
    }
    assert_eq!(store.archive.count_pull_requests(&one).await.unwrap(), 1);
    assert_eq!(store.archive.tally_comments(&two).await.unwrap().stored, 1);
    assert_eq!(store.pending_ids(&one).await, [1]);
}

#[tokio::test]
async fn a_renamed_repository_is_the_same_under_its_new_name() {
    let Some((store, uuid)) = with_repository().await else {
        return;
    };
    let new = "teapots/boiler".parse().unwrap();
    assert_eq!(
        store.put_repository_as(&uuid, &new, "{}").await,
        stored(0, 1)
    );
    let archive = &store.archive;
    assert_eq!(archive.repositories().await.unwrap().len(), 1);
    assert!(archive.repository(&name()).await.unwrap().is_none());
    let found = archive.repository(&new).await.unwrap().unwrap();
    assert_eq!(found.uuid, uuid);
    let found = archive.repository_by_uuid(&uuid).await.unwrap().unwrap();
    assert_eq!(found.name, new);
}

#[tokio::test]
async fn of_two_owners_of_a_name_the_one_imported_last_is_meant() {
    let Some((store, old)) = with_repository().await else {
        return;
    };
    let new = repository_uuid(2);
    store.put_repository(&new, "{}").await;
    for (second, uuid) in [(1, &old), (2, &new)] {
        let import = store.start_import(second, &name()).await;
        let mut transaction = store.begin().await;
        transaction
            .set_import_repository(import, uuid)
            .await
            .unwrap();
        transaction.commit().await.unwrap();
        let found = store.archive.repository(&name()).await.unwrap().unwrap();
        assert_eq!(&found.uuid, uuid);
    }
}

#[tokio::test]
async fn comments_are_tallied_by_the_better_of_two_counts() {
    let Some((store, uuid)) = with_repository().await else {
        return;
    };
    let pull_requests = [
        pull_request(1, Some(3), "{}"),
        pull_request(2, Some(0), "{}"),
        pull_request(3, None, "{}"),
    ];
    store.put_pull_requests(&uuid, &pull_requests).await;
    let tally = |store: Store, uuid| async move {
        let tally = store.archive.tally_comments(&uuid).await.unwrap();
        let missing = store.archive.pull_requests_with_missing_comments(&uuid);
        let missing: Vec<_> = missing.await.unwrap();
        let ids: Vec<i64> = missing.iter().map(|(id, _)| id.0).collect();
        (store, uuid, (tally.stored, tally.expected), ids)
    };
    let (store, uuid, counts, ids) = tally(store, uuid).await;
    assert_eq!((counts, ids), ((0, 3), vec![1]));

    let comments: Vec<_> = (0..4).map(|n| comment(10 + n, "{}")).collect();
    store.put_comments(&uuid, 1, &comments).await;
    // The list of comments knows the deleted ones, too.
    let mut transaction = store.begin().await;
    let id = PullRequestId(1);
    transaction
        .set_comments_reported(&uuid, id, 5)
        .await
        .unwrap();
    transaction.commit().await.unwrap();
    let (store, uuid, counts, ids) = tally(store, uuid).await;
    assert_eq!((counts, ids), ((4, 5), vec![1]));

    // A changed pull request is counted by what it says until its list is read again.
    store
        .put_pull_requests(&uuid, &[pull_request(1, Some(4), "{\"new\":1}")])
        .await;
    let (_, _, counts, ids) = tally(store, uuid).await;
    assert_eq!((counts, ids), ((4, 4), vec![]));
}
