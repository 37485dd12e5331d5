//! Tokens for scripts.

use bucketload_archive::ImportStart;
use bucketload_model::{ImportId, Stage, UserRole, UserState};
use chrono::Duration;
use serde_json::Value;

use crate::support::{Browser, House, Page, between};

/// Makes a token and returns it as it is shown.
pub(crate) async fn make(browser: &mut Browser, scopes: &[&str], days: &str) -> String {
    browser.get("/account").await;
    let mut fields = vec![("name", "nightly"), ("days", days)];
    fields.extend(scopes.iter().map(|scope| ("scope", *scope)));
    let page = browser.post("/account/tokens", &fields).await.is(201);
    let token = between(&page.body, "service token\">blt_", "<").unwrap();
    format!("blt_{token}")
}

async fn ask(house: &House, path: &str, token: Option<&str>) -> Page {
    let mut browser = house.browser();
    let mut request = browser.http.get(browser.address(path));
    if let Some(token) = token {
        request = request.bearer_auth(token);
    }
    browser.send(request).await
}

fn json(page: &Page) -> Value {
    serde_json::from_str(&page.body).unwrap()
}

#[track_caller]
fn problem(page: &Page, status: u16) {
    assert_eq!(page.status, status, "{}", page.body);
    assert_eq!(page.headers["content-type"], "application/problem+json");
    let problem = json(page);
    assert_eq!(problem["status"], status);
    assert!(problem["title"].is_string() && problem["detail"].is_string());
}

#[tokio::test]
async fn a_token_is_shown_once_and_says_whose_it_is() {
    let house = House::new().await;
    let mut ada = house.administrator().await;
    let token = make(&mut ada, &["imports:read"], "30").await;
    let page = ask(&house, "/api/v1/user", Some(&token)).await.is(200);
    let user = json(&page);
    assert_eq!(user["display_name"], "Ada");
    assert_eq!(user["role"], "administrator");
    assert_eq!(user["token"]["name"], "nightly");
    assert_eq!(user["token"]["scopes"], serde_json::json!(["imports:read"]));
    let page = ada.get("/account").await.says("nightly");
    assert!(!page.body.contains(&token));
    page.says("last used");
}

#[tokio::test]
async fn without_a_good_token_there_is_nothing() {
    let house = House::new().await;
    let mut ada = house.administrator().await;
    let token = make(&mut ada, &["imports:read"], "30").await;
    let (body, last) = token.split_at(token.len() - 1);
    let mistyped = format!("{body}{}", if last == "0" { "1" } else { "0" });
    for path in ["/api/v1/user", "/api/v1/imports", "/api/v1/nothing"] {
        let page = ask(&house, path, None).await;
        problem(&page, 401);
        assert_eq!(
            page.headers["www-authenticate"],
            "Bearer realm=\"bucketload\""
        );
        for wrong in ["", "x", "blt_x", &mistyped, &token.to_uppercase()] {
            problem(&ask(&house, path, Some(wrong)).await, 401);
        }
    }
    problem(&ask(&house, "/api/v1/nothing", Some(&token)).await, 404);
    // A session is no token: other sites could make a browser send it.
    let request = ada.http.get(ada.address("/api/v1/user"));
    problem(&ada.send(request).await, 401);
    let request = ada.http.post(ada.address("/api/v1/user"));
    problem(&ada.send(request.bearer_auth(&token)).await, 405);
}

#[tokio::test]
async fn scopes_limit_a_token_and_its_user_limits_the_scopes() {
    let house = House::new().await;
    house.administrator().await;
    house.open_door("member").await;
    let mut browser = house.signed_in(&house.member(1).await).await;
    let user = house.archive.users().await.unwrap().remove(1);
    let reads = make(&mut browser, &["imports:read"], "7").await;
    let writes = make(&mut browser, &["imports:write"], "7").await;
    ask(&house, "/api/v1/imports", Some(&reads)).await.is(200);
    let page = ask(&house, "/api/v1/imports", Some(&writes)).await;
    problem(&page, 403);
    page.says("imports:read");
    // A member gives no token what only administrators may.
    browser.get("/account").await;
    let fields = [("name", "a"), ("days", "7"), ("scope", "admin")];
    browser.post("/account/tokens", &fields).await.is(422);
    // What the user may no longer, the token may not either.
    house
        .set_user(user.id, UserRole::Viewer, UserState::Active)
        .await;
    let page = ask(&house, "/api/v1/user", Some(&writes)).await.is(200);
    assert_eq!(json(&page)["token"]["scopes"], serde_json::json!([]));
    for state in [UserState::Blocked, UserState::Pending] {
        house.set_user(user.id, UserRole::Member, state).await;
        problem(&ask(&house, "/api/v1/user", Some(&reads)).await, 401);
    }
}

