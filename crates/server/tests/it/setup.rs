//! The first administrator, and codes from the terminal.

use bucketload_archive::CodeFor;
use bucketload_model::{UserRole, UserState};
use bucketload_server::{administrator_code, first_administrator_code};
use chrono::Duration;

use crate::support::{House, Plan};

#[tokio::test]
async fn a_code_makes_the_first_administrator_and_no_second_one() {
    let house = House::new().await;
    let mut browser = house.browser();
    assert_eq!(browser.get("/").await.location(), "/sign-in");
    assert_eq!(browser.get("/sign-in").await.location(), "/setup");
    let code = house.first_code().await;
    browser.get("/setup").await.is(200).says("one-time code");
    let fields = [("code", code.as_str()), ("display_name", "  Ada <b> ")];
    let before = browser.cookie.clone();
    let answer = browser.post("/setup", &fields).await.is(303);
    assert_eq!(answer.location(), "/");
    assert_ne!(browser.cookie, before);
    browser.get("/imports").await.is(200).says("Ada &lt;b&gt;");
    let users = house.archive.users().await.unwrap();
    assert_eq!(users.len(), 1);
    assert_eq!(users[0].role, UserRole::Administrator);
    // The door is shut behind them.
    let mut other = house.browser();
    assert_eq!(other.get("/setup").await.location(), "/");
    other.get("/sign-in").await;
    assert_eq!(other.post("/setup", &fields).await.location(), "/");
    assert_eq!(house.archive.users().await.unwrap().len(), 1);
    let none = first_administrator_code(&house.archive, house.clock.as_ref()).await;
    assert!(none.unwrap().is_none());
}

#[tokio::test]
async fn wrong_old_and_replaced_codes_are_refused() {
    let house = House::new().await;
    let mut browser = house.browser();
    browser.get("/setup").await;
    let replaced = house.first_code().await;
    let old = house.first_code().await;
    house.clock.advance(Duration::minutes(30));
    for code in ["", "00000-00000-00000-00000", &replaced, &old] {
        let fields = [("code", code), ("display_name", "Eve")];
        let page = browser.post("/setup", &fields).await;
        page.is(403).says("wrong, used, or older");
    }
    assert!(house.archive.users().await.unwrap().is_empty());
}

#[tokio::test]
async fn after_many_wrong_codes_the_right_one_is_worth_nothing() {
    let house = House::new().await;
    let mut browser = house.browser();
    let code = house.first_code().await;
    for attempt in 0..20 {
        // The limit of attempts from one address has a test of its own.
        if attempt % 10 == 0 {
            house.clock.advance(Duration::minutes(1));
        }
        browser.get("/setup").await;
        let fields = [("code", "00000"), ("display_name", "Eve")];
        browser.post("/setup", &fields).await.is(403);
    }
    house.clock.advance(Duration::minutes(1));
    let fields = [("code", code.as_str()), ("display_name", "Ada")];
    browser.post("/setup", &fields).await.is(403);
    let fields = [
        ("code", house.first_code().await),
        ("display_name", "Ada".to_owned()),
    ];
    browser.post("/setup", &fields).await.is(303);
}

#[tokio::test]
async fn attempts_are_limited_by_address() {
    let house = House::new().await;
    let mut browser = house.browser();
    browser.get("/setup").await;
    let fields = [("code", "00000"), ("display_name", "Eve")];
    for _ in 0..10 {
        browser.post("/setup", &fields).await.is(403);
    }
    browser.post("/setup", &fields).await.is(429);
    house.clock.advance(Duration::minutes(1));
    browser.post("/setup", &fields).await.is(403);
}

/// How often of eleven wrong codes one is refused for being too many, where each seems to come
/// from another address.
async fn refused_from_many_addresses(trusted_proxies: &'static str) -> usize {
    let house = House::planned(Plan {
        trusted_proxies,
        ..Plan::default()
    });
    let house = house.await;
    let mut browser = house.browser();
    browser.get("/setup").await;
    let token = browser.form_token.clone().unwrap();
    let body = format!("form_token={token}&code=00000&display_name=Eve");
    let mut refused = 0;
    for number in 0..11 {
        let request = browser.form("/setup", body.clone());
        let request = request.header("x-forwarded-for", format!("192.0.2.{number}"));
        let page = browser.send(request).await;
        refused += usize::from(page.status == 429);
    }
    refused
}

#[tokio::test]
async fn behind_a_trusted_proxy_everybody_has_attempts_of_their_own() {
    assert_eq!(refused_from_many_addresses("127.0.0.1").await, 0);
    // Whoever is trusted by nobody may say what they like.
    assert_eq!(refused_from_many_addresses("").await, 1);
    assert_eq!(refused_from_many_addresses("10.0.0.0/8").await, 1);
}

#[tokio::test]
async fn a_missing_name_costs_no_code() {
    let house = House::new().await;
    let mut browser = house.browser();
    browser.get("/setup").await;
    let code = house.first_code().await;
    let long = "a".repeat(101);
    for name in [" ", "two\nlines", &long] {
        let fields = [("code", code.as_str()), ("display_name", name)];
        browser.post("/setup", &fields).await.is(403);
    }
    let fields = [("code", code.as_str()), ("display_name", "Ada")];
    browser.post("/setup", &fields).await.is(303);
}

#[tokio::test]
async fn a_code_signs_an_administrator_in_once() {
    let house = House::new().await;
    house.administrator().await;
    let code = house.administrator_code().await;
    let mut browser = house.browser();
    browser.get("/sign-in?next=/account").await;
    let fields = [("code", code.as_str()), ("next", "/account")];
    let answer = browser.post("/sign-in/code", &fields).await.is(303);
    assert_eq!(answer.location(), "/account");
    assert!(browser.is_in().await);
    let mut other = house.browser();
    other.get("/sign-in").await;
    let page = other.post("/sign-in/code", &fields).await;
    page.is(403).says("wrong, used, or older");
    assert!(!other.is_in().await);
}

#[tokio::test]
async fn codes_are_for_administrators_who_may_come_in() {
    let house = House::new().await;
    house.administrator().await;
    let ada = house.archive.users().await.unwrap().remove(0);
    let code = house.administrator_code().await;
    house
        .set_user(ada.id, UserRole::Administrator, UserState::Blocked)
        .await;
    let mut browser = house.browser();
    browser.get("/sign-in").await;
    browser.get("/setup").await;
    browser
        .post("/sign-in/code", &[("code", code)])
        .await
        .is(403);
    let named = administrator_code(&house.archive, house.clock.as_ref(), Some(ada.id)).await;
    named.unwrap_err();
    // Nobody is left who could: the next code makes a new first administrator.
    let code = administrator_code(&house.archive, house.clock.as_ref(), None).await;
    assert!(code.unwrap().user.is_none());
}

#[tokio::test]
async fn codes_are_kept_as_hashes() {
    let house = House::new().await;
    let code = house.first_code().await;
    let mut transaction = house.archive.begin().await.unwrap();
    let plain = bucketload_archive::SecretHash::of(&code.replace('-', ""));
    let found = transaction.take_code(&plain, house.now(), 1).await.unwrap();
    assert_eq!(found, Some(CodeFor::FirstAdministrator));
}
