//! Codes and secrets become tokens.

use super::{
    CALLBACK, access, approved_by, ask, ask_as, authorize, code, exchange, form, get,
    invalid_grant, issued, query, refresh, refused, renewal, sent_to,
};
use crate::support::{R, json};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bucketload_simulator::{OAuthConsumer, OAuthOptions, ScopeField};
use serde_json::json as value;
use sha2::{Digest, Sha256};
use std::time::Duration;

#[tokio::test]
async fn tokens_are_long_and_their_reply_is_that_of_bitbucket() {
    let double = approved_by("ada").await;
    let reply = exchange(&double, &code(&double, &[]).await).await;
    assert_eq!(reply.headers()["cache-control"], "no-store");
    assert!(reply.headers().get("etag").is_none());
    let tokens = issued(reply).await;
    assert_eq!(access(&tokens).len(), 2_600);
    assert_eq!(renewal(&tokens).len(), 2_600);
    assert_eq!(tokens["token_type"], "bearer");
    assert_eq!(tokens["expires_in"], 3_600);
    assert_eq!(tokens["state"], "authorization_code");
    let scope =
        "account email issue pipeline project pullrequest repository repository:admin webhook";
    assert_eq!(tokens["scope"], scope);
    assert!(tokens.get("scopes").is_none());

    let control = double.simulator.control();
    control.set_oauth_options(OAuthOptions {
        sends_expires_in: false,
        scope_field: ScopeField::Scopes,
        token_characters: 100,
        ..control.oauth_options()
    });
    let tokens = issued(refresh(&double, renewal(&tokens)).await).await;
    assert_eq!(tokens["state"], "refresh_token");
    assert_eq!(tokens["scopes"], scope);
    assert_eq!(access(&tokens).len(), 100);
    assert!(tokens.get("expires_in").is_none() && tokens.get("scope").is_none());
}

#[tokio::test]
async fn a_code_works_once_for_its_consumer_and_its_address() {
    let double = approved_by("ada").await;
    let control = double.simulator.control();
    let once = code(&double, &[]).await;
    assert_eq!(exchange(&double, &once).await.status(), 200);
    assert_eq!(
        refused(exchange(&double, &once).await).await,
        invalid_grant()
    );
    assert_eq!(
        refused(exchange(&double, "made-up").await).await,
        invalid_grant()
    );
    let without = [
        ("grant_type", "authorization_code"),
        ("redirect_uri", CALLBACK),
    ];
    let expected = (400, "invalid_request".to_owned());
    assert_eq!(refused(ask(&double, &without).await).await, expected);

    let late = code(&double, &[]).await;
    control.advance_clock(Duration::from_mins(10));
    assert_eq!(
        refused(exchange(&double, &late).await).await,
        invalid_grant()
    );

    control.add_consumer(OAuthConsumer::new("other", "secret", CALLBACK));
    let stolen = code(&double, &[]).await;
    let pairs = [
        ("grant_type", "authorization_code"),
        ("code", stolen.as_str()),
        ("redirect_uri", CALLBACK),
    ];
    let answer = ask_as(&double, "other", "secret", &pairs).await;
    assert_eq!(refused(answer).await, invalid_grant());

    let longer = format!("{CALLBACK}/import");
    for (asked, exchanged, status) in [
        (longer.as_str(), longer.as_str(), 200),
        (longer.as_str(), CALLBACK, 400),
        (longer.as_str(), "", 400),
        ("", "", 200),
        ("", CALLBACK, 200),
        ("", longer.as_str(), 400),
    ] {
        let code = code(&double, &[("redirect_uri", asked)]).await;
        let mut pairs = vec![("grant_type", "authorization_code"), ("code", &code)];
        if !exchanged.is_empty() {
            pairs.push(("redirect_uri", exchanged));
        }
        let answer = ask(&double, &pairs).await;
        assert_eq!(answer.status(), status, "{asked} then {exchanged}");
    }
}

