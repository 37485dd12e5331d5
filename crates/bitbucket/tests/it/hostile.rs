//! Answers that would lead a client astray: elsewhere, in circles, or into the swap file.

use bucketload_bitbucket::{RequestError, RequestErrorKind};
use bucketload_model::ErrorClass;
use bucketload_simulator::{Effect, Fault};
use serde_json::{Value, json};

use crate::support::{Double, double, ids, ok, status};

fn assert_not_followed(error: &RequestError) {
    assert!(
        matches!(error.kind, RequestErrorKind::ForeignNext { .. }),
        "{error:?}"
    );
    assert_eq!(error.class(), ErrorClass::Permanent);
    assert_eq!(error.requests, 1);
}

async fn error_of_next(double: &Double, next: &str) -> RequestError {
    let body = json!({"values": [], "next": next}).to_string();
    double.error_of(ok(&body)).await
}

#[tokio::test]
async fn next_leads_nowhere_but_back_to_the_api() {
    let (double, other) = (double().await, crate::support::double().await);
    let api = double.simulator.api_url();
    for next in [
        other.url("repositories/a/b"),
        api.replace("http://", "https://"),
        api.replace("http://", "http://sam:s3cret@"),
        api.replace("http://", "http://sam@"),
        api.replace("127.0.0.1", "localhost"),
        api.replace("/2.0", "/3.0/repositories"),
        api.replace("/2.0", "/2.0x"),
        format!("{api}/../admin"),
        format!("{api}/%2e%2e/admin"),
        "/2.0/repositories/a/b?page=2".to_owned(),
        "?page=2".to_owned(),
        "file:///etc/passwd".to_owned(),
        "javascript:alert(1)".to_owned(),
        String::new(),
    ] {
        let error = error_of_next(&double, &next).await;
        assert_not_followed(&error);
        let shown = format!("{error} {}", error.kind);
        assert!(!shown.contains("s3cret"), "{shown}");
    }
    assert_eq!(other.requests(), 0);
    assert_eq!(double.requests(), 1, "only what was asked for itself");
}

#[tokio::test]
async fn a_next_on_a_foreign_host_is_refused_where_the_simulator_puts_one() {
    let double = crate::support::seeded(bucketload_simulator::SeedOptions {
        pull_requests: 60,
        ..crate::support::small()
    })
    .await;
    let error = double
        .error_of(Effect::ForeignNext {
            host: "attacker.example".to_owned(),
        })
        .await;
    assert_not_followed(&error);
    assert!(error.kind.to_string().contains("attacker.example"));
}

#[tokio::test]
async fn a_stored_address_is_checked_like_one_that_was_sent() {
    let double = double().await;
    let (_, first) = double.list();
    assert_eq!(double.client.page_url(&first.to_string()).unwrap(), first);
    for text in ["https://attacker.example/2.0/x", "nonsense", ""] {
        assert!(double.client.page_url(text).is_err(), "{text}");
    }
}

#[tokio::test]
async fn pages_in_a_circle_end_with_an_error() {
    let double = double().await;
    let (_, first) = double.list();
    let page = |id: u64, next: &str| json!({"values": [{"id": id}], "next": next}).to_string();
    // One that names itself.
    let error = double.error_of(ok(&page(1, &first.to_string()))).await;
    assert!(matches!(error.kind, RequestErrorKind::PagesInCircle));
    assert_eq!(double.requests(), 1);

    // Three that name each other.
    double.control.clear_faults();
    double.script(&[
        page(1, &double.url("two")),
        page(2, &double.url("three")),
        page(3, &first.to_string()),
    ]);
    let (endpoint, first) = double.list();
    let mut pages = std::pin::pin!(double.client.pages::<Value>(endpoint, first));
    let mut read = Vec::new();
    let error = loop {
        match futures::StreamExt::next(&mut pages).await.unwrap() {
            Ok(page) => read.push(page),
            Err(error) => break error,
        }
    };
    assert_eq!(ids(&read), [1, 2, 3]);
    assert!(matches!(error.kind, RequestErrorKind::PagesInCircle));
    assert_eq!(error.class(), ErrorClass::Permanent);
    assert_eq!((error.requests, double.requests()), (0, 3));
}

#[tokio::test]
async fn a_redirect_to_another_host_is_not_followed() {
    let (double, other) = (double().await, crate::support::double().await);
    let elsewhere = other.url("repositories/seaside/lighthouse");
    for code in [301, 302, 303, 307, 308] {
        let effect = status(code, &[("Location", &elsewhere)], "");
        let error = double.error_of(effect).await;
        assert_not_followed(&error);
        assert_eq!(double.requests(), 1);
    }
    assert_eq!(other.requests(), 0, "neither a credential nor a request");
}

#[tokio::test]
async fn a_redirect_on_the_same_host_is_followed_with_the_credential() {
    let double = double().await;
    let renamed = double.url("repositories/seaside/lighthouse");
    let effect = status(301, &[("Location", &renamed)], "");
    double
        .control
        .add_fault(Fault::on_path("/2.0/repositories/seaside/old", effect));
    let answer = double
        .client
        .repository(&"seaside/old".parse().unwrap())
        .await
        .unwrap();
    let found = answer.item.value.full_name;
    assert_eq!(found.as_deref(), Some("seaside/lighthouse"));
    let requests = double.control.requests();
    assert_eq!(requests.len(), 2);
    assert_eq!(requests[1].credential.as_deref(), Some("oauth2"));
}

#[tokio::test]
async fn redirects_in_a_circle_end() {
    let double = double().await;
    let (_, first) = double.list();
    let error = double
        .error_of(status(302, &[("Location", &first.to_string())], ""))
        .await;
    assert_eq!(error.class(), ErrorClass::Permanent);
    assert!(double.requests() < 10, "{}", double.requests());
}

#[tokio::test]
async fn a_body_that_does_not_end_is_given_up_once() {
    let double = double().await;
    let body = format!("{{\"values\": [{}]}}", " ".repeat(64 * 1024 * 1024));
    let error = double.error_of(ok(&body)).await;
    assert!(matches!(
        error.kind,
        RequestErrorKind::TooLarge {
            limit_bytes: 67_108_864
        }
    ));
    assert_eq!(error.class(), ErrorClass::Permanent);
    assert_eq!(double.requests(), 1);
}
