//! Pull requests and issues as people read them: lists in pages, discussions in pages, files.

#![expect(
    clippy::unwrap_used,
    reason = "a helper that fails is a test that fails"
)]

use std::collections::BTreeSet;

use bucketload_archive::{
    ActivityRecord, Blob, ChangeRecord, DiscussionFilter, IssueCommentRecord, IssueOrigin,
    IssueRecord, LinkedImage, ObjectKey, ObjectRecord, PullRequestRecord, StoredText,
};
use bucketload_archive::{AttachmentRecord, CommentRecord};
use bucketload_model::{
    CommentId, IssueChangeId, IssueId, Mention, PullRequestId, RepositoryUuid, Stage,
};

use super::with_repository;
use crate::support::{
    Store, account, account_uuid, at, comment, name, pull_request, repository_uuid,
};

const HASH: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

fn all() -> DiscussionFilter {
    DiscussionFilter {
        limit: 3,
        ..DiscussionFilter::default()
    }
}

async fn pull_requests(
    store: &Store,
    uuid: &RepositoryUuid,
    filter: &DiscussionFilter,
) -> (Vec<i64>, Option<i64>) {
    let page = store.archive.pull_request_page(uuid, filter).await.unwrap();
    let ids = page.entries.iter().map(|entry| entry.id.0);
    (ids.collect(), page.next)
}

async fn issues(
    store: &Store,
    uuid: &RepositoryUuid,
    filter: &DiscussionFilter,
) -> (Vec<i64>, Option<i64>) {
    let page = store.archive.issue_page(uuid, filter).await.unwrap();
    let ids = page.entries.iter().map(|entry| entry.id.0);
    (ids.collect(), page.next)
}

#[tokio::test]
async fn pull_requests_come_in_pages_and_every_filter_holds() {
    let Some((store, uuid)) = with_repository().await else {
        return;
    };
    let (anna, jo) = (account_uuid(1), account_uuid(2));
    let import = store.start_import(1, &name()).await;
    let mut accounts = vec![account(&anna, "{}"), account(&jo, "{}")];
    accounts[0].display_name = Some("Anna Kettle");
    accounts[1].nickname = Some("Änne_2");
    store.put_accounts(&uuid, import, accounts).await;
    let titled = |id, title, state, author| PullRequestRecord {
        title: Some(title),
        state: Some(state),
        author: Some(author),
        ..pull_request(id, Some(0), "{}")
    };
    let (anna, jo) = (anna.as_str(), jo.as_str());
    let records = [
        titled(1, "Boil faster", "MERGED", anna),
        titled(2, "Öl for the lid, 100%", "OPEN", jo),
        titled(3, "boil slower", "OPEN", anna),
        titled(40_000, "Whistle", "OPEN", jo),
        titled(40_001, "Boil again", "OPEN", anna),
    ];
    store.put_pull_requests(&uuid, &records).await;
    // Those of another repository are not among them.
    let other = repository_uuid(2);
    store
        .put_repository_as(&other, &"boats/oar".parse().unwrap(), "{}")
        .await;
    store
        .put_pull_requests(&other, &[titled(9, "Row", "OPEN", anna)])
        .await;
    let (store, uuid) = (&store, &uuid);
    let find = |filter: DiscussionFilter| async move { pull_requests(store, uuid, &filter).await };
    assert_eq!(find(all()).await, (vec![40_001, 40_000, 3], Some(3)));
    let before = |before| DiscussionFilter {
        before: Some(before),
        ..all()
    };
    assert_eq!(find(before(3)).await, (vec![2, 1], None));
    let state = |state: &str| DiscussionFilter {
        state: Some(state.to_owned()),
        ..all()
    };
    assert_eq!(find(state("MERGED")).await, (vec![1], None));
    let numbered = DiscussionFilter {
        id: Some(40_000),
        ..all()
    };
    assert_eq!(find(numbered).await, (vec![40_000], None));
    // A text is looked for some way down, and then from there.
    let text = |text: &str| DiscussionFilter {
        text: Some(text.to_owned()),
        ..all()
    };
    assert_eq!(find(text("BOIL")).await, (vec![40_001], Some(35_002)));
    let below = |filter| DiscussionFilter {
        before: Some(5_002),
        ..filter
    };
    assert_eq!(find(below(text("BOIL"))).await, (vec![3], Some(2)));
    let lowest = |filter| DiscussionFilter {
        before: Some(4),
        ..filter
    };
    assert_eq!(find(lowest(text("BOIL"))).await, (vec![3, 1], None));
    assert_eq!(find(lowest(text("Öl"))).await, (vec![2], None));
    assert_eq!(find(lowest(text("0%"))).await, (vec![2], None));
    assert_eq!(find(lowest(text("_"))).await, (vec![], None));
    let author = |author: &str| DiscussionFilter {
        author: Some(author.to_owned()),
        ..all()
    };
    assert_eq!(find(lowest(author("kettle"))).await, (vec![3, 1], None));
    assert_eq!(find(lowest(author("Änne_"))).await, (vec![2], None));
    let states = store.archive.pull_request_states(uuid).await.unwrap();
    let states: Vec<_> = states.into_iter().collect();
    assert_eq!(states, [("MERGED".to_owned(), 1), ("OPEN".to_owned(), 4)]);
}