#[tokio::test]
async fn a_challenge_wants_its_verifier() {
    let double = approved_by("ada").await;
    let verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(verifier));
    let asked = [
        ("code_challenge", challenge.as_str()),
        ("code_challenge_method", "S256"),
    ];
    for (sent, status) in [
        (verifier, 200),
        ("wrong", 400),
        (&challenge, 400),
        ("", 400),
    ] {
        let code = code(&double, &asked).await;
        let mut pairs = vec![
            ("grant_type", "authorization_code"),
            ("code", code.as_str()),
            ("redirect_uri", CALLBACK),
        ];
        if !sent.is_empty() {
            pairs.push(("code_verifier", sent));
        }
        assert_eq!(ask(&double, &pairs).await.status(), status, "{sent}");
        // A code is worth one attempt, whatever became of it.
        pairs.push(("code_verifier", verifier));
        assert_eq!(refused(ask(&double, &pairs).await).await, invalid_grant());
    }
    for method in ["plain", ""] {
        let asked = [
            ("code_challenge", verifier),
            ("code_challenge_method", method),
        ];
        let back = sent_to(&authorize(&double, &asked).await);
        assert_eq!(query(&back, "error").unwrap(), "invalid_request");
    }
}

#[tokio::test]
async fn consumers_show_their_secret_in_the_header_only() {
    let double = approved_by("ada").await;
    let code = code(&double, &[]).await;
    let pairs = [
        ("grant_type", "authorization_code"),
        ("code", code.as_str()),
        ("redirect_uri", CALLBACK),
        ("client_id", OAuthConsumer::DEFAULT_ID),
        ("client_secret", OAuthConsumer::DEFAULT_SECRET),
    ];
    let invalid_client = (401, "invalid_client".to_owned());
    let wrong = ask_as(&double, OAuthConsumer::DEFAULT_ID, "wrong", &pairs).await;
    assert!(wrong.headers().contains_key("www-authenticate"));
    assert_eq!(refused(wrong).await, invalid_client);
    let unknown = ask_as(&double, "unknown", OAuthConsumer::DEFAULT_SECRET, &pairs).await;
    assert_eq!(refused(unknown).await, invalid_client);
    let endpoint = double.simulator.web_url() + "/site/oauth2/access_token";
    let in_body = form(double.client.post(&endpoint), &pairs)
        .send()
        .await
        .unwrap();
    assert_eq!(refused(in_body).await, invalid_client);

    let invalid_request = (400, "invalid_request".to_owned());
    let authorized = |request: reqwest::RequestBuilder| {
        request.basic_auth(
            OAuthConsumer::DEFAULT_ID,
            Some(OAuthConsumer::DEFAULT_SECRET),
        )
    };
    let no_form = authorized(double.client.post(&endpoint))
        .body("{}")
        .send()
        .await;
    assert_eq!(refused(no_form.unwrap()).await, invalid_request);
    assert_eq!(refused(ask(&double, &[]).await).await, invalid_request);
    let get = authorized(double.client.get(&endpoint))
        .send()
        .await
        .unwrap();
    assert_eq!(get.status(), 405);
    for gone in ["password", "urn:bitbucket:oauth2:jwt"] {
        let answer = ask(&double, &[("grant_type", gone)]).await;
        let expected = (400, "unsupported_grant_type".to_owned());
        assert_eq!(refused(answer).await, expected);
    }
    // None of it has used up the code.
    assert_eq!(exchange(&double, &code).await.status(), 200);
}

#[tokio::test]
async fn client_credentials_act_for_the_application() {
    let double = approved_by("ada").await;
    let pairs = [
        ("grant_type", "client_credentials"),
        ("scope", "account email"),
    ];
    let tokens = issued(ask(&double, &pairs).await).await;
    assert!(tokens.get("refresh_token").is_none());
    assert_eq!(tokens["scope"], "account email");
    let user = json(get(&double, "/user", &tokens).await).await;
    assert_eq!(user["type"], "app_user");
    let emails = json(get(&double, "/user/emails", &tokens).await).await;
    assert_eq!(emails["values"], value!([]));
    assert_eq!(get(&double, R, &tokens).await.status(), 403);
}
