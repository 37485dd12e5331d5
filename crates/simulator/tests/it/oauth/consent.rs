//! The page, its rules, and the way back.

use super::{
    CALLBACK, approved_by, ask, authorize, decide, exchange, get, issued, query, refresh, refused,
    renewal, sent_to, tokens, with,
};
use crate::support::{R, json};
use bucketload_simulator::{OAuthConsumer, OAuthOptions};
use serde_json::json as value;

#[tokio::test]
async fn a_person_chooses_and_consents_on_a_page() {
    let double = with(OAuthOptions::default()).await;
    let hostile = "\"><script>alert(1)</script>";
    let response = authorize(&double, &[("state", hostile), ("login_as", "ghopper")]).await;
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["cache-control"], "no-store");
    let content_type = response.headers()["content-type"].clone();
    assert_eq!(content_type, "text/html; charset=utf-8");
    let page = response.text().await.unwrap();
    for part in [
        "id=\"grant\"",
        "id=\"deny\"",
        "<option value=\"ghopper\" selected>",
        "<option value=\"nomad\">",
        "data-scope=\"pullrequest\"",
        "&lt;b&gt;Eve&lt;/b&gt;",
        "value=\"&quot;&gt;&lt;script&gt;",
    ] {
        assert!(page.contains(part), "{part}");
    }
    assert!(!page.contains("<script>") && !page.contains("build-bot"));

    let granted = decide(&double, &[("login_as", "ghopper"), ("decision", "grant")]).await;
    let back = sent_to(&granted);
    assert!(back.as_str().starts_with(CALLBACK));
    assert_eq!(query(&back, "state").unwrap(), "st&te");
    let tokens = issued(exchange(&double, &query(&back, "code").unwrap()).await).await;
    let user = json(get(&double, "/user", &tokens).await).await;
    assert_eq!(user["nickname"], "ghopper");

    let denied = sent_to(&decide(&double, &[("login_as", "ada"), ("decision", "deny")]).await);
    assert_eq!(query(&denied, "error").unwrap(), "access_denied");
    assert_eq!(query(&denied, "state").unwrap(), "st&te");
    assert_eq!(query(&denied, "code"), None);
    let nobody = decide(&double, &[("login_as", "nobody"), ("decision", "grant")]).await;
    assert_eq!(nobody.status(), 400);
    assert_eq!(double.simulator.control().grants().len(), 1);
}

#[tokio::test]
async fn whatever_starts_with_the_callback_will_do() {
    let double = approved_by("ada").await;
    for (redirect_uri, status) in [
        (CALLBACK.to_owned(), 302),
        (format!("{CALLBACK}/import?next=1"), 302),
        (format!("{CALLBACK}.attacker.example"), 302),
        ("http://127.0.0.1:8080/auth/bitbucket".to_owned(), 400),
        ("http://attacker.example/".to_owned(), 400),
        (CALLBACK.replace("http:", "HTTP:"), 400),
        (format!("{CALLBACK}#fragment"), 400),
    ] {
        let response = authorize(&double, &[("redirect_uri", &redirect_uri)]).await;
        assert_eq!(response.status(), status, "{redirect_uri}");
        if status == 400 {
            assert!(response.headers().get("location").is_none());
            let page = response.text().await.unwrap();
            assert!(page.contains("<h1>Invalid redirect_uri</h1>"));
        }
    }
    let kept = sent_to(&authorize(&double, &[("redirect_uri", &format!("{CALLBACK}?a=b"))]).await);
    assert_eq!(query(&kept, "a").unwrap(), "b");
    let control = double.simulator.control();
    control.add_consumer(OAuthConsumer::new("no-callback", "secret", ""));
    for id in ["no-callback", "unknown"] {
        let response = authorize(&double, &[("client_id", id)]).await;
        assert_eq!(response.status(), 400, "{id}");
    }
}

#[tokio::test]
async fn scopes_can_only_be_narrowed() {
    let double = approved_by("ada").await;
    let control = double.simulator.control();
    control.add_consumer(
        OAuthConsumer::new(
            OAuthConsumer::DEFAULT_ID,
            OAuthConsumer::DEFAULT_SECRET,
            CALLBACK,
        )
        .with_scopes(&["account", "pullrequest"]),
    );
    for excessive in ["email", "account repository:admin"] {
        let back = sent_to(&authorize(&double, &[("scope", excessive)]).await);
        assert_eq!(query(&back, "error").unwrap(), "invalid_scope");
        assert_eq!(query(&back, "state").unwrap(), "st&te");
    }
    let implicit = sent_to(&authorize(&double, &[("response_type", "token")]).await);
    let error = query(&implicit, "error").unwrap();
    assert_eq!(error, "unsupported_response_type");

    // `pullrequest` implies `repository`.
    let tokens = tokens(&double, &[("scope", "account repository")]).await;
    assert_eq!(tokens["scope"], "account repository");
    let allowed = get(&double, R, &tokens).await;
    assert_eq!(allowed.status(), 200);
    assert_eq!(allowed.headers()["x-oauth-scopes"], "account, repository");
    assert_eq!(allowed.headers()["x-accepted-oauth-scopes"], "repository");
    let refusal = get(&double, &format!("{R}/pullrequests"), &tokens).await;
    assert_eq!(refusal.status(), 403);
    let granted = json(refusal).await["error"]["detail"]["granted"].take();
    assert_eq!(granted, value!(["account", "repository"]));

    let pairs = |scope| {
        [
            ("grant_type", "refresh_token"),
            ("refresh_token", renewal(&tokens)),
            ("scope", scope),
        ]
    };
    let expected = (400, "invalid_scope".to_owned());
    let answer = ask(&double, &pairs("pullrequest")).await;
    assert_eq!(refused(answer).await, expected);
    let narrower = issued(ask(&double, &pairs("account")).await).await;
    assert_eq!(narrower["scope"], "account");
    let whole = issued(refresh(&double, renewal(&narrower)).await).await;
    assert_eq!(whole["scope"], "account repository");
}
