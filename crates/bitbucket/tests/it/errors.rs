//! Every kind of bad answer, and the one class that each gets.

use bucketload_auth::Credential;
use bucketload_bitbucket::{RequestError, RequestErrorKind};
use bucketload_model::ErrorClass;
use bucketload_simulator::{Effect, Fault};
use serde_json::Value;

use crate::support::{double, name, small, status, status_of, with};

/// The error with its causes, as it is shown and logged.
fn shown(error: &RequestError) -> String {
    format!("{error}: {}", error.kind)
}

#[tokio::test]
async fn statuses_that_no_retry_changes_are_asked_once() {
    let double = double().await;
    let body = r#"{"type":"error","error":{"message":"No, thank you."}}"#;
    for (code, class) in [
        (400, ErrorClass::Permanent),
        (401, ErrorClass::Unauthorized),
        (403, ErrorClass::Forbidden),
        (404, ErrorClass::NotFound),
        (410, ErrorClass::Gone),
        (555, ErrorClass::Permanent),
    ] {
        let error = double.error_of(status(code, &[], body)).await;
        assert_eq!(status_of(&error), code);
        assert_eq!(error.class(), class, "{code}");
        assert_eq!((error.requests, double.requests()), (1, 1), "{code}");
        assert!(shown(&error).contains("No, thank you."), "{error:?}");
    }
}

#[tokio::test]
async fn servers_in_trouble_are_asked_six_times() {
    let double = double().await;
    for code in [408, 500, 502, 503, 504] {
        let error = double.error_of(Effect::Html { status: code }).await;
        assert_eq!(status_of(&error), code);
        assert_eq!(error.class(), ErrorClass::Transient, "{code}");
        assert_eq!((error.requests, double.requests()), (6, 6), "{code}");
        assert!(shown(&error).contains("“Sorry”"), "{error:?}");
    }
}

#[tokio::test]
async fn answers_that_break_off_or_never_come_are_transient() {
    let double = double().await;
    for effect in [Effect::Truncate, Effect::Disconnect] {
        let error = double.error_of(effect).await;
        assert!(matches!(error.kind, RequestErrorKind::Network(_)));
        assert_eq!(error.class(), ErrorClass::Transient);
        assert_eq!((error.requests, double.requests()), (6, 6));
    }
    // Half a document under its own, smaller length: only its end tells.
    let cut = r#"{"values": [{"id": 1}, {"i"#;
    for effect in [Effect::NotJson, status(200, &[], cut), status(200, &[], "")] {
        let error = double.error_of(effect).await;
        assert!(matches!(error.kind, RequestErrorKind::NotJson { .. }));
        assert_eq!(error.class(), ErrorClass::Transient);
        assert_eq!((error.requests, double.requests()), (6, 6));
    }
}

#[tokio::test]
async fn json_of_another_shape_is_permanent_and_names_the_field() {
    let double = double().await;
    for (body, field) in [
        (r#"{"size": 3}"#, "values"),
        (r#"{"values": {"id": 1}}"#, "values"),
        (r#"{"values": null}"#, "values"),
        (r#"{"values": [], "next": 7}"#, "next"),
        (r#"{"type":"error","error":{"message":"x"}}"#, "values"),
        ("[]", ""),
    ] {
        let error = double.error_of(status(200, &[], body)).await;
        assert!(
            matches!(error.kind, RequestErrorKind::Shape { .. }),
            "{body}"
        );
        assert_eq!(error.class(), ErrorClass::Permanent);
        assert_eq!((error.requests, double.requests()), (1, 1));
        let shown = format!("{:?} {}", error.kind, error.kind);
        assert!(shown.contains(field), "{shown}");
    }
}

#[tokio::test]
async fn a_missing_scope_is_named() {
    let double = with(
        small(),
        |_| {},
        Credential::access_token("simulator-repository-only"),
    )
    .await;
    let error = double.page::<Value>().await.unwrap_err();
    let RequestErrorKind::Status {
        status: 403,
        accepted_scopes: Some(accepted),
        ..
    } = &error.kind
    else {
        panic!("{error:?}");
    };
    assert_eq!(accepted, "pullrequest");

    let headers = [
        ("X-Accepted-OAuth-Scopes", "pullrequest"),
        ("X-OAuth-Scopes", "account, repository"),
    ];
    let error = double.error_of(status(403, &headers, "{}")).await;
    let RequestErrorKind::Status {
        accepted_scopes,
        granted_scopes,
        ..
    } = &error.kind
    else {
        panic!("{error:?}");
    };
    assert_eq!(accepted_scopes.as_deref(), Some("pullrequest"));
    assert_eq!(granted_scopes.as_deref(), Some("account, repository"));
}

#[tokio::test]
async fn a_wrong_token_is_unauthorized_and_never_shown() {
    let double = with(small(), |_| {}, Credential::access_token("s3cret-t0ken")).await;
    let error = double.client.repository(&name()).await.unwrap_err();
    assert_eq!(error.class(), ErrorClass::Unauthorized);
    let everything = format!("{error} {error:?} {:?}", double.client);
    assert!(!everything.contains("s3cret"), "{everything}");
}

#[tokio::test]
async fn an_unknown_repository_and_a_private_one_are_not_found() {
    let double = with(
        bucketload_simulator::SeedOptions {
            private_repositories: 1,
            ..small()
        },
        |_| {},
        Credential::Anonymous,
    )
    .await;
    for name in ["seaside/lighthouse", "seaside/nowhere", "nowhere/nothing"] {
        let error = double.client.repository(&name.parse().unwrap()).await;
        assert_eq!(error.unwrap_err().class(), ErrorClass::NotFound, "{name}");
    }
}

#[tokio::test]
async fn a_server_that_is_not_there_is_transient() {
    let double = double().await;
    let (endpoint, first) = double.list();
    let client = double.client.clone();
    double.simulator.stop().await;
    let error = client.page::<Value>(endpoint, &first).await.unwrap_err();
    assert_eq!(error.class(), ErrorClass::Transient);
    assert_eq!(error.requests, 6);
}

#[tokio::test]
async fn what_a_hostile_answer_says_cannot_reach_the_terminal() {
    let double = double().await;
    let body = "{\"error\":{\"message\":\"a\\u001b[2Jb\"}}";
    let error = double
        .error_of(status(404, &[("X-Accepted-OAuth-Scopes", "a\tb")], body))
        .await;
    assert!(!shown(&error).contains('\u{1b}'), "{error:?}");
    let long = "x".repeat(1_000_000);
    let error = double.error_of(status(404, &[], &long)).await;
    assert!(shown(&error).len() < 500);
}

#[tokio::test]
async fn the_stream_ends_with_the_first_error() {
    let double = crate::support::seeded(bucketload_simulator::SeedOptions {
        pull_requests: 120,
        ..small()
    })
    .await;
    double
        .control
        .add_fault(Fault::on_request(2, status(404, &[], "{}")));
    let (endpoint, first) = double.list();
    let mut pages = std::pin::pin!(double.client.pages::<Value>(endpoint, first));
    let mut seen = Vec::new();
    while let Some(page) = futures::StreamExt::next(&mut pages).await {
        seen.push(page.is_ok());
    }
    assert_eq!(seen, [true, false]);
    assert_eq!(double.requests(), 2);
}
