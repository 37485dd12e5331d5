//! Images that texts link to, and which texts are still to be looked at.

#![expect(
    clippy::unwrap_used,
    reason = "a helper that fails is a test that fails"
)]

use bucketload_archive::{Blob, ImageTally, LinkedImage, StoredText};
use bucketload_model::{GapReason, RepositoryUuid, Stage};

use super::with_repository;
use crate::support::{Store, at, comment, pull_request};

const HASH: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
const HOSTS: [&str; 1] = ["example.org"];

/// Takes all texts that are to be looked at, and notes what each links to.
async fn look(store: &Store, uuid: &RepositoryUuid, names: &[&str]) -> Vec<StoredText> {
    let mut taken = Vec::new();
    loop {
        let mut transaction = store.begin().await;
        let texts = transaction.take_texts(uuid, 2).await.unwrap();
        assert!(texts.len() <= 2);
        if texts.is_empty() {
            transaction.forget_unlinked_images(uuid).await.unwrap();
            transaction.commit().await.unwrap();
            return taken;
        }
        let images: Vec<_> = names.iter().map(|name| image(name)).collect();
        let found: Vec<_> = texts
            .iter()
            .map(|text| (text.clone(), images.clone()))
            .collect();
        transaction
            .put_image_links(uuid, &found, at(1))
            .await
            .unwrap();
        transaction.commit().await.unwrap();
        taken.extend(texts);
    }
}

fn image(name: &str) -> LinkedImage {
    let host = name.split_once('/').map_or("example.org", |(host, _)| host);
    LinkedImage {
        url: format!("https://{host}/{name}"),
        host: host.to_owned(),
    }
}

async fn tally(store: &Store, uuid: &RepositoryUuid) -> (u64, u64, u64) {
    let ImageTally {
        expected,
        stored,
        left_out,
    } = store.archive.tally_images(uuid, &HOSTS).await.unwrap();
    (expected, stored, left_out)
}

#[tokio::test]
async fn a_text_is_looked_at_once_until_it_changes() {
    let Some((store, uuid)) = with_repository().await else {
        return;
    };
    let pull_requests = [1, 2, 3].map(|id| pull_request(id, Some(0), "{}"));
    store.put_pull_requests(&uuid, &pull_requests).await;
    let comments = [comment(10, "{}"), comment(11, "{}")];
    store.put_comments(&uuid, 1, &comments).await;
    let mut keys = Vec::new();
    for text in look(&store, &uuid, &[]).await {
        keys.push((text.stage, text.parent, text.id));
    }
    keys.sort_unstable();
    let expected = [
        (Stage::Repository, 0, 0),
        (Stage::PullRequests, 0, 1),
        (Stage::PullRequests, 0, 2),
        (Stage::PullRequests, 0, 3),
        (Stage::PullRequestComments, 1, 10),
        (Stage::PullRequestComments, 1, 11),
    ];
    assert_eq!(keys, expected);
    // As they were, and one that is another.
    store.put_pull_requests(&uuid, &pull_requests).await;
    let changed = [comment(10, "{}"), comment(11, "{\"new\":1}")];
    store.put_comments(&uuid, 1, &changed).await;
    let texts = look(&store, &uuid, &[]).await;
    let [text] = texts.as_slice() else {
        panic!("{texts:?}");
    };
    assert_eq!((text.id, text.source.as_str()), (11, "{\"new\":1}"));
}

#[tokio::test]
async fn images_are_counted_by_their_host_and_named_with_their_texts() {
    let Some((store, uuid)) = with_repository().await else {
        return;
    };
    store
        .put_pull_requests(&uuid, &[1, 2].map(|id| pull_request(id, Some(0), "{}")))
        .await;
    let long = "x".repeat(4000);
    look(&store, &uuid, &["a.png", &long, "other.example/b.png"]).await;
    assert_eq!(tally(&store, &uuid).await, (2, 0, 1));
    let archive = &store.archive;
    let others = archive.foreign_image_hosts(&uuid, &HOSTS).await.unwrap();
    assert_eq!(others, [("other.example".to_owned(), 1)]);
    for url in [image("a.png").url, image(&long).url] {
        let (links, count) = archive.image_links(&uuid, &url, 2).await.unwrap();
        let ids: Vec<_> = links.iter().map(|link| (link.stage, link.id)).collect();
        assert_eq!(ids, [(Stage::PullRequests, 1), (Stage::PullRequests, 2)]);
        assert_eq!(count, 3, "the description of the repository is the third");
    }
    let mut transaction = store.begin().await;
    let blob = Blob {
        sha256: HASH.to_owned(),
        size_bytes: 3,
    };
    transaction.put_blob(&blob).await.unwrap();
    let url = image("a.png").url;
    transaction
        .set_image_blob(&uuid, &url, "image/png", HASH, at(2))
        .await
        .unwrap();
    let refused = Some((GapReason::NotFound, "gone"));
    for url in [&url, &image(&long).url] {
        transaction
            .set_image_refused(&uuid, url, refused)
            .await
            .unwrap();
    }
    transaction.commit().await.unwrap();
    assert_eq!(tally(&store, &uuid).await, (2, 1, 1));
    let images = archive.images(&uuid, &HOSTS).await.unwrap();
    let known: Vec<_> = images
        .iter()
        .map(|image| (image.blob.is_some(), image.refused.is_some()))
        .collect();
    assert_eq!(
        known,
        [(true, false), (false, true)],
        "what is there is not refused"
    );
}

#[tokio::test]
async fn an_image_without_a_text_is_forgotten_unless_it_is_there() {
    let Some((store, uuid)) = with_repository().await else {
        return;
    };
    look(&store, &uuid, &["a.png", "b.png"]).await;
    let mut transaction = store.begin().await;
    let blob = Blob {
        sha256: HASH.to_owned(),
        size_bytes: 3,
    };
    transaction.put_blob(&blob).await.unwrap();
    let url = image("a.png").url;
    transaction
        .set_image_blob(&uuid, &url, "image/png", HASH, at(2))
        .await
        .unwrap();
    transaction.commit().await.unwrap();
    store.put_repository(&uuid, "{\"new\":1}").await;
    assert_eq!(look(&store, &uuid, &[]).await.len(), 1);
    assert_eq!(tally(&store, &uuid).await, (1, 1, 0));
}
