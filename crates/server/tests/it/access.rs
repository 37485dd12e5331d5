//! Every route, as every kind of visitor sees it. A route that is in neither table fails.

use std::collections::BTreeSet;

use bucketload_model::{TokenScope, UserRole, UserState};
use bucketload_server::{Who, routes};
use reqwest::{Method, header};

use crate::repositories::{UPLOAD, WIKI_UPLOAD, upload_to};
use crate::support::{Browser, House, WORKSPACE};
use crate::tokens::make;

const STYLE: &str = concat!("/assets/", env!("CARGO_PKG_VERSION"), "/style.css");
const SCRIPT: &str = concat!("/assets/", env!("CARGO_PKG_VERSION"), "/live.js");
const ICON: &str = concat!("/assets/", env!("CARGO_PKG_VERSION"), "/icon.svg");

/// What a page, or a form with nothing in it but its token, answers to a stranger,
/// somebody to be approved, somebody blocked, a viewer, a member and an administrator.
#[rustfmt::skip]
const PAGES: [(&str, &str, [u16; 6]); 56] = [
    ("GET", "/", [303, 403, 303, 303, 303, 303]),
    ("GET", "/imports", [303, 403, 303, 200, 200, 200]),
    ("POST", "/imports/ask", [303, 403, 303, 403, 422, 422]),
    ("GET", "/imports/new", [303, 403, 303, 403, 200, 200]),
    ("POST", "/imports/new", [303, 403, 303, 403, 422, 422]),
    ("POST", "/imports/new/start", [303, 403, 303, 403, 422, 422]),
    ("GET", "/imports/{id}", [303, 403, 303, 200, 200, 200]),
    ("GET", "/repositories", [303, 403, 303, 200, 200, 200]),
    ("GET", "/repositories/{workspace}/{slug}", [303, 403, 303, 404, 404, 404]),
    ("GET", "/repositories/{workspace}/{slug}/pull-requests", [303, 403, 303, 404, 404, 404]),
    ("GET", "/repositories/{workspace}/{slug}/pull-requests/{id}", [303, 403, 303, 404, 404, 404]),
    ("GET", "/repositories/{workspace}/{slug}/pull-requests/{id}/text", [303, 403, 303, 404, 404, 404]),
    ("GET", "/repositories/{workspace}/{slug}/issues", [303, 403, 303, 404, 404, 404]),
    ("GET", "/repositories/{workspace}/{slug}/issues/{id}", [303, 403, 303, 404, 404, 404]),
    ("GET", "/repositories/{workspace}/{slug}/issues/{id}/text", [303, 403, 303, 404, 404, 404]),
    ("GET", "/repositories/{workspace}/{slug}/issues/{id}/files/{sha256}", [303, 403, 303, 404, 404, 404]),
    ("GET", "/repositories/{workspace}/{slug}/images/{sha256}", [303, 403, 303, 404, 404, 404]),
    ("GET", "/repositories/{workspace}/{slug}/downloads", [303, 403, 303, 404, 404, 404]),
    ("GET", "/repositories/{workspace}/{slug}/downloads/{sha256}", [303, 403, 303, 404, 404, 404]),
    ("POST", UPLOAD, [303, 403, 303, 403, 422, 422]),
    ("POST", WIKI_UPLOAD, [303, 403, 303, 403, 422, 422]),
    ("GET", "/quota", [303, 403, 303, 200, 200, 200]),
    ("GET", "/events", [303, 403, 303, 200, 200, 200]),
    ("GET", "/setup", [303, 303, 303, 303, 303, 303]),
    ("POST", "/setup", [422, 422, 422, 422, 422, 422]),
    ("GET", "/sign-in", [200, 303, 200, 303, 303, 303]),
    ("POST", "/sign-in/code", [422, 422, 422, 422, 422, 422]),
    ("GET", "/auth/bitbucket/callback", [403; 6]),
    ("GET", "/account", [303, 403, 303, 200, 200, 200]),
    ("POST", "/account/identities", [303, 403, 303, 303, 303, 303]),
    ("POST", "/account/identities/disconnect", [303, 403, 303, 422, 422, 422]),
    ("POST", "/account/connections", [303, 403, 303, 403, 303, 303]),
    ("POST", "/account/connections/remove", [303, 403, 303, 422, 422, 422]),
    ("POST", "/account/sessions/end", [303, 403, 303, 422, 422, 422]),
    ("POST", "/account/tokens", [303, 403, 303, 422, 422, 422]),
    ("POST", "/account/tokens/remove", [303, 403, 303, 422, 422, 422]),
    ("GET", "/administration/users", [303, 403, 303, 403, 403, 200]),
    ("POST", "/administration/users", [303, 403, 303, 403, 403, 422]),
    ("GET", "/administration/sign-in", [303, 403, 303, 403, 403, 200]),
    ("POST", "/administration/sign-in", [303, 403, 303, 403, 403, 422]),
    ("GET", "/administration/credentials", [303, 403, 303, 403, 403, 200]),
    ("POST", "/administration/credentials/remove", [303, 403, 303, 403, 403, 422]),
    ("GET", "/administration/limits", [303, 403, 303, 403, 403, 200]),
    ("POST", "/administration/limits", [303, 403, 303, 403, 403, 422]),
    ("GET", "/administration/notices", [303, 403, 303, 403, 403, 200]),
    ("GET", "/administration/audit", [303, 403, 303, 403, 403, 200]),
    ("GET", "/healthz", [200; 6]),
    ("GET", "/readyz", [200; 6]),
    ("GET", "/api/v1/openapi.json", [200; 6]),
    ("GET", STYLE, [200; 6]),
    ("GET", SCRIPT, [200; 6]),
    ("GET", ICON, [200; 6]),
    // From this machine; a session makes no difference.
    ("GET", "/metrics", [200; 6]),
    // They end the session, and so they come last.
    ("POST", "/sign-in/bitbucket", [303; 6]),
    ("POST", "/sign-out", [303; 6]),
    ("POST", "/sign-out/everywhere", [303; 6]),
];

