//! What comes back from Bitbucket, and what only pretends to.

use bucketload_simulator::{Effect, Fault};
use chrono::Duration;

use crate::support::{Browser, House, Plan};

const TOKEN_PAGE: &str = "/site/oauth2/access_token";

/// A house with an open door, and a browser that has come back with a good callback.
async fn returned() -> (House, Browser, String) {
    let house = House::new().await;
    house.administrator().await;
    house.open_door("member").await;
    house.consents(&house.member(1).await);
    let mut browser = house.browser();
    let begun = browser.begin().await;
    let callback = browser.at_bitbucket(&begun).await;
    (house, browser, callback)
}

/// The same callback with another value of a parameter, or without it.
fn changed(callback: &str, name: &str, value: Option<&str>) -> String {
    let (path, query) = callback.split_once('?').unwrap();
    let mut changed = url::form_urlencoded::Serializer::new(String::new());
    for (key, old) in url::form_urlencoded::parse(query.as_bytes()) {
        match (key == name, value) {
            (true, Some(value)) => changed.append_pair(&key, value),
            (true, None) => &mut changed,
            (false, _) => changed.append_pair(&key, &old),
        };
    }
    format!("{path}?{}", changed.finish())
}

#[tokio::test]
async fn a_wrong_state_signs_nobody_in_and_the_right_one_still_does() {
    let (_house, mut browser, callback) = returned().await;
    for state in [None, Some(""), Some("x"), Some(&*"x".repeat(43))] {
        let wrong = changed(&callback, "state", state);
        let page = browser.get(&wrong).await;
        page.is(403).says("was not begun here");
        assert!(!browser.is_in().await);
    }
    // A forged link has not ended the sign-in under way.
    browser.get(&callback).await.is(303);
    assert!(browser.is_in().await);
}

#[tokio::test]
async fn a_callback_is_good_once_and_in_its_own_browser() {
    let (house, mut browser, callback) = returned().await;
    let mut other = house.browser();
    other
        .get(&callback)
        .await
        .is(403)
        .says("was not begun here");
    // One that is at Bitbucket itself has another state.
    other.begin().await;
    other
        .get(&callback)
        .await
        .is(403)
        .says("was not begun here");
    assert!(!other.is_in().await);
    let before = browser.clone();
    browser.get(&callback).await.is(303);
    browser
        .get(&callback)
        .await
        .is(403)
        .says("was not begun here");
    // Nor does it work with the cookie of before.
    let mut again = before;
    again
        .get(&callback)
        .await
        .is(403)
        .says("was not begun here");
    assert_eq!(house.bitbucket.token_requests("authorization_code"), 1);
}

#[tokio::test]
async fn two_callbacks_at_once_exchange_one_code() {
    let (house, browser, callback) = returned().await;
    let (mut one, mut other) = (browser.clone(), browser);
    let (one, other) = tokio::join!(one.get(&callback), other.get(&callback));
    let mut statuses = [one.status.as_u16(), other.status.as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [303, 403]);
    assert_eq!(house.bitbucket.token_requests("authorization_code"), 1);
}

#[tokio::test]
async fn who_is_at_bitbucket_for_too_long_begins_again() {
    let (house, mut browser, callback) = returned().await;
    house.clock.advance(Duration::minutes(20));
    browser.get(&callback).await.is(403).says("too long ago");
}

#[tokio::test]
async fn refusals_of_the_provider_are_words() {
    for (error, status, words) in [
        ("access_denied", 403, "You did not agree"),
        ("unauthorized_client", 502, "must check the OAuth consumer"),
        ("invalid_scope", 502, "must check the OAuth consumer"),
        ("server_error", 502, "cannot sign anybody in"),
        ("<script>alert(1)</script>", 502, "&lt;script&gt;"),
    ] {
        let (_house, mut browser, callback) = returned().await;
        let callback = changed(&callback, "code", None);
        let error: String = url::form_urlencoded::byte_serialize(error.as_bytes()).collect();
        let callback = format!("{callback}&error={error}&error_description=%3Cb%3E");
        let page = browser.get(&callback).await.is(status).says(words);
        assert!(!page.body.contains("<script>") && !page.body.contains("<b>"));
        assert!(!browser.is_in().await);
        // It was the answer: a code that comes later is none.
        browser
            .get(&callback)
            .await
            .is(403)
            .says("was not begun here");
    }
}

#[tokio::test]
async fn a_callback_without_code_or_with_two_is_no_answer() {
    let (_house, mut browser, callback) = returned().await;
    let page = browser.get(&changed(&callback, "code", None)).await;
    page.is(400).says("incomplete or doubled");
    let (_house, mut browser, callback) = returned().await;
    let page = browser.get(&format!("{callback}&state=x")).await;
    page.is(400).says("incomplete or doubled");
    assert!(!browser.is_in().await);
}

