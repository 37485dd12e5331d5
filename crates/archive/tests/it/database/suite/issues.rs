//! Issues of two origins, and who gives way to whom.

use bucketload_archive::{
    AttachmentRecord, Blob, ChangeRecord, FieldRecord, IssueCommentRecord, IssueCounts,
    IssueExportRecord, IssueOrigin, IssueRecord, Parents, provisional_repository,
};
use bucketload_model::{CommentId, IssueChangeId, IssueId, RepositoryUuid, Stage};

use super::{store, with_repository};
use crate::support::{Store, at, name, repository_uuid};

const ONLINE: IssueOrigin = IssueOrigin::Bitbucket;
const EXPORT: IssueOrigin = IssueOrigin::IssueExport;

const HASH: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

fn issue<'a>(id: i64, updated_on: &'a str, source: &'a str) -> IssueRecord<'a> {
    IssueRecord {
        id: IssueId(id),
        title: Some("It\0boils over"),
        state: Some("new"),
        kind: None,
        priority: None,
        reporter: None,
        created_on: None,
        updated_on: Some(updated_on),
        source,
    }
}

fn comment(id: i64, source: &str) -> IssueCommentRecord<'_> {
    IssueCommentRecord {
        id: CommentId(id),
        issue: IssueId(1),
        author: None,
        created_on: None,
        updated_on: None,
        source,
    }
}

fn change<'a>(id: i64, field: &'a str, source: &'a str) -> ChangeRecord<'a> {
    ChangeRecord {
        id: IssueChangeId(id),
        issue: IssueId(1),
        field,
        created_on: None,
        source,
    }
}

fn attachment<'a>(name: &'a str, blob: Option<&'a str>, source: &'a str) -> AttachmentRecord<'a> {
    AttachmentRecord {
        issue: IssueId(1),
        name,
        blob,
        source,
    }
}

#[expect(
    clippy::unwrap_used,
    reason = "a helper that fails is a test that fails"
)]
async fn put(store: &Store, uuid: &RepositoryUuid, origin: IssueOrigin, source: &str) -> u64 {
    let mut transaction = store.begin().await;
    let issues = [issue(1, "2020", source)];
    let put = transaction.put_issues(uuid, origin, &issues);
    let mut written = put.await.unwrap();
    let comments = [comment(10, source)];
    let put = transaction.put_issue_comments(uuid, origin, &comments);
    written += put.await.unwrap();
    let changes: &[_] = match origin {
        IssueOrigin::Bitbucket => &[change(10, "", source)],
        IssueOrigin::IssueExport => &[
            change(10, "status", source),
            change(10, "kind", source),
            change(10, "kind", source),
        ],
    };
    let put = transaction.put_issue_changes(uuid, origin, changes);
    written += put.await.unwrap();
    let fields = [FieldRecord {
        kind: "version",
        name: "1.0",
        source,
    }];
    let put = transaction.put_issue_fields(uuid, origin, &fields);
    written += put.await.unwrap();
    transaction.commit().await.unwrap();
    written
}

async fn origins(store: &Store) -> Vec<String> {
    store
        .column(
            "select origin || ' ' || source from issues union
             select origin || ' ' || source from issue_comments union
             select origin || ' ' || source from issue_changes union
             select origin || ' ' || source from issue_fields order by 1",
        )
        .await
}

#[tokio::test]
async fn what_bitbucket_sent_takes_the_place_of_an_export_and_keeps_it() {
    let Some((store, uuid)) = with_repository().await else {
        return;
    };
    assert_eq!(put(&store, &uuid, EXPORT, "{\"e\":1}").await, 6);
    assert_eq!(put(&store, &uuid, EXPORT, "{\"e\":1}").await, 0);
    assert_eq!(origins(&store).await, ["issue_export {\"e\":1}"]);
    let counts = store.archive.count_issues(&uuid).await.unwrap();
    assert_eq!(counts.changes, 3);
    assert_eq!(put(&store, &uuid, ONLINE, "{\"o\":1}").await, 4);
    assert_eq!(origins(&store).await, ["bitbucket {\"o\":1}"]);
    assert_eq!(put(&store, &uuid, EXPORT, "{\"e\":2}").await, 0);
    assert_eq!(origins(&store).await, ["bitbucket {\"o\":1}"]);
    let counts = store.archive.count_issues(&uuid).await.unwrap();
    let expected = IssueCounts {
        issues: 1,
        comments: 1,
        changes: 1,
        attachments: 0,
    };
    assert_eq!(counts, expected);
}