/// What the API answers without a token; and with tokens for everything of somebody who is
/// blocked, for reading and for writing of a member, and for everything of somebody who
/// is a viewer by now.
#[rustfmt::skip]
const API: [(&str, &str, [u16; 5]); 17] = [
    ("GET", "/api/v1/user", [401, 401, 200, 200, 200]),
    ("GET", "/api/v1/imports", [401, 401, 200, 403, 200]),
    ("POST", "/api/v1/imports", [401, 401, 403, 202, 403]),
    ("GET", "/api/v1/imports/{id}", [401, 401, 200, 403, 200]),
    ("GET", "/api/v1/imports/{id}/log", [401, 401, 200, 403, 200]),
    ("POST", "/api/v1/imports/{id}/{ask}", [401, 401, 403, 200, 403]),
    ("GET", "/api/v1/repositories", [401, 401, 200, 403, 200]),
    ("GET", "/api/v1/repositories/{workspace}/{slug}", [401, 401, 404, 403, 404]),
    ("GET", "/api/v1/repositories/{workspace}/{slug}/pull-requests", [401, 401, 404, 403, 404]),
    ("GET", "/api/v1/repositories/{workspace}/{slug}/pull-requests/{id}", [401, 401, 404, 403, 404]),
    ("GET", "/api/v1/repositories/{workspace}/{slug}/issues", [401, 401, 404, 403, 404]),
    ("GET", "/api/v1/repositories/{workspace}/{slug}/issues/{id}", [401, 401, 404, 403, 404]),
    ("GET", "/api/v1/credentials", [401, 401, 403, 200, 403]),
    // Nobody connected Bitbucket, and without a credential there are no workspaces.
    ("GET", "/api/v1/workspaces", [401, 401, 403, 200, 403]),
    ("GET", "/api/v1/workspaces/{workspace}/repositories", [401, 401, 403, 200, 403]),
    ("GET", "/api/v1/quota", [401, 401, 200, 403, 200]),
    // From elsewhere.
    ("GET", "/metrics", [401, 401, 200, 403, 200]),
];