#[tokio::test]
async fn tokens_expire_and_can_be_removed_by_their_user_alone() {
    let house = House::new().await;
    let mut ada = house.administrator().await;
    house.open_door("member").await;
    let mut other = house.signed_in(&house.member(1).await).await;
    let short = make(&mut ada, &["imports:read"], "7").await;
    let long = make(&mut ada, &["imports:read"], "90").await;
    let user = house.archive.users().await.unwrap().remove(0);
    let id = house.archive.service_tokens_of(user.id).await.unwrap();
    let id = id[0].id.clone();
    other.get("/account").await;
    let fields = [("token", id.as_str())];
    other.post("/account/tokens/remove", &fields).await.is(303);
    ask(&house, "/api/v1/user", Some(&long)).await.is(200);
    house.clock.advance(Duration::days(7));
    problem(&ask(&house, "/api/v1/user", Some(&short)).await, 401);
    ask(&house, "/api/v1/user", Some(&long)).await.is(200);
    let mut ada = house.administrator().await;
    ada.get("/account").await.says("expired");
    ada.post("/account/tokens/remove", &fields).await.is(303);
    let left = [
        ask(&house, "/api/v1/user", Some(&long)).await.status,
        ask(&house, "/api/v1/user", Some(&short)).await.status,
    ];
    let removed = house.archive.service_tokens_of(user.id).await.unwrap();
    assert_eq!(removed.len(), 1);
    assert!(left.contains(&reqwest::StatusCode::UNAUTHORIZED));
}

#[tokio::test]
async fn forms_for_tokens_that_make_no_sense_are_refused() {
    let house = House::new().await;
    let mut ada = house.administrator().await;
    ada.get("/account").await;
    for fields in [
        vec![("days", "30"), ("scope", "imports:read")],
        vec![("name", "a\nb"), ("days", "30"), ("scope", "imports:read")],
        vec![("name", "a"), ("days", "30")],
        vec![("name", "a"), ("days", "30"), ("scope", "everything")],
        vec![("name", "a"), ("days", "31"), ("scope", "imports:read")],
        vec![("name", "a"), ("days", ""), ("scope", "imports:read")],
    ] {
        let page = ada.post("/account/tokens", &fields).await;
        assert_eq!(page.status, 422, "{fields:?}");
    }
}

#[tokio::test]
async fn imports_are_listed_and_reported() {
    let house = House::new().await;
    let mut ada = house.administrator().await;
    let token = make(&mut ada, &["imports:read"], "30").await;
    let id = ImportId::new(house.now());
    let mut transaction = house.archive.begin().await.unwrap();
    transaction
        .start_import(&ImportStart {
            id,
            name: &"teapots/kettle".parse().unwrap(),
            stages: Stage::ALL,
            now: house.now(),
        })
        .await
        .unwrap();
    transaction.commit().await.unwrap();
    let page = ask(&house, "/api/v1/imports", Some(&token)).await.is(200);
    let imports = json(&page);
    assert_eq!(imports["imports"][0]["source"], "teapots/kettle");
    // It stands as running, and nobody runs it.
    assert_eq!(imports["imports"][0]["state"], "cancelled");
    let path = format!("/api/v1/imports/{id}");
    let page = ask(&house, &path, Some(&token)).await.is(200);
    let report = json(&page);
    assert_eq!(report["state"], "cancelled");
    assert_eq!(report["stages"].as_array().unwrap().len(), Stage::ALL.len());
    let unknown = ImportId::new(house.now());
    for id in [unknown.to_string(), "x".to_owned(), "..%2fuser".to_owned()] {
        let path = format!("/api/v1/imports/{id}");
        problem(&ask(&house, &path, Some(&token)).await, 404);
    }
    ada.get("/imports")
        .await
        .says("teapots/kettle")
        .says("stopped");
}
