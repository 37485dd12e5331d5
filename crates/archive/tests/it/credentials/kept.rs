//! What is kept, and what somebody finds who stole it.

use bucketload_archive::{CredentialError, CredentialSecret, CredentialStore};
use bucketload_auth::{CredentialKind, OpenError};
use bucketload_simulator::OAuthConsumer;
use secrecy::ExposeSecret as _;
use sqlx::ConnectOptions as _;
use sqlx::sqlite::SqliteConnectOptions;

use super::{Fixture, new, other_key};

fn access_token(text: &str) -> CredentialSecret {
    CredentialSecret::AccessToken(text.to_owned().into())
}

fn api_token(text: &str) -> CredentialSecret {
    CredentialSecret::ApiToken {
        email: "ada@example.org".to_owned(),
        token: text.to_owned().into(),
    }
}

#[tokio::test]
async fn each_kind_comes_back_as_it_went_in() {
    let fixture = Fixture::new().await;
    let store = &fixture.store;
    let first = store
        .add(&new("one", access_token("s3cret-1")))
        .await
        .unwrap();
    let second = store.add(&new("two", api_token("s3cret-2"))).await.unwrap();
    let grant = fixture.grant().await;

    for (id, header) in [(first, "Bearer s3cret-1"), (second, "Basic ")] {
        let source = store.source(id, None).await.unwrap();
        let signed = source.current().await.unwrap();
        let value = signed.credential.rest_authorization().unwrap();
        assert!(value.expose_secret().starts_with(header));
    }
    let source = fixture.source(grant).await;
    source.current().await.unwrap();

    let records = fixture.archive.credentials().await.unwrap();
    assert!(records.iter().all(|record| record.used_at.is_some()));
    for (id, kind) in [
        (first, CredentialKind::AccessToken),
        (second, CredentialKind::ApiToken),
        (grant, CredentialKind::OAuthGrant),
    ] {
        let record = fixture.archive.credential(id).await.unwrap().unwrap();
        assert_eq!(record.kind, kind);
        assert!(records.contains(&record));
    }
    let record = fixture.archive.credential(grant).await.unwrap().unwrap();
    assert_eq!(record.consumer.as_deref(), Some(OAuthConsumer::DEFAULT_ID));
    assert!(record.scopes.contains(&"pullrequest".to_owned()));
    assert!(!format!("{records:?} {source:?}").contains("s3cret"));

    assert!(fixture.archive.remove_credential(first).await.unwrap());
    assert!(!fixture.archive.remove_credential(first).await.unwrap());
    let error = store.source(first, None).await.unwrap_err();
    assert!(matches!(error, CredentialError::Unknown), "{error:?}");
}

#[tokio::test]
async fn labels_are_one_owners_own() {
    let fixture = Fixture::new().await;
    let store = &fixture.store;
    store.add(&new("work", access_token("a"))).await.unwrap();
    let error = store
        .add(&new("work", access_token("b")))
        .await
        .unwrap_err();
    assert!(
        matches!(error, CredentialError::LabelTaken { .. }),
        "{error:?}"
    );
    let mut of_another = new("work", access_token("c"));
    of_another.owner = Some("somebody".to_owned());
    store.add(&of_another).await.unwrap();
    store.add(&of_another).await.unwrap_err();
}

#[tokio::test]
async fn a_stolen_database_opens_nothing() {
    let fixture = Fixture::new().await;
    let id = fixture
        .store
        .add(&new("one", access_token("s3cret-1")))
        .await
        .unwrap();
    let tokens = fixture.sign_in().await;
    let secrets = [
        "s3cret-1".to_owned(),
        tokens.access_token.expose_secret().to_owned(),
        tokens
            .refresh_token
            .as_ref()
            .unwrap()
            .expose_secret()
            .to_owned(),
    ];
    let grant = CredentialSecret::Grant {
        consumer: "c".to_owned(),
        tokens,
    };
    fixture.store.add(&new("two", grant)).await.unwrap();
    for name in ["bucketload.db", "bucketload.db-wal"] {
        let bytes = std::fs::read(fixture.data_dir.root().join(name)).unwrap();
        for secret in &secrets {
            // Also of a long token no part.
            let part = &secret.as_bytes()[..secret.len().min(24)];
            assert!(!bytes.windows(part.len()).any(|it| it == part), "{name}");
        }
    }

    let thief = CredentialStore::new(fixture.archive.clone(), other_key(), fixture.clock.clone());
    match thief.source(id, None).await.unwrap_err() {
        CredentialError::Sealed {
            source: OpenError::OtherKey { sealed_with, .. },
            ..
        } => assert_eq!(sealed_with, *fixture.store.sealer().key_id()),
        error => panic!("{error:?}"),
    }
}

#[tokio::test]
async fn a_secret_that_was_moved_to_another_row_stays_shut() {
    let fixture = Fixture::new().await;
    let store = &fixture.store;
    let mine = store.add(&new("mine", access_token("a"))).await.unwrap();
    store.add(&new("yours", access_token("b"))).await.unwrap();
    let mut side = SqliteConnectOptions::new()
        .filename(fixture.data_dir.root().join("bucketload.db"))
        .connect()
        .await
        .unwrap();
    sqlx::query(
        "update credentials set secret =
             (select secret from credentials where label = 'yours') where label = 'mine'",
    )
    .execute(&mut side)
    .await
    .unwrap();
    let error = store.source(mine, None).await.unwrap_err();
    assert!(
        matches!(
            error,
            CredentialError::Sealed {
                source: OpenError::Damaged,
                ..
            }
        ),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_grant_wants_its_own_consumer() {
    let fixture = Fixture::new().await;
    let grant = CredentialSecret::Grant {
        consumer: "another".to_owned(),
        tokens: fixture.sign_in().await,
    };
    let id = fixture.store.add(&new("grant", grant)).await.unwrap();
    for client in [None, Some(&fixture.client())] {
        let error = fixture.store.source(id, client).await.unwrap_err();
        assert!(
            matches!(&error, CredentialError::OtherConsumer { consumer, .. } if consumer == "another"),
            "{error:?}"
        );
    }
}