#[test]
fn every_route_is_in_a_table_and_no_other() {
    let pages = PAGES.iter().map(|(method, path, _)| (*method, *path));
    let api = API.iter().map(|(method, path, _)| (*method, *path));
    let tested: BTreeSet<_> = pages.chain(api).collect();
    let routes = routes();
    let known: BTreeSet<_> = routes
        .iter()
        .map(|route| (route.method.as_str(), route.path.as_str()))
        .collect();
    assert_eq!(known, tested);
}

/// The tables say what is; the list of routes says what is meant.
#[test]
fn the_tables_let_in_whom_the_routes_are_for() {
    for route in routes() {
        let is_of = |method: &str, path: &str| route.method == method && route.path == path;
        let page = PAGES.iter().find(|row| is_of(row.0, row.1));
        let api = API.iter().find(|row| is_of(row.0, row.1));
        let least = match route.who {
            Who::People => Some([303, 403, 303, 0, 0, 0]),
            Who::Members => Some([303, 403, 303, 403, 0, 0]),
            Who::Administrators => Some([303, 403, 303, 403, 403, 0]),
            Who::Anybody | Who::Token(_) | Who::LocalOrToken(_) => None,
        };
        if let Some(turned_away) = least {
            agrees(&turned_away, &page.unwrap().2, &route.path);
        }
        let scoped = match route.who {
            Who::Token(None) => [401, 401, 0, 0, 0],
            Who::Token(Some(TokenScope::ImportsRead))
            | Who::LocalOrToken(TokenScope::ImportsRead) => [401, 401, 0, 403, 0],
            Who::Token(Some(TokenScope::ImportsWrite)) => [401, 401, 403, 0, 403],
            _ => continue,
        };
        agrees(&scoped, &api.unwrap().2, &route.path);
    }
}

/// Where there is no 0, nobody comes in; where there is one, they do.
#[track_caller]
fn agrees(turned_away: &[u16], answers: &[u16], path: &str) {
    for (expected, answer) in turned_away.iter().zip(answers) {
        match expected {
            0 => assert!(![401, 403].contains(answer), "{path}: {answers:?}"),
            status => assert_eq!(status, answer, "{path}: {answers:?}"),
        }
    }
}

#[tokio::test]
async fn every_page_and_form_is_for_whom_it_is_for() {
    let house = House::new().await;
    let administrator = house.administrator().await;
    house.open_door("viewer").await;
    let import = house.enqueue("teapots/kettle").await.to_string();
    let mut browsers = vec![house.browser()];
    let kinds = [
        (UserRole::Administrator, UserState::Pending),
        (UserRole::Administrator, UserState::Blocked),
        (UserRole::Viewer, UserState::Active),
        (UserRole::Member, UserState::Active),
    ];
    for (index, (role, state)) in kinds.into_iter().enumerate() {
        browsers.push(house.signed_in(&house.member(index).await).await);
        let user = house.archive.users().await.unwrap().pop().unwrap();
        house.set_user(user.id, role, state).await;
    }
    browsers.push(administrator);
    for (kind, browser) in browsers.iter_mut().enumerate() {
        for (method, path, expected) in PAGES {
            let address = path.replace("{id}", &import);
            let status = if method == "GET" {
                glance(browser, &address).await
            } else {
                with_form(browser).await;
                send_form(browser, &address).await
            };
            assert_eq!(status, expected[kind], "{method} {path} as {kind}");
        }
    }
}

/// Opens a page that has a form of this session.
async fn with_form(browser: &mut Browser) {
    if browser.get("/account").await.status == 303 {
        browser.get("/sign-in").await;
    }
}

