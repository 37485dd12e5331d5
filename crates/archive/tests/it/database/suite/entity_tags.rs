//! A tag counts while exactly what it came with is stored.

#![expect(
    clippy::unwrap_used,
    reason = "a helper that fails is a test that fails"
)]

use bucketload_archive::Tagged;
use bucketload_model::{RepositoryName, WorkspaceSlug};

use super::with_repository;
use crate::support::{Store, name, repository_uuid};

const URL: &str = "https://api.bitbucket.org/2.0/repositories/teapots/kettle";

async fn tag(store: &Store, of: Tagged<'_>) -> Option<String> {
    store.archive.entity_tag(URL, of).await.unwrap()
}

async fn put(store: &Store, tag: Option<&str>, of: Tagged<'_>) {
    let mut transaction = store.begin().await;
    transaction.put_entity_tag(URL, tag, of).await.unwrap();
    transaction.commit().await.unwrap();
}

#[tokio::test]
async fn a_repository_that_is_written_anew_loses_its_tag() {
    let Some((store, uuid)) = with_repository().await else {
        return;
    };
    let name = name();
    let of = Tagged::Repository(&uuid, &name);
    assert_eq!(tag(&store, of).await, None);
    put(&store, Some("\"one\""), of).await;
    assert_eq!(tag(&store, of).await.as_deref(), Some("\"one\""));
    // Written as it was.
    store.put_repository(&uuid, "{}").await;
    assert!(tag(&store, of).await.is_some());
    store.put_repository(&uuid, r#"{"a":1}"#).await;
    assert_eq!(tag(&store, of).await, None);
}

#[tokio::test]
async fn another_name_and_another_repository_have_no_tag_of_this_one() {
    let Some((store, uuid)) = with_repository().await else {
        return;
    };
    let name = name();
    let of = Tagged::Repository(&uuid, &name);
    put(&store, Some("\"one\""), of).await;
    // The name goes to another repository, with the same text by chance.
    let other = repository_uuid(2);
    store.put_repository(&other, "{}").await;
    assert_eq!(tag(&store, Tagged::Repository(&other, &name)).await, None);
    assert!(tag(&store, of).await.is_some());
    // The first one moves away.
    let moved: RepositoryName = "teapots/samovar".parse().unwrap();
    store.put_repository_as(&uuid, &moved, "{}").await;
    assert_eq!(tag(&store, of).await, None);
}

#[tokio::test]
async fn an_answer_without_a_tag_takes_the_old_one_away() {
    let Some((store, uuid)) = with_repository().await else {
        return;
    };
    let name = name();
    let of = Tagged::Repository(&uuid, &name);
    put(&store, Some("\"one\""), of).await;
    put(&store, None, of).await;
    assert_eq!(tag(&store, of).await, None);
}

#[tokio::test]
async fn what_is_not_stored_has_no_tag() {
    let Some((store, _)) = with_repository().await else {
        return;
    };
    let workspace: WorkspaceSlug = "teapots".parse().unwrap();
    let of = Tagged::Members(&workspace);
    put(&store, Some("\"none\""), of).await;
    assert_eq!(tag(&store, of).await, None);
    assert_eq!(store.count("entity_tags").await, 0);
}

#[tokio::test]
async fn a_tag_that_is_rolled_back_never_was() {
    let Some((store, uuid)) = with_repository().await else {
        return;
    };
    let name = name();
    let of = Tagged::Repository(&uuid, &name);
    let mut transaction = store.begin().await;
    let put = transaction.put_entity_tag(URL, Some("\"one\""), of);
    put.await.unwrap();
    drop(transaction);
    assert_eq!(tag(&store, of).await, None);
}
