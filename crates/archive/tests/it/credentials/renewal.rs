//! A grant is renewed in time, once, and never lost.

use std::time::Duration;

use bucketload_auth::{CredentialSource, GrantError, Signed};
use bucketload_model::ErrorClass;
use bucketload_simulator::{Effect, Fault, OAuthOptions};
use futures::future::join_all;
use secrecy::ExposeSecret as _;

use super::{Fixture, TOKEN_PAGE};

fn token(signed: &Signed) -> String {
    let header = signed.credential.rest_authorization().unwrap();
    header.expose_secret().to_owned()
}

async fn current(source: &CredentialSource) -> String {
    token(&source.current().await.unwrap())
}

fn minutes(minutes: i64) -> chrono::Duration {
    chrono::Duration::minutes(minutes)
}

#[tokio::test]
async fn it_is_renewed_five_minutes_before_its_end() {
    let fixture = Fixture::new().await;
    let id = fixture.grant().await;
    let source = fixture.source(id).await;
    let first = current(&source).await;
    fixture.clock.advance(minutes(54));
    assert_eq!(current(&source).await, first);
    assert_eq!(fixture.refreshes(), 0);

    fixture.clock.advance(minutes(2));
    let second = current(&source).await;
    assert_ne!(second, first);
    assert_eq!(fixture.refreshes(), 1);
    // On the disk before anybody had it in hand.
    assert_eq!(fixture.renewals(id).await, 1);
    assert_eq!(current(&source).await, second);

    // Whoever comes later adopts it.
    let other = fixture.source(id).await;
    assert_eq!(current(&other).await, second);
    assert_eq!(fixture.refreshes(), 1);
}

#[tokio::test]
async fn a_short_life_is_renewed_at_its_half() {
    let fixture = Fixture::new().await;
    fixture.control().set_oauth_options(OAuthOptions {
        access_token_seconds: 4,
        ..OAuthOptions::approved_by("ada")
    });
    let id = fixture.grant().await;
    let source = fixture.source(id).await;
    let first = current(&source).await;
    fixture.clock.advance(chrono::Duration::milliseconds(1_900));
    assert_eq!(current(&source).await, first);
    fixture.clock.advance(chrono::Duration::milliseconds(200));
    assert_ne!(current(&source).await, first);
}

#[tokio::test]
async fn all_tasks_of_all_processes_renew_it_once() {
    let fixture = Fixture::new().await;
    let id = fixture.grant().await;
    // In its margin, where nobody has to wait, and after its end, where all do.
    for (round, wait) in [(1, minutes(57)), (2, minutes(61))] {
        fixture.clock.advance(wait);
        let mut sources = Vec::new();
        for _ in 0..3 {
            let store = fixture.beside().await;
            sources.push(store.source(id, Some(&fixture.client())).await.unwrap());
        }
        let asked = sources
            .iter()
            .flat_map(|source| (0..8).map(|_| async { source.current().await.unwrap() }));
        join_all(asked).await;
        for source in &sources {
            source.settle().await;
        }
        assert_eq!(fixture.refreshes(), round);
        assert_eq!(fixture.renewals(id).await, round);
    }
}

#[tokio::test]
async fn nobody_waits_for_a_renewal_while_the_old_token_lives() {
    let fixture = Fixture::new().await;
    let id = fixture.grant().await;
    let source = fixture.source(id).await;
    let first = current(&source).await;
    let delay = Effect::Delay {
        milliseconds: 3_600_000,
    };
    fixture
        .control()
        .add_fault(Fault::on_path(TOKEN_PAGE, delay));
    fixture.clock.advance(minutes(57));
    let renewing = tokio::spawn({
        let source = source.clone();
        async move { source.current().await }
    });
    fixture.control().wait_for_request(1).await;
    assert_eq!(current(&source).await, first);
    // Another process does not wait either.
    let beside = fixture.beside().await;
    let beside = beside.source(id, Some(&fixture.client())).await.unwrap();
    assert_eq!(current(&beside).await, first);
    assert_eq!(fixture.refreshes(), 1);
    renewing.abort();
}

#[tokio::test]
async fn trouble_is_borne_while_the_old_token_lives_and_told_afterwards() {
    let fixture = Fixture::new().await;
    let id = fixture.grant().await;
    let source = fixture.source(id).await;
    let first = current(&source).await;
    let fault = Fault::on_path(TOKEN_PAGE, Effect::Html { status: 503 });
    fixture.control().add_fault(fault);
    fixture.clock.advance(minutes(56));
    for _ in 0..5 {
        assert_eq!(current(&source).await, first);
    }
    // Not at every request.
    assert_eq!(fixture.refreshes(), 1);
    fixture.clock.advance(chrono::Duration::seconds(6));
    assert_eq!(current(&source).await, first);
    assert_eq!(fixture.refreshes(), 2);
    fixture.clock.advance(chrono::Duration::seconds(6));
    assert_eq!(current(&source).await, first);
    assert_eq!(fixture.refreshes(), 2, "the pause doubles");

    fixture.clock.advance(minutes(5));
    let error = source.current().await.unwrap_err();
    assert!(matches!(error, GrantError::Unavailable(_)), "{error:?}");
    assert_eq!(error.class(), ErrorClass::Transient);
    fixture.control().clear_faults();
    assert_ne!(current(&source).await, first);
}

