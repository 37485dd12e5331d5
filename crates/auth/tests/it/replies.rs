//! Whatever may answer in the token page's place.

use bucketload_auth::oauth::TokenError;
use bucketload_auth::oauth::TokenErrorClass::{
    self, ConsumerRefused, DeadGrant, Transient, Unreadable,
};
use bucketload_model::{Clock as _, SystemClock};
use bucketload_simulator::{Effect, Fault, OAuthOptions, ScopeField};
use chrono::Duration;
use secrecy::ExposeSecret as _;
use serde_json::json;

use crate::support::Double;

const TOKEN_PAGE: &str = "/site/oauth2/access_token";

async fn refused(double: &Double, effect: Effect) -> TokenError {
    double.control().clear_faults();
    double
        .control()
        .add_fault(Fault::on_path(format!("{TOKEN_PAGE}*"), effect));
    double.sign_in().await.unwrap_err()
}

fn answer(status: u16, body: &str) -> Effect {
    Effect::Answer {
        status,
        headers: vec![("content-type".to_owned(), "application/json".to_owned())],
        body: body.to_owned(),
    }
}

#[tokio::test]
async fn every_failure_has_its_class_and_tells_no_secret() {
    let double = Double::new().await;
    let oversized = format!(r#"{{"access_token": "s3cret{}"}}"#, " ".repeat(300_000));
    let redirect = Effect::Answer {
        status: 302,
        headers: vec![("location".to_owned(), "http://127.0.0.1:1/".to_owned())],
        body: String::new(),
    };
    for (effect, class) in [
        (Effect::Html { status: 200 }, Unreadable),
        (Effect::Html { status: 502 }, Transient),
        (Effect::Html { status: 503 }, Transient),
        (Effect::Html { status: 400 }, Unreadable),
        (Effect::Html { status: 401 }, ConsumerRefused),
        (Effect::NotJson, Unreadable),
        (Effect::Disconnect, Transient),
        (Effect::Truncate, Transient),
        (redirect, Unreadable),
        (answer(200, &oversized), Unreadable),
        (answer(200, ""), Unreadable),
        (answer(200, r#"{"token": "s3cret"}"#), Unreadable),
        (answer(200, r#"{"access_token": ["s3cret"]}"#), Unreadable),
        (
            answer(200, r#"{"access_token": "a", "scope": {"s3cret": 1}}"#),
            Unreadable,
        ),
        (
            answer(200, r#"{"access_token": "s3cret\r\nHost: a"}"#),
            Unreadable,
        ),
        (answer(200, r#"{"access_token": ""}"#), Unreadable),
        (answer(400, r#"{"error": "invalid_grant"}"#), DeadGrant),
        (
            answer(400, r#"{"error": "invalid_request"}"#),
            ConsumerRefused,
        ),
        (
            answer(401, r#"{"error": "invalid_client"}"#),
            ConsumerRefused,
        ),
        (answer(429, "Rate limit for this resource"), Transient),
        (answer(500, r#"{"error": "server_error"}"#), Transient),
    ] {
        let shown = format!("{effect:?}");
        let error = refused(&double, effect).await;
        assert_eq!(error.class(), class, "{shown}: {error:?}");
        let said = format!("{error} {error:?}");
        assert!(!said.contains("s3cret"), "{said}");
    }
}

/// Time stands still but for waiting, so that the time-out comes at once.
#[tokio::test]
async fn a_silent_token_page_is_given_up() {
    let double = Double::new().await;
    let refresh_token = double.sign_in().await.unwrap().refresh_token.unwrap();
    let client = double.client();
    double
        .control()
        .add_fault(Fault::on_path(format!("{TOKEN_PAGE}*"), Effect::Hang));
    tokio::time::pause();
    let error = client.refresh(&refresh_token).await.unwrap_err();
    assert_eq!(error.class(), TokenErrorClass::Transient, "{error:?}");
}

#[tokio::test]
async fn a_reply_without_expires_in_is_believed_for_less_than_an_hour() {
    let double = Double::new().await;
    double.control().set_oauth_options(OAuthOptions {
        sends_expires_in: false,
        scope_field: ScopeField::Scopes,
        ..OAuthOptions::approved_by("ada")
    });
    let set = double.sign_in().await.unwrap();
    let life = set.expires_at - SystemClock.now();
    assert!(life > Duration::minutes(54) && life <= Duration::minutes(55));
    assert!(set.scopes.iter().any(|scope| scope == "repository"));
}

#[tokio::test]
async fn the_longest_tokens_are_kept_whole() {
    let double = Double::new().await;
    let token = "t".repeat(20_000);
    double.control().add_fault(Fault::on_path(
        format!("{TOKEN_PAGE}*"),
        Effect::ReplaceField {
            field: "access_token".to_owned(),
            value: json!(token),
        },
    ));
    let set = double.sign_in().await.unwrap();
    assert_eq!(set.access_token.expose_secret(), token);
}
