//! Faults, the log, and the control over HTTP.

use super::{
    CALLBACK, access, approved_by, ask, ask_as, code, exchange, get, issued, refresh, renewal,
    tokens, with,
};
use crate::support::{R, json};
use bucketload_simulator::{Effect, Fault, OAuthConsumer, OAuthOptions};
use serde_json::{Value, json as value};

#[tokio::test]
async fn faults_reach_the_requests_for_tokens() {
    let double = approved_by("ada").await;
    let control = double.simulator.control();
    let first = tokens(&double, &[]).await;
    let endpoint = "/site/oauth2/access_token";
    let of_refresh = format!("{endpoint}?grant_type=refresh_token");
    control.add_fault(Fault::on_path(&of_refresh, Effect::Html { status: 200 }).times(1));
    assert_eq!(
        exchange(&double, &code(&double, &[]).await).await.status(),
        200
    );
    let html = refresh(&double, renewal(&first)).await;
    assert_eq!(html.headers()["content-type"], "text/html");
    assert_eq!(control.grants()[0].refreshes, 0);
    control.add_fault(Fault::on_path(endpoint, Effect::Html { status: 503 }).times(1));
    assert_eq!(refresh(&double, renewal(&first)).await.status(), 503);
    let field = "expires_in".to_owned();
    control.add_fault(Fault::on_path(endpoint, Effect::RemoveField { field }).times(1));
    let second = issued(refresh(&double, renewal(&first)).await).await;
    assert!(second.get("expires_in").is_none());

    // The reply is lost on its way, but the token has been replaced.
    control.add_fault(Fault::on_path(&of_refresh, Effect::Truncate).times(1));
    let cut = refresh(&double, renewal(&second)).await;
    assert!(cut.bytes().await.is_err());
    assert_eq!(control.grants()[0].refreshes, 2);
    let third = issued(refresh(&double, renewal(&second)).await).await;
    assert_eq!(get(&double, R, &third).await.status(), 200);

    assert_eq!(control.token_requests("refresh_token"), 5);
    assert_eq!(control.token_requests("authorization_code"), 2);
    let counts = control.request_counts();
    assert_eq!(counts[&format!("{endpoint} refresh_token")], 5);
    assert_eq!(counts["/site/oauth2/authorize"], 2);
}

#[tokio::test]
async fn the_log_keeps_no_secret() {
    let double = approved_by("ada").await;
    let control = double.simulator.control();
    let code = code(&double, &[("state", "SECRET-STATE"), ("scope", "account")]).await;
    let tokens = issued(exchange(&double, &code).await).await;
    let renewed = issued(refresh(&double, renewal(&tokens)).await).await;
    ask(&double, &[("grant_type", "SECRET-GRANT")]).await;
    get(&double, "/user", &renewed).await;
    let path = format!("/user?access_token={}", access(&renewed));
    double.anonymous(&path).await;
    get(&double, "/user?state=OPEN", &renewed).await;
    let log = format!("{:?}{}", control.requests(), value!(control.requests()));
    for secret in [
        "SECRET",
        code.as_str(),
        access(&tokens),
        renewal(&tokens),
        access(&renewed),
        OAuthConsumer::DEFAULT_SECRET,
    ] {
        assert!(!log.contains(secret));
    }
    assert!(log.contains("state=OPEN"), "no secret of REST");
    assert!(
        log.contains("response_type=code&"),
        "what is no secret stays"
    );
    let kinds: Vec<String> = control
        .requests()
        .into_iter()
        .filter_map(|request| request.grant_type)
        .collect();
    assert_eq!(kinds, ["authorization_code", "refresh_token", "other"]);
}

#[tokio::test]
async fn other_processes_steer_it_too() {
    let double = with(OAuthOptions::default()).await;
    let steer = async |method: &str, path: &str, body: Value| {
        let url = format!("{}/_simulator/{path}", double.simulator.web_url());
        let request = double.client.request(method.parse().unwrap(), url);
        let response = request.body(body.to_string()).send().await.unwrap();
        let status = response.status().as_u16();
        (status, json(response).await)
    };
    let consumer = value!({
        "client_id": "mine", "client_secret": "s", "callback_url": CALLBACK, "scopes": ["account"],
    });
    assert_eq!(steer("POST", "consumers", consumer).await.0, 200);
    let options = value!({"auto_approve": "ada", "access_token_seconds": 5});
    assert_eq!(steer("PUT", "oauth", options).await.0, 200);
    assert_eq!(steer("PUT", "oauth", value!({"auto": 1})).await.0, 400);
    let options = steer("GET", "oauth", Value::Null).await.1;
    assert_eq!(options["access_token_seconds"], 5);
    assert_eq!(options["refresh_grace_seconds"], 600);

    let code = code(&double, &[("client_id", "mine")]).await;
    let pairs = [
        ("grant_type", "authorization_code"),
        ("code", code.as_str()),
        ("redirect_uri", CALLBACK),
    ];
    let tokens = issued(ask_as(&double, "mine", "s", &pairs).await).await;
    assert_eq!(tokens["expires_in"], 5);
    assert_eq!(get(&double, "/user", &tokens).await.status(), 200);
    let ahead = value!({"advance_seconds": 6});
    assert_eq!(steer("PUT", "clock", ahead).await.0, 200);
    assert_eq!(get(&double, "/user", &tokens).await.status(), 401);
    let grants = steer("GET", "grants", Value::Null).await.1;
    assert_eq!(grants[0]["client_id"], "mine");
    assert!(!grants.to_string().contains(renewal(&tokens)));
    assert_eq!(steer("DELETE", "grants/1", Value::Null).await.0, 200);
    assert_eq!(steer("DELETE", "grants/1", Value::Null).await.0, 404);
    assert_eq!(steer("DELETE", "access-tokens", Value::Null).await.0, 200);
}
