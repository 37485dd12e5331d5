//! Wikis that are in the archive.

#![expect(
    clippy::unwrap_used,
    reason = "a helper that fails is a test that fails"
)]

use bucketload_archive::{StoredWiki, WikiOrigin, provisional_repository};

use super::with_repository;
use crate::support::{Store, name, repository_uuid};

async fn put(store: &Store, repository: &bucketload_model::RepositoryUuid, wiki: StoredWiki) {
    let mut transaction = store.begin().await;
    transaction.put_wiki(repository, wiki).await.unwrap();
    transaction.commit().await.unwrap();
}

#[tokio::test]
async fn the_last_word_about_a_wiki_counts() {
    let Some((store, uuid)) = with_repository().await else {
        return;
    };
    assert_eq!(store.archive.wiki(&uuid).await.unwrap(), None);
    for (origin, refs) in [(WikiOrigin::Copy, 3), (WikiOrigin::Bitbucket, 2)] {
        let wiki = StoredWiki { origin, refs };
        put(&store, &uuid, wiki).await;
        assert_eq!(store.archive.wiki(&uuid).await.unwrap(), Some(wiki));
    }
    let other = store.archive.wiki(&repository_uuid(2)).await.unwrap();
    assert_eq!(other, None);
}

#[tokio::test]
async fn a_wiki_that_was_kept_under_a_name_goes_to_the_repository_of_that_name() {
    let Some((store, uuid)) = with_repository().await else {
        return;
    };
    let name = name();
    let provisional = provisional_repository(&name).unwrap();
    store.put_repository(&provisional, "{}").await;
    let wiki = StoredWiki {
        origin: WikiOrigin::Copy,
        refs: 3,
    };
    put(&store, &provisional, wiki).await;
    let mut transaction = store.begin().await;
    transaction.adopt_issue_export(&name, &uuid).await.unwrap();
    transaction.commit().await.unwrap();
    assert_eq!(store.archive.wiki(&uuid).await.unwrap(), Some(wiki));
    assert_eq!(store.archive.wiki(&provisional).await.unwrap(), None);
}
