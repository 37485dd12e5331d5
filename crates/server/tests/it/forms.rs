//! Forms that other sites send in a person's name.

use reqwest::header;

use crate::support::{Browser, House};

/// Every form that changes something, as somebody who is signed in could send it.
const FORMS: [&str; 20] = [
    "/imports/ask",
    "/imports/new",
    "/imports/new/start",
    "/repositories/issue-export",
    "/setup",
    "/sign-in/code",
    "/sign-in/bitbucket",
    "/sign-out",
    "/sign-out/everywhere",
    "/account/identities",
    "/account/identities/disconnect",
    "/account/connections",
    "/account/connections/remove",
    "/account/sessions/end",
    "/account/tokens",
    "/account/tokens/remove",
    "/administration/users",
    "/administration/sign-in",
    "/administration/credentials/remove",
    "/administration/limits",
];

async fn send(browser: &Browser, path: &str, body: String, headers: &[(&str, &str)]) -> u16 {
    let mut request = browser.form(path, body);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    browser.clone().send(request).await.status.as_u16()
}

#[tokio::test]
async fn no_form_is_let_in_without_the_token_of_its_session() {
    let house = House::new().await;
    let mut browser = house.administrator().await;
    browser.get("/account").await;
    let own = browser.form_token.clone().unwrap();
    let mut other = house.administrator().await;
    other.get("/account").await;
    let foreign = other.form_token.clone().unwrap();
    for path in FORMS {
        for body in [
            String::new(),
            "form_token=".to_owned(),
            "form_token=x".to_owned(),
            format!("form_token={foreign}"),
            format!("form_token={own}x"),
        ] {
            let status = send(&browser, path, body.clone(), &[]).await;
            assert_eq!(status, 403, "{path} {body}");
        }
        // Without a cookie there is no session that a form could belong to.
        let mut bare = browser.clone();
        bare.cookie = None;
        let body = format!("form_token={own}");
        assert_eq!(send(&bare, path, body, &[]).await, 403, "{path}");
    }
    assert!(browser.is_in().await);
}

#[tokio::test]
async fn a_foreign_origin_is_refused_even_with_the_token() {
    let house = House::new().await;
    let mut browser = house.administrator().await;
    browser.get("/account").await;
    let body = format!("form_token={}", browser.form_token.clone().unwrap());
    let ours = house.url.origin().ascii_serialization();
    for headers in [
        [("origin", "https://evil.example")],
        [("origin", "null")],
        [("origin", &*format!("{ours}.evil.example"))],
        [("origin", &*ours.replace("http", "https"))],
        [("sec-fetch-site", "cross-site")],
        [("sec-fetch-site", "same-site")],
    ] {
        for path in FORMS {
            let status = send(&browser, path, body.clone(), &headers).await;
            assert_eq!(status, 403, "{path} {headers:?}");
        }
    }
    assert!(browser.is_in().await);
    let headers = [("origin", &*ours), ("sec-fetch-site", "same-origin")];
    assert_eq!(send(&browser, "/sign-out", body, &headers).await, 303);
    assert!(!browser.is_in().await);
}

#[tokio::test]
async fn nothing_is_changed_by_a_link() {
    let house = House::new().await;
    let mut browser = house.administrator().await;
    for path in FORMS {
        let page = browser.get(path).await;
        let shown = [
            "/setup",
            "/imports/new",
            "/administration/users",
            "/administration/sign-in",
            "/administration/limits",
        ];
        assert!(
            page.status == 404 || shown.contains(&path),
            "{path} {}",
            page.status
        );
    }
    assert!(browser.is_in().await);
}

#[tokio::test]
async fn large_forms_and_forms_of_other_kinds_are_refused() {
    let house = House::new().await;
    let mut browser = house.administrator().await;
    browser.get("/account").await;
    let token = browser.form_token.clone().unwrap();
    let large = format!("form_token={token}&name={}", "a".repeat(70_000));
    assert_eq!(send(&browser, "/account/tokens", large, &[]).await, 413);
    let request = browser
        .http
        .post(browser.address("/sign-out"))
        .header(header::CONTENT_TYPE, "application/json")
        .body(format!("{{\"form_token\": \"{token}\"}}"));
    browser.clone().send(request).await.is(403);
    assert!(browser.is_in().await);
}