#[tokio::test]
async fn nothing_else_is_served_below_the_callback() {
    let (house, mut browser, callback) = returned().await;
    let (path, query) = callback.split_once('?').unwrap();
    for path in [
        format!("{path}/"),
        format!("{path}/x"),
        format!("{path}/../callback"),
        format!("{path}%2fx"),
        format!("{path};x"),
        format!("{path}x"),
        "/auth/bitbucket".to_owned(),
        "/auth/bitbucket/".to_owned(),
        "/auth/bitbucket/%63allback".to_owned(),
        "/auth/bitbucket//callback".to_owned(),
        "//auth/bitbucket/callback".to_owned(),
        "/AUTH/bitbucket/callback".to_owned(),
    ] {
        // The client would tidy the path up, so it is written by hand.
        let status = status_of(&house, &browser, &format!("{path}?{query}")).await;
        assert_eq!(status, 404, "{path}");
    }
    assert_eq!(house.bitbucket.token_requests("authorization_code"), 0);
    browser.get("/sign-in").await;
    browser.post(&callback, &[("code", "x")]).await.is(404);
}

async fn status_of(house: &House, browser: &Browser, target: &str) -> u16 {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let address = format!("127.0.0.1:{}", house.url.port().unwrap());
    let mut stream = tokio::net::TcpStream::connect(&address).await.unwrap();
    let cookie = browser.cookie.as_deref().unwrap();
    let request = format!(
        "GET {target} HTTP/1.1\r\nHost: {address}\r\nCookie: {cookie}\r\nConnection: close\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer.split(' ').nth(1).unwrap().parse().unwrap()
}

#[tokio::test]
async fn next_leads_to_our_own_pages_only() {
    for (next, expected) in [
        ("/account", "/account"),
        ("https://evil.example", "/"),
        ("//evil.example", "/"),
        ("/\\evil.example", "/"),
        ("javascript:alert(1)", "/"),
    ] {
        let house = House::new().await;
        house.administrator().await;
        house.open_door("member").await;
        house.consents(&house.member(1).await);
        let mut browser = house.browser();
        let page = browser.get(&format!("/sign-in?next={next}")).await;
        assert!(!page.body.contains("evil"), "{next}");
        let begun = browser.post("/sign-in/bitbucket", &[("next", next)]).await;
        let callback = browser.at_bitbucket(&begun).await;
        let page = browser.get(&callback).await.is(303);
        assert_eq!(page.location(), expected, "{next}");
        // Nor does the sign-in page lead elsewhere for those who are in.
        let page = browser.get(&format!("/sign-in?next={next}")).await;
        assert_eq!(page.location(), expected, "{next}");
    }
}

#[tokio::test]
async fn broken_replies_of_the_token_page_are_words() {
    let huge = format!("{{\"access_token\": \"{}\"}}", "a".repeat(300_000));
    for (effect, words) in [
        (Effect::Html { status: 200 }, "it is not JSON"),
        (Effect::Html { status: 503 }, "cannot be reached"),
        (
            Effect::Answer {
                status: 200,
                headers: vec![],
                body: huge,
            },
            "larger than",
        ),
        (
            Effect::Answer {
                status: 400,
                headers: vec![],
                body: r#"{"error": "invalid_grant"}"#.to_owned(),
            },
            "has expired",
        ),
        (Effect::Disconnect, "cannot be reached"),
    ] {
        let (house, mut browser, callback) = returned().await;
        house
            .bitbucket
            .add_fault(Fault::on_path(TOKEN_PAGE, effect));
        browser.get(&callback).await.refuses().says(words);
        assert!(!browser.is_in().await);
    }
}

#[tokio::test]
async fn a_wrong_secret_says_what_to_check() {
    let house = House::planned(Plan {
        secret: "another-secret",
        ..Plan::default()
    })
    .await;
    house.administrator().await;
    house.consents(&house.member(1).await);
    let page = house.browser().sign_in().await.is(502);
    let page = page
        .says("invalid_client")
        .says("must check the OAuth consumer");
    assert!(!page.body.contains("another-secret"));
}

#[tokio::test]
async fn a_consumer_that_may_not_read_the_account_says_so() {
    let (house, mut browser, callback) = returned().await;
    let effect = Effect::Answer {
        status: 403,
        headers: vec![],
        body: "{}".to_owned(),
    };
    house
        .bitbucket
        .add_fault(Fault::on_path("/2.0/user", effect));
    let page = browser.get(&callback).await;
    page.is(502)
        .says("does not say who you are")
        .says("must check");
    assert!(!browser.is_in().await);
}

#[tokio::test]
async fn codes_and_tokens_are_not_repeated_in_pages() {
    let (house, mut browser, callback) = returned().await;
    let code = crate::support::between(&callback, "code=", "&")
        .unwrap()
        .to_owned();
    house
        .bitbucket
        .add_fault(Fault::on_path(TOKEN_PAGE, Effect::Html { status: 503 }));
    let page = browser.get(&callback).await.is(502);
    assert!(!page.body.contains(&code));
}
