//! A new key.

use bucketload_archive::{CredentialSecret, CredentialStore};
use bucketload_auth::Sealer;

use super::{Fixture, new};

fn with(fixture: &Fixture, sealer: Sealer) -> CredentialStore {
    CredentialStore::new(fixture.archive.clone(), sealer, fixture.clock.clone())
}

#[tokio::test]
async fn everything_is_sealed_anew_and_the_old_key_opens_nothing() {
    let fixture = Fixture::new().await;
    let token = CredentialSecret::AccessToken("s3cret".to_owned().into());
    let one = fixture.store.add(&new("one", token)).await.unwrap();
    let grant = fixture.grant().await;

    let rotation = fixture.data_dir.rotate_secret_key().unwrap();
    let new_sealer = Sealer::new(rotation.new.clone());
    assert_eq!(fixture.store.seal_anew(&new_sealer).await.unwrap(), 2);
    let new_id = rotation.new.id().to_string();
    assert_eq!(fixture.archive.sealing_keys().await.unwrap(), [new_id]);
    rotation.end().unwrap();

    let key = fixture.data_dir.secret_key().unwrap().unwrap();
    let store = with(&fixture, Sealer::new(key));
    store.source(one, None).await.unwrap();
    let source = store.source(grant, Some(&fixture.client())).await.unwrap();
    source.current().await.unwrap();
    fixture.store.source(one, None).await.unwrap_err();
}

#[tokio::test]
async fn killed_in_the_middle_both_keys_together_open_everything() {
    let fixture = Fixture::new().await;
    let token = CredentialSecret::AccessToken("s3cret".to_owned().into());
    let one = fixture.store.add(&new("one", token)).await.unwrap();
    // Sealed anew, and dead before the files changed places.
    let rotation = fixture.data_dir.rotate_secret_key().unwrap();
    let next = Sealer::new(rotation.new.clone());
    fixture.store.seal_anew(&next).await.unwrap();
    drop(rotation);

    let key = fixture.data_dir.secret_key_or_new().unwrap();
    let next = fixture.data_dir.next_secret_key().unwrap().unwrap();
    let both = Sealer::new(key).opening_also(next);
    let store = with(&fixture, both);
    store.source(one, None).await.unwrap();

    // The next attempt ends it.
    let rotation = fixture.data_dir.rotate_secret_key().unwrap();
    let new = Sealer::new(rotation.new.clone());
    store.seal_anew(&new).await.unwrap();
    let key = rotation.end().unwrap();
    with(&fixture, Sealer::new(key))
        .source(one, None)
        .await
        .unwrap();
}

#[tokio::test]
async fn what_cannot_be_opened_is_left_as_it_is() {
    let fixture = Fixture::new().await;
    let token = CredentialSecret::AccessToken("s3cret".to_owned().into());
    let one = fixture.store.add(&new("one", token)).await.unwrap();
    let other = with(&fixture, super::other_key());
    let token = CredentialSecret::AccessToken("s3cret".to_owned().into());
    other.add(&new("two", token)).await.unwrap();
    fixture
        .store
        .seal_anew(&super::other_key())
        .await
        .unwrap_err();
    // Not even the one that could be opened.
    fixture.store.source(one, None).await.unwrap();
    assert_eq!(fixture.archive.sealing_keys().await.unwrap().len(), 2);
}
