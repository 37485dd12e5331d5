//! Versions of objects, which are held against those of Bitbucket.

use bucketload_archive::{IssueOrigin, IssueRecord, PullRequestRecord, StoredVersion};
use bucketload_model::{IssueId, Stage};

use super::with_repository;
use crate::support::pull_request;

#[tokio::test]
async fn versions_are_those_of_the_objects_that_are_asked_for() {
    let Some((store, uuid)) = with_repository().await else {
        return;
    };
    let moved = |id, count, updated_on| PullRequestRecord {
        created_on: Some(updated_on),
        updated_on: Some(updated_on),
        ..pull_request(id, count, "{}")
    };
    let pull_requests = [
        moved(1, Some(2), "2026-01-01T00:00:00.000001+00:00"),
        moved(2, None, "2026-01-02T00:00:00.000001+00:00"),
        moved(3, Some(0), "2026-01-03T00:00:00.000001+00:00"),
    ];
    store.put_pull_requests(&uuid, &pull_requests).await;
    let versions = store
        .archive
        .versions(&uuid, Stage::PullRequests, &[1, 3, 9]);
    let mut versions = versions.await.unwrap();
    versions.sort_by_key(|version| version.id);
    let version = |id, updated_on: &str, comment_count| StoredVersion {
        id,
        updated_on: Some(updated_on.to_owned()),
        comment_count,
    };
    assert_eq!(
        versions,
        [
            version(1, "2026-01-01T00:00:00.000001+00:00", Some(2)),
            version(3, "2026-01-03T00:00:00.000001+00:00", Some(0)),
        ]
    );
    let none = store.archive.versions(&uuid, Stage::PullRequests, &[]);
    assert_eq!(none.await.unwrap(), []);
    for (position, opened) in [(1, Some("2026-01-02T00:00:00.000001+00:00")), (3, None)] {
        let found = store.archive.pull_request_opened_at(&uuid, position).await;
        assert_eq!(found.unwrap().as_deref(), opened);
    }
}

/// What came from an export alone is no version of Bitbucket's.
#[tokio::test]
async fn issues_of_exports_have_no_version() {
    let Some((store, uuid)) = with_repository().await else {
        return;
    };
    let issue = |id| IssueRecord {
        id: IssueId(id),
        title: None,
        state: None,
        kind: None,
        priority: None,
        reporter: None,
        created_on: None,
        updated_on: Some("2026-01-01"),
        source: "{}",
    };
    let mut transaction = store.begin().await;
    for (id, origin) in [(1, IssueOrigin::Bitbucket), (2, IssueOrigin::IssueExport)] {
        let put = transaction.put_issues(&uuid, origin, &[issue(id)]).await;
        assert_eq!(put.unwrap(), 1);
    }
    transaction.commit().await.unwrap();
    let versions = store.archive.versions(&uuid, Stage::Issues, &[1, 2]);
    let expected = StoredVersion {
        id: 1,
        updated_on: Some("2026-01-01".to_owned()),
        comment_count: None,
    };
    assert_eq!(versions.await.unwrap(), [expected]);
}