/// Sends a form with nothing in it but its token.
async fn send_form(browser: &mut Browser, address: &str) -> u16 {
    let page = if [UPLOAD, WIKI_UPLOAD].contains(&address) {
        let token = browser.form_token.clone().unwrap_or_default();
        upload_to(browser, address, &token, "", b"").await
    } else {
        browser.post::<&str>(address, &[]).await
    };
    page.status.as_u16()
}

/// The status of a page, which may have no end.
async fn glance(browser: &Browser, address: &str) -> u16 {
    let mut request = browser.http.get(browser.address(address));
    if let Some(cookie) = &browser.cookie {
        request = request.header(header::COOKIE, cookie);
    }
    request.send().await.unwrap().status().as_u16()
}

#[tokio::test]
async fn the_api_is_for_tokens_with_the_scope() {
    let house = House::new().await;
    house.administrator().await;
    house.open_door("member").await;
    let import = house.enqueue("teapots/kettle").await.to_string();
    let all = ["imports:read", "imports:write"];
    let mut tokens = vec![None];
    for (index, scopes) in [&all[..], &all[..1], &all[1..], &all[..]]
        .iter()
        .enumerate()
    {
        let mut browser = house.signed_in(&house.member(index).await).await;
        tokens.push(Some(make(&mut browser, scopes, "7").await));
        let user = house.archive.users().await.unwrap().pop().unwrap();
        let (role, state) = match index {
            0 => (UserRole::Member, UserState::Blocked),
            3 => (UserRole::Viewer, UserState::Active),
            _ => continue,
        };
        house.set_user(user.id, role, state).await;
    }
    let browser = house.browser();
    for (kind, token) in tokens.iter().enumerate() {
        for (method, path, expected) in API {
            let address = path.replace("{id}", &import).replace("{ask}", "pause");
            let address = address.replace("{workspace}", WORKSPACE);
            let method: Method = method.parse().unwrap();
            let mut request = browser
                .http
                .request(method.clone(), browser.address(&address))
                .header("x-forwarded-for", "192.0.2.1");
            if method == Method::POST {
                request = request
                    .header(header::CONTENT_TYPE, "application/json")
                    .body(r#"{"repositories":["teapots/urn"]}"#);
            }
            if let Some(token) = token {
                request = request.bearer_auth(token);
            }
            let status = request.send().await.unwrap().status();
            assert_eq!(status, expected[kind], "{method} {path} as {kind}");
        }
    }
}

/// Neither the session nor the token of somebody else goes away; the form is answered as
/// if there were none, so that it tells nothing either.
#[tokio::test]
async fn what_is_of_others_stays() {
    let house = House::new().await;
    let mut ada = house.administrator().await;
    make(&mut ada, &["imports:read"], "7").await;
    let user = house.archive.users().await.unwrap().pop().unwrap();
    house.open_door("member").await;
    let mut other = house.signed_in(&house.member(0).await).await;
    let archive = &house.archive;
    let token = archive.service_tokens_of(user.id).await.unwrap().remove(0);
    let sessions = archive.sessions_of(user.id, house.now()).await.unwrap();
    with_form(&mut other).await;
    let fields = [("token", &token.id)];
    other.post("/account/tokens/remove", &fields).await.is(303);
    for session in &sessions {
        let fields = [("session", &session.id)];
        other.post("/account/sessions/end", &fields).await.is(303);
    }
    let left = archive.service_tokens_of(user.id).await.unwrap();
    assert_eq!(left.len(), 1);
    assert!(!sessions.is_empty() && ada.is_in().await);
}

#[tokio::test]
async fn who_is_sent_to_sign_in_comes_back_to_where_they_wanted() {
    let house = House::new().await;
    house.administrator().await;
    let mut browser = house.browser();
    let page = browser.get("/administration/audit?before=a%2Fb").await;
    assert_eq!(
        page.location(),
        "/sign-in?next=%2Fadministration%2Faudit%3Fbefore%3Da%252Fb"
    );
    let page = browser.get(page.location()).await.is(200);
    page.says("value=\"/administration/audit?before=a%2Fb\"");
}