#[tokio::test]
async fn of_two_exports_the_newer_form_is_kept() {
    let Some((store, uuid)) = with_repository().await else {
        return;
    };
    for (updated_on, source, expected) in [
        ("2020-02", "{\"new\":1}", "{\"new\":1}"),
        ("2020-01", "{\"old\":1}", "{\"new\":1}"),
        ("2020-02", "{\"last\":1}", "{\"last\":1}"),
    ] {
        let mut transaction = store.begin().await;
        let records = [issue(7, updated_on, source)];
        let put = transaction.put_issues(&uuid, EXPORT, &records);
        put.await.unwrap();
        transaction.commit().await.unwrap();
        assert_eq!(store.column("select source from issues").await, [expected]);
    }
}

#[tokio::test]
async fn attachments_of_any_name_are_told_apart_and_keep_their_content() {
    let Some((store, uuid)) = with_repository().await else {
        return;
    };
    let long = "x".repeat(4000);
    let names = ["../../etc/passwd", "a\0b", "\u{202e}gpj.exe", "", &long];
    let mut records: Vec<_> = names
        .iter()
        .map(|name| attachment(name, None, "{}"))
        .collect();
    records.push(attachment("", Some(HASH), "{\"second\":1}"));
    let mut transaction = store.begin().await;
    let blob = Blob {
        sha256: HASH.to_owned(),
        size_bytes: 3,
    };
    assert!(transaction.put_blob(&blob).await.unwrap());
    assert!(!transaction.put_blob(&blob).await.unwrap());
    let put = transaction.put_issue_attachments(&uuid, EXPORT, &records);
    assert_eq!(put.await.unwrap(), 6);
    // Bitbucket has the second one, too, and its content no more.
    let online = [
        attachment("", None, "{\"first\":2}"),
        attachment("", None, "{\"second\":2}"),
    ];
    let put = transaction.put_issue_attachments(&uuid, ONLINE, &online);
    assert_eq!(put.await.unwrap(), 2);
    transaction.commit().await.unwrap();
    assert_eq!(store.archive.count_attachments(&uuid).await.unwrap(), 6);
    let missing = store.archive.missing_attachments(&uuid).await.unwrap();
    assert_eq!(missing.len(), 5);
    assert_eq!(missing.iter().filter(|one| one.is_online).count(), 1);
    let kept = "select source from issue_attachments where blob_sha256 is not null";
    assert_eq!(store.column(kept).await, ["{\"second\":2}"]);
    // An export brings what Bitbucket had no content for.
    let mut transaction = store.begin().await;
    let records = [attachment("", Some(HASH), "{\"first\":1}")];
    let put = transaction.put_issue_attachments(&uuid, EXPORT, &records);
    assert_eq!(put.await.unwrap(), 1);
    transaction.commit().await.unwrap();
    let kept = "select origin || source from issue_attachments
        where blob_sha256 is not null order by number";
    let expected = ["bitbucket{\"first\":2}", "bitbucket{\"second\":2}"];
    assert_eq!(store.column(kept).await, expected);
    assert_eq!(store.archive.blobs().await.unwrap(), [blob]);
}

#[tokio::test]
async fn more_changes_than_one_statement_takes() {
    let Some((store, uuid)) = with_repository().await else {
        return;
    };
    let changes: Vec<_> = (0..1200).map(|id| change(id / 400, "kind", "{}")).collect();
    for origin in [EXPORT, ONLINE, EXPORT] {
        let mut transaction = store.begin().await;
        let put = transaction.put_issue_changes(&uuid, origin, &changes);
        put.await.unwrap();
        transaction.commit().await.unwrap();
        assert_eq!(store.count("issue_changes").await, 1200);
    }
}

#[tokio::test]
async fn what_came_before_bitbucket_told_of_a_repository_becomes_its_own() {
    let Some(store) = store().await else {
        return;
    };
    let name = name();
    let provisional = provisional_repository(&name).unwrap();
    store.put_repository(&provisional, "{}").await;
    put(&store, &provisional, EXPORT, "{\"e\":1}").await;
    let mut transaction = store.begin().await;
    let record = IssueExportRecord {
        sha256: HASH.to_owned(),
        taken_at: at(1),
        counts: IssueCounts::default(),
    };
    transaction
        .put_issue_export(&provisional, &record)
        .await
        .unwrap();
    let second = [issue(2, "2021", "{\"e\":1}")];
    let put_second = transaction.put_issues(&provisional, EXPORT, &second);
    put_second.await.unwrap();
    transaction.commit().await.unwrap();

    // It was known under another name, and one of its issues, too.
    let uuid = repository_uuid(1);
    let other = "teapots/old-kettle".parse().unwrap();
    store.put_repository_as(&uuid, &other, "{}").await;
    put(&store, &uuid, ONLINE, "{\"o\":1}").await;
    let mut transaction = store.begin().await;
    let adopt = transaction.adopt_issue_export(&name, &uuid);
    assert!(adopt.await.unwrap());
    let adopt = transaction.adopt_issue_export(&name, &uuid);
    assert!(!adopt.await.unwrap());
    transaction.commit().await.unwrap();
    let sources = "select source from issues order by id";
    let expected = ["{\"o\":1}", "{\"e\":1}"];
    assert_eq!(store.column(sources).await, expected);
    assert_eq!(store.count("issue_changes").await, 1);
    assert_eq!(store.count("repositories").await, 1);
    let exports = store.archive.issue_exports(&uuid).await.unwrap();
    assert_eq!(exports, [record]);
}