#[tokio::test]
async fn a_dead_grant_says_so_to_everybody() {
    let fixture = Fixture::new().await;
    let id = fixture.grant().await;
    let source = fixture.source(id).await;
    let grants = fixture.control().grants();
    fixture.control().revoke_grant(grants[0].id).unwrap();
    fixture.clock.advance(minutes(61));
    for _ in 0..2 {
        let error = source.current().await.unwrap_err();
        assert!(matches!(error, GrantError::SignInAgain { .. }), "{error:?}");
        assert_eq!(error.class(), ErrorClass::Unauthorized);
    }
    assert_eq!(fixture.refreshes(), 1, "the dead are not asked twice");
    let record = fixture.archive.credential(id).await.unwrap().unwrap();
    assert!(!record.is_usable());
    let client = fixture.client();
    fixture.store.source(id, Some(&client)).await.unwrap_err();
}

#[tokio::test]
async fn a_wrong_consumer_secret_kills_no_grant() {
    let fixture = Fixture::new().await;
    let id = fixture.grant().await;
    let source = fixture.source(id).await;
    fixture.control().add_fault(Fault::on_path(
        TOKEN_PAGE,
        Effect::Answer {
            status: 401,
            headers: Vec::new(),
            body: r#"{"error": "invalid_client"}"#.to_owned(),
        },
    ));
    fixture.clock.advance(minutes(61));
    let error = source.current().await.unwrap_err();
    assert!(matches!(error, GrantError::Refused(_)), "{error:?}");
    fixture.control().clear_faults();
    source.current().await.unwrap();
}

#[tokio::test]
async fn a_token_that_bitbucket_refuses_is_replaced_once() {
    let fixture = Fixture::new().await;
    let id = fixture.grant().await;
    let source = fixture.source(id).await;
    let refused = source.current().await.unwrap();
    let replaced = join_all((0..8).map(|_| source.after_refusal(&refused))).await;
    let replaced: Vec<_> = replaced
        .into_iter()
        .map(|signed| token(&signed.unwrap().unwrap()))
        .collect();
    assert!(replaced.iter().all(|it| *it == replaced[0]));
    assert_ne!(replaced[0], token(&refused));
    assert_eq!(fixture.refreshes(), 1);
}

#[tokio::test]
async fn who_gives_up_waiting_loses_no_refresh_token() {
    let fixture = Fixture::new().await;
    let id = fixture.grant().await;
    let source = fixture.source(id).await;
    fixture.clock.advance(minutes(61));
    let delay = Effect::Delay { milliseconds: 300 };
    fixture
        .control()
        .add_fault(Fault::on_path(TOKEN_PAGE, delay));
    let impatient = tokio::time::timeout(Duration::from_millis(50), source.current());
    assert!(impatient.await.is_err());
    source.settle().await;
    assert_eq!(fixture.renewals(id).await, 1);
    source.current().await.unwrap();
    assert_eq!(fixture.refreshes(), 1);
}

/// Neither the death of a process nor its lease is known to the next one.
#[tokio::test]
async fn a_renewal_that_died_is_done_again_in_the_grace() {
    let fixture = Fixture::new().await;
    let id = fixture.grant().await;
    fixture.clock.advance(minutes(61));
    let delay = Effect::Delay {
        milliseconds: 3_600_000,
    };
    fixture
        .control()
        .add_fault(Fault::on_path(TOKEN_PAGE, delay).times(1));
    // A runtime of its own, which is torn down in the middle.
    let (store, client) = (fixture.beside().await, fixture.client());
    let source = store.source(id, Some(&client)).await.unwrap();
    let dying = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    dying.spawn(async move { source.current().await });
    fixture.control().wait_for_request(1).await;
    dying.shutdown_background();

    let source = fixture.source(id).await;
    let waiting = tokio::time::timeout(Duration::from_secs(1), source.current()).await;
    assert!(waiting.is_err(), "the dead one's lease holds for a while");
    fixture.clock.advance(chrono::Duration::seconds(46));
    source.current().await.unwrap();
    assert_eq!(fixture.renewals(id).await, 1);
}