async fn put_issues(store: &Store, uuid: &RepositoryUuid) {
    let issue = |id, title, state, reporter| IssueRecord {
        id: IssueId(id),
        title: Some(title),
        state: Some(state),
        kind: None,
        priority: None,
        reporter: Some(reporter),
        created_on: None,
        updated_on: None,
        source: "{}",
    };
    let records = [
        issue(1, "It drips", "new", "Anna"),
        issue(2, "It boils", "open", "Jo"),
        issue(3, "It sings", "open", "Anna"),
        issue(4, "It stands", "closed", "Jo"),
    ];
    let mut transaction = store.begin().await;
    let origin = IssueOrigin::Bitbucket;
    transaction
        .put_issues(uuid, origin, &records)
        .await
        .unwrap();
    transaction.commit().await.unwrap();
}

#[tokio::test]
async fn issues_come_in_pages_and_every_filter_holds() {
    let Some((store, uuid)) = with_repository().await else {
        return;
    };
    put_issues(&store, &uuid).await;
    assert_eq!(
        issues(&store, &uuid, &all()).await,
        (vec![4, 3, 2], Some(2))
    );
    let filter = DiscussionFilter {
        state: Some("open".to_owned()),
        text: Some("IT".to_owned()),
        author: Some("ann".to_owned()),
        ..all()
    };
    assert_eq!(issues(&store, &uuid, &filter).await, (vec![3], None));
    let states = store.archive.issue_states(&uuid).await.unwrap();
    assert_eq!(states["open"], 2);
    assert_eq!(states.len(), 3);
}

#[tokio::test]
async fn a_discussion_comes_in_pages_and_what_happened_beside_it() {
    let Some((store, uuid)) = with_repository().await else {
        return;
    };
    let records = [1, 2].map(|id| pull_request(id, Some(1), "{\"a\":1}"));
    store.put_pull_requests(&uuid, &records).await;
    let said = |id, created_on, source| CommentRecord {
        created_on: Some(created_on),
        ..comment(id, source)
    };
    let large = format!("\"{}\"", "x".repeat(2_000_000));
    let comments = [
        said(10, "2020-01-01", "{}"),
        said(11, "2020-01-02", &large),
        said(12, "2020-01-03", "{}"),
    ];
    store.put_comments(&uuid, 1, &comments).await;
    store
        .put_comments(&uuid, 2, &[said(13, "2020-01-01", "{}")])
        .await;
    let archive = &store.archive;
    let (one, two) = (PullRequestId(1), PullRequestId(2));
    let page = async |after: Option<i64>, limit| {
        let after = after.map(CommentId);
        let page = archive.pull_request_comments(&uuid, one, after, limit);
        let page = page.await.unwrap();
        let ids: Vec<_> = page.comments.iter().map(|comment| comment.id.0).collect();
        (ids, page.has_more, page.earlier_until)
    };
    assert_eq!(page(None, 1).await, (vec![10], true, None));
    // Enough is enough, however few they are.
    assert_eq!(page(None, 9).await, (vec![10, 11], true, None));
    let before = Some("2020-01-02".to_owned());
    assert_eq!(page(Some(11), 9).await, (vec![12], false, before));
    let source = archive.pull_request_source(&uuid, one).await.unwrap();
    assert_eq!(source.as_deref(), Some("{\"a\":1}"));
    let source = archive.pull_request_source(&uuid, PullRequestId(3)).await;
    assert_eq!(source.unwrap(), None);
    let of = async |pull_request, id| {
        let id = CommentId(id);
        let source = archive.pull_request_comment_source(&uuid, pull_request, id);
        source.await.unwrap()
    };
    assert_eq!(of(one, 10).await.as_deref(), Some("{}"));
    assert_eq!(of(two, 10).await, None);
    let entry = |key, comment, occurred_on, source| ActivityRecord {
        pull_request: one,
        key,
        kind: "update",
        comment,
        parent: None,
        is_inline: false,
        occurred_on: Some(occurred_on),
        source,
    };
    let entries = [
        entry("c", None, "2020-01-03", "\"c\""),
        entry("a", None, "2020-01-01", "\"a\""),
        entry("b", None, "2020-01-02", "\"b\""),
        entry("comment:10", Some(CommentId(10)), "2020-01-02", "\"no\""),
    ];
    let task = ObjectRecord {
        key: ObjectKey {
            parent: 1,
            id: 5,
            key: "",
        },
        created_on: None,
        updated_on: None,
        source: "\"task\"",
    };
    let mut transaction = store.begin().await;
    transaction.put_activity(&uuid, &entries).await.unwrap();
    transaction
        .put_objects(&uuid, Stage::PullRequestTasks, &[task])
        .await
        .unwrap();
    transaction.commit().await.unwrap();
    let events = async |range, limit| {
        let events = archive.pull_request_events(&uuid, one, range, limit);
        events.await.unwrap().concat()
    };
    assert_eq!(events((None, None), 9).await, "\"a\"\"b\"\"c\"");
    assert_eq!(events((None, None), 1).await, "\"a\"");
    let range = (Some("2020-01-01"), Some("2020-01-02"));
    assert_eq!(events(range, 9).await, "\"b\"");
    assert_eq!(
        archive.task_sources(&uuid, one, 9).await.unwrap(),
        ["\"task\""]
    );
    assert!(
        archive
            .task_sources(&uuid, two, 9)
            .await
            .unwrap()
            .is_empty()
    );
}

