//! Who may see what.

use crate::support::{Double, R, TOKEN, json, seeded};
use bucketload_simulator::{
    Credential, CredentialKind, Mutation, RateLimit, RetryHint, SeedOptions,
};
use reqwest::Response;

async fn double() -> Double {
    seeded(SeedOptions {
        repositories: 2,
        private_repositories: 1,
        ..SeedOptions::default()
    })
    .await
}

const PRIVATE: &str = "/repositories/seaside/harbour";

async fn with(double: &Double, path: &str, token: &str) -> Response {
    double
        .client
        .get(double.url(path))
        .bearer_auth(token)
        .send()
        .await
        .unwrap()
}

#[tokio::test]
async fn an_unknown_token_is_refused_even_for_public_things() {
    let double = double().await;
    let response = with(&double, R, "wrong").await;
    assert_eq!(response.status(), 401);
    let body = json(response).await;
    assert_eq!(
        body["error"]["message"],
        "Token is invalid, expired, or not supported for this endpoint."
    );
    for path in [
        format!("{R}?access_token={TOKEN}"),
        "/user".to_owned(),
        "/workspaces/seaside/members".to_owned(),
    ] {
        assert_eq!(double.anonymous(&path).await.status(), 401, "{path}");
    }
    let form = double
        .client
        .get(double.url(R))
        .header("content-type", "application/x-www-form-urlencoded");
    assert_eq!(
        form.body(format!("access_token={TOKEN}"))
            .send()
            .await
            .unwrap()
            .status(),
        401
    );
    let basic = |user: &'static str, password: &'static str| {
        double
            .client
            .get(double.url(PRIVATE))
            .basic_auth(user, Some(password))
            .send()
    };
    assert_eq!(
        basic("ada@example.com", "simulator-api-token")
            .await
            .unwrap()
            .status(),
        200
    );
    assert_eq!(
        basic("eve@example.com", "simulator-api-token")
            .await
            .unwrap()
            .status(),
        401
    );
    assert_eq!(basic("x-token-auth", TOKEN).await.unwrap().status(), 401);
    assert_eq!(with(&double, R, "simulator-api-token").await.status(), 401);
}

#[tokio::test]
async fn scopes_are_checked_and_implied() {
    let double = double().await;
    let response = with(
        &double,
        &format!("{R}/pullrequests"),
        "simulator-repository-only",
    )
    .await;
    assert_eq!(response.status(), 403);
    assert_eq!(response.headers()["x-accepted-oauth-scopes"], "pullrequest");
    let body = json(response).await;
    assert_eq!(
        body["error"]["detail"]["required"],
        serde_json::json!(["pullrequest"])
    );
    assert_eq!(
        body["error"]["detail"]["granted"],
        serde_json::json!(["repository"])
    );
    let control = double.simulator.control();
    for (token, scope) in [
        ("p", "pullrequest"),
        ("q", "project"),
        ("w", "repository:write"),
        ("a", "repository:admin"),
    ] {
        control.add_credential(
            Credential::new(token, CredentialKind::AccessToken).with_scopes(&[scope]),
        );
    }
    for (token, status) in [
        ("p", 200),
        ("q", 200),
        ("w", 200),
        ("a", 403),
        ("simulator-no-scopes", 403),
    ] {
        assert_eq!(with(&double, R, token).await.status(), status, "{token}");
    }
    let token = TOKEN.to_owned();
    control
        .mutate(Mutation::RemoveScope {
            token: token.clone(),
            scope: "pullrequest".into(),
        })
        .unwrap();
    assert_eq!(double.status(&format!("{R}/pullrequests/1")).await, 403);
    control.mutate(Mutation::RevokeToken { token }).unwrap();
    assert_eq!(double.status(R).await, 401);
}