#[tokio::test]
async fn what_belongs_to_a_listed_issue_becomes_pending_once() {
    let Some((store, uuid)) = with_repository().await else {
        return;
    };
    let listed = |id, updated_on: &'static str, source: &'static str| IssueRecord {
        created_on: Some("2020-01"),
        ..issue(id, updated_on, source)
    };
    // One from an export is Bitbucket's from now on.
    put(&store, &uuid, EXPORT, "{\"e\":1}").await;
    let page = [
        listed(1, "2020-02", "{\"o\":1}"),
        listed(2, "2020-01", "{\"o\":2}"),
    ];
    let mut stored = Vec::new();
    for _ in 0..2 {
        let mut transaction = store.begin().await;
        let put = transaction.put_listed_issues(&uuid, &page);
        let put = put.await.unwrap();
        stored.push((put.inserted, put.updated));
        transaction.commit().await.unwrap();
    }
    assert_eq!(stored, [(2, 0), (0, 0)]);
    let pending = async |stage| {
        let pending = store.archive.pending(&uuid, stage, i64::MIN, 9).await;
        let pending = pending.unwrap().into_iter();
        pending.map(|parent| parent.id).collect::<Vec<_>>()
    };
    assert_eq!(pending(Stage::IssueComments).await, [1, 2]);
    assert_eq!(pending(Stage::IssueAttachments).await, [1, 2]);
    // The other was never changed, and that is known without asking.
    assert_eq!(pending(Stage::IssueChanges).await, [1]);
    let mut transaction = store.begin().await;
    let added = transaction.add_pending_without_list(&uuid, Stage::IssueChanges, Parents::Issues);
    assert_eq!(added.await.unwrap(), 0);
    let changed = [listed(2, "2020-03", "{\"o\":3}")];
    let put = transaction.put_listed_issues(&uuid, &changed);
    let put = put.await.unwrap();
    assert_eq!((put.inserted, put.updated), (0, 1));
    transaction.commit().await.unwrap();
    assert_eq!(pending(Stage::IssueChanges).await, [1, 2]);
}

#[tokio::test]
async fn what_bitbucket_reported_is_held_against_what_it_sent() {
    let Some((store, uuid)) = with_repository().await else {
        return;
    };
    put(&store, &uuid, EXPORT, "{\"e\":1}").await;
    let tallies = store.archive.tally_issues(&uuid).await.unwrap();
    assert_eq!(tallies.online, IssueCounts::default());
    put(&store, &uuid, ONLINE, "{\"o\":1}").await;
    let mut transaction = store.begin().await;
    let files = [
        attachment("a.png", None, "{}"),
        attachment("b.png", None, "{}"),
    ];
    let put = transaction.put_issue_attachments(&uuid, ONLINE, &files);
    put.await.unwrap();
    for (stage, reported) in [
        (Stage::IssueComments, 3),
        (Stage::IssueChanges, 1),
        (Stage::IssueAttachments, 2),
    ] {
        let set = transaction.set_reported(&uuid, stage, 1, Some(reported));
        set.await.unwrap();
    }
    transaction.commit().await.unwrap();
    let tallies = store.archive.tally_issues(&uuid).await.unwrap();
    let counts = |issues, comments, changes, attachments| IssueCounts {
        issues,
        comments,
        changes,
        attachments,
    };
    // A file counts with its content.
    assert_eq!(tallies.online, counts(1, 1, 1, 0));
    assert_eq!(tallies.reported, counts(0, 3, 1, 2));
    for (stage, expected) in [
        (Stage::IssueComments, vec![(IssueId(1), (1, 3))]),
        (Stage::IssueChanges, vec![]),
        (Stage::IssueAttachments, vec![]),
    ] {
        let missing = store.archive.issues_with_missing_children(&uuid, stage);
        let missing = missing.await.unwrap().into_iter();
        let missing: Vec<_> = missing
            .map(|(issue, tally)| (issue, (tally.stored, tally.expected)))
            .collect();
        assert_eq!(missing, expected, "{stage}");
    }
}