#[tokio::test]
async fn an_issue_comes_with_its_comments_changes_and_files() {
    let Some((store, uuid)) = with_repository().await else {
        return;
    };
    put_issues(&store, &uuid).await;
    let blob = Blob {
        sha256: HASH.to_owned(),
        size_bytes: 3,
    };
    let origin = IssueOrigin::Bitbucket;
    let mut transaction = store.begin().await;
    transaction.put_blob(&blob).await.unwrap();
    let comments = [10, 11].map(|id| IssueCommentRecord {
        id: CommentId(id),
        issue: IssueId(1),
        author: None,
        created_on: None,
        updated_on: None,
        source: "{}",
    });
    let put = transaction.put_issue_comments(&uuid, origin, &comments);
    put.await.unwrap();
    let changes = [10, 11, 12].map(|id| ChangeRecord {
        id: IssueChangeId(id),
        issue: IssueId(1),
        field: "",
        created_on: None,
        source: "{}",
    });
    let put = transaction.put_issue_changes(&uuid, origin, &changes);
    put.await.unwrap();
    let file = |name, blob, source| AttachmentRecord {
        issue: IssueId(1),
        name,
        blob,
        source,
    };
    let files = [
        file("a.png", Some(HASH), r#"{"name": "a.png"}"#),
        file("b.png", None, r#"{"name": "b\u0000.png"}"#),
    ];
    let put = transaction.put_issue_attachments(&uuid, origin, &files);
    put.await.unwrap();
    transaction.commit().await.unwrap();
    let (archive, one) = (&store.archive, IssueId(1));
    let page = archive.issue_comments(&uuid, one, None, 1).await.unwrap();
    assert_eq!((page.comments.len(), page.has_more), (1, true));
    let range = (Some(CommentId(10)), Some(CommentId(11)));
    let changes = archive.issue_changes(&uuid, one, range, 9).await.unwrap();
    assert_eq!(changes, [(11, "{}".to_owned())]);
    let source = archive.issue_source(&uuid, one).await.unwrap();
    assert_eq!(source.as_deref(), Some("{}"));
    let (here, there) = (IssueId(1), IssueId(2));
    for (issue, expected) in [(here, Some("{}")), (there, None)] {
        let source = archive.issue_comment_source(&uuid, issue, CommentId(10));
        assert_eq!(source.await.unwrap().as_deref(), expected);
    }
    let files = archive.issue_files(&uuid, one, 9).await.unwrap();
    assert_eq!(files[0].content, Some((HASH.to_owned(), 3)));
    assert_eq!(
        (files[1].name.as_str(), &files[1].content),
        ("b\0.png", &None)
    );
    let file = archive.issue_file(&uuid, one, HASH).await.unwrap();
    assert_eq!(file.unwrap().name, "a.png");
    // Another issue does not have it, nor do the downloads.
    assert_eq!(archive.issue_file(&uuid, there, HASH).await.unwrap(), None);
    assert_eq!(archive.download_file(&uuid, HASH).await.unwrap(), None);
}

#[tokio::test]
async fn downloads_and_images_are_those_of_the_repository() {
    let Some((store, uuid)) = with_repository().await else {
        return;
    };
    let blob = Blob {
        sha256: HASH.to_owned(),
        size_bytes: 3,
    };
    let key = |key| ObjectKey {
        parent: 0,
        id: 0,
        key,
    };
    let download = |name, source| ObjectRecord {
        key: key(name),
        created_on: None,
        updated_on: None,
        source,
    };
    let downloads = [
        download("a.zip", r#"{"name": "a.zip"}"#),
        download("b.zip", r#"{"name": "b.zip"}"#),
    ];
    let url = "https://example.org/a.png";
    let image = LinkedImage {
        url: url.to_owned(),
        host: "example.org".to_owned(),
    };
    let text = StoredText {
        stage: Stage::PullRequests,
        parent: 0,
        id: 1,
        key: String::new(),
        source: String::new(),
    };
    let mut transaction = store.begin().await;
    transaction.put_blob(&blob).await.unwrap();
    let stage = Stage::Downloads;
    transaction
        .put_objects(&uuid, stage, &downloads)
        .await
        .unwrap();
    transaction
        .set_object_blob(&uuid, stage, key("b.zip"), Some(HASH))
        .await
        .unwrap();
    transaction
        .put_image_links(&uuid, &[(text, vec![image])], at(1))
        .await
        .unwrap();
    transaction.commit().await.unwrap();
    let archive = &store.archive;
    let page = archive.download_page(&uuid, "a.zip", 9).await.unwrap();
    assert_eq!(page.len(), 1);
    assert_eq!(page[0].1.content, Some((HASH.to_owned(), 3)));
    let page = archive.download_page(&uuid, "", 1).await.unwrap();
    assert_eq!((page[0].0.as_str(), &page[0].1.content), ("a.zip", &None));
    let file = archive.download_file(&uuid, HASH).await.unwrap().unwrap();
    assert_eq!(file.name, "b.zip");
    assert!(archive.images_at(&uuid, &[url]).await.unwrap().is_empty());
    assert!(!archive.is_image_of(&uuid, HASH).await.unwrap());
    let mut transaction = store.begin().await;
    transaction
        .set_image_blob(&uuid, url, "image/png", HASH, at(2))
        .await
        .unwrap();
    transaction.commit().await.unwrap();
    let images = archive.images_at(&uuid, &[url, "https://x/"]).await;
    let images = images.unwrap();
    assert_eq!(images.len(), 1);
    assert_eq!(images[url].blob, HASH);
    assert_eq!(images[url].media_type.as_deref(), Some("image/png"));
    assert!(archive.is_image_of(&uuid, HASH).await.unwrap());
    assert!(
        !archive
            .is_image_of(&repository_uuid(2), HASH)
            .await
            .unwrap()
    );
}

#[tokio::test]
async fn people_are_called_as_the_repository_knows_them() {
    let Some((store, uuid)) = with_repository().await else {
        return;
    };
    let anna = account_uuid(1);
    let import = store.start_import(1, &name()).await;
    let named = |display_name| {
        let mut record = account(&anna, "{}");
        record.display_name = Some(display_name);
        vec![record]
    };
    store.put_accounts(&uuid, import, named("Anna")).await;
    let other = repository_uuid(2);
    let name = "boats/oar".parse().unwrap();
    store.put_repository_as(&other, &name, "{}").await;
    let import = store.start_import(2, &name).await;
    store
        .put_accounts(&other, import, named("Captain Anna"))
        .await;
    let mention = Mention::Uuid(anna.clone());
    let mentions = BTreeSet::from([mention.clone()]);
    for (uuid, expected) in [(&uuid, "Anna"), (&other, "Captain Anna")] {
        let repository = store.archive.repository_by_uuid(uuid).await.unwrap();
        let repository = repository.unwrap();
        let people = store.archive.people_mentioned_in(&repository, &mentions);
        assert_eq!(people.await.unwrap()[&mention].name(), expected);
    }
}