#[tokio::test]
async fn private_repositories_are_not_found_by_those_who_may_not_see_them() {
    let double = double().await;
    assert_eq!(double.anonymous(PRIVATE).await.status(), 404);
    assert_eq!(double.status(PRIVATE).await, 200);
    let control = double.simulator.control();
    let limited = Credential::new("limited", CredentialKind::AccessToken);
    control.add_credential(limited.with_visible(&["seaside/lighthouse"]));
    assert_eq!(with(&double, PRIVATE, "limited").await.status(), 404);
    let names = async |response: Response| -> Vec<String> {
        let page = json(response).await;
        let values = page["values"].as_array().unwrap().clone();
        values
            .iter()
            .map(|value| value["slug"].as_str().unwrap().to_owned())
            .collect()
    };
    let list = "/repositories/seaside";
    assert_eq!(names(double.anonymous(list).await).await, ["lighthouse"]);
    assert_eq!(
        names(double.send(list).await).await,
        ["lighthouse", "harbour"]
    );
    assert!(
        names(double.anonymous("/repositories/seaside?role=member").await)
            .await
            .is_empty()
    );
    let repository = "seaside/lighthouse".to_owned();
    control
        .mutate(Mutation::SetPrivate {
            repository: repository.clone(),
            is_private: true,
        })
        .unwrap();
    assert_eq!(double.anonymous(R).await.status(), 404);
    control
        .mutate(Mutation::RemoveRepository { repository })
        .unwrap();
    assert_eq!(double.status(R).await, 404);
}

#[tokio::test]
async fn tokens_with_a_user_know_their_workspaces() {
    let double = double().await;
    let user = double.get("/user").await;
    assert_eq!(user["type"], "user");
    let workspaces = double.all("/user/workspaces").await;
    assert_eq!(workspaces[0]["workspace"]["slug"], "seaside");
    for path in ["/user", "/user/workspaces"] {
        assert_eq!(
            with(&double, path, "simulator-access-token").await.status(),
            401
        );
    }
}

#[tokio::test]
async fn quotas_are_counted_per_credential_and_not_for_git() {
    let double = double().await;
    assert!(
        double
            .anonymous(R)
            .await
            .headers()
            .get("x-ratelimit-limit")
            .is_none()
    );
    let control = double.simulator.control();
    let limit = RateLimit {
        anonymous: 2,
        credential: 3,
        window_seconds: 3_600,
        hint: RetryHint::None,
    };
    control.set_rate_limit(Some(limit.clone()));
    let first = double.anonymous(R).await;
    assert_eq!(first.headers()["x-ratelimit-limit"], "2, 2;w=3600");
    assert_eq!(first.headers()["x-ratelimit-remaining"], "1");
    let reset: u64 = first.headers()["x-ratelimit-reset"]
        .to_str()
        .unwrap()
        .parse()
        .unwrap();
    assert!((3_590..=3_600).contains(&reset), "seconds left, not a date");
    let info =
        double.simulator.web_url() + "/seaside/lighthouse.git/info/refs?service=git-upload-pack";
    assert_eq!(double.anonymous(&info).await.status(), 200);
    assert_eq!(double.anonymous(R).await.status(), 200);
    let refused = double.anonymous(R).await;
    assert_eq!(refused.status(), 429);
    assert_eq!(refused.headers()["content-type"], "text/plain");
    assert!(refused.headers().get("retry-after").is_none());
    assert_eq!(refused.bytes().await.unwrap().len(), 46);
    for _ in 0..3 {
        let response = double.send(R).await;
        assert_eq!(response.status(), 200);
        assert!(
            response.headers().get("x-ratelimit-limit").is_none(),
            "not told to OAuth"
        );
    }
    assert_eq!(double.status(R).await, 429);
    let told = with(&double, R, "simulator-access-token").await;
    assert_eq!(
        told.headers()["x-ratelimit-remaining"],
        "2",
        "a bucket of its own"
    );
    control.set_rate_limit(Some(RateLimit {
        anonymous: 0,
        hint: RetryHint::RetryAfter,
        ..limit.clone()
    }));
    assert!(
        double
            .anonymous(R)
            .await
            .headers()
            .contains_key("retry-after")
    );
    control.set_rate_limit(Some(RateLimit {
        anonymous: 0,
        hint: RetryHint::Reset,
        ..limit
    }));
    assert!(
        double
            .anonymous(R)
            .await
            .headers()
            .contains_key("x-ratelimit-reset")
    );
}
