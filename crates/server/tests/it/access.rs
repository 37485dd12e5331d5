//! Every route, as every kind of visitor sees it.

use bucketload_model::{UserRole, UserState};

use crate::support::House;

/// What a page answers to a stranger, somebody to be approved, a viewer, a member and
/// an administrator.
const PAGES: [(&str, [u16; 5]); 14] = [
    ("/", [303, 403, 303, 303, 303]),
    ("/imports", [303, 403, 200, 200, 200]),
    ("/imports/unknown", [303, 403, 404, 404, 404]),
    ("/repositories", [303, 403, 200, 200, 200]),
    ("/repositories/un/known", [303, 403, 404, 404, 404]),
    ("/setup", [303, 303, 303, 303, 303]),
    ("/sign-in", [200, 303, 303, 303, 303]),
    ("/account", [303, 403, 200, 200, 200]),
    ("/administration/users", [303, 403, 403, 403, 200]),
    ("/administration/sign-in", [303, 403, 403, 403, 200]),
    ("/administration/audit", [303, 403, 403, 403, 200]),
    ("/healthz", [200, 200, 200, 200, 200]),
    ("/readyz", [200, 200, 200, 200, 200]),
    // From this machine.
    ("/metrics", [200, 200, 200, 200, 200]),
];

/// The same for forms with nothing in them but their token.
const FORMS: [(&str, [u16; 5]); 13] = [
    ("/imports/ask", [303, 403, 403, 422, 422]),
    // Its token has to stand in a form with a file.
    ("/repositories/issue-export", [303, 403, 403, 403, 403]),
    ("/sign-in/code", [422, 422, 422, 422, 422]),
    ("/account/identities", [303, 403, 303, 303, 303]),
    ("/account/identities/disconnect", [303, 403, 422, 422, 422]),
    ("/account/connections", [303, 403, 403, 303, 303]),
    ("/account/connections/remove", [303, 403, 422, 422, 422]),
    ("/account/sessions/end", [303, 403, 422, 422, 422]),
    ("/account/tokens", [303, 403, 422, 422, 422]),
    ("/account/tokens/remove", [303, 403, 422, 422, 422]),
    ("/administration/users", [303, 403, 403, 403, 422]),
    ("/administration/sign-in", [303, 403, 403, 403, 422]),
    ("/sign-out", [303, 303, 303, 303, 303]),
];

#[tokio::test]
async fn every_page_and_form_is_for_whom_it_is_for() {
    let house = House::new().await;
    let administrator = house.administrator().await;
    house.open_door("viewer").await;
    let mut browsers = vec![house.browser()];
    let kinds = [
        (UserRole::Administrator, UserState::Pending),
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
        for (path, expected) in PAGES {
            let page = browser.get(path).await;
            assert_eq!(page.status, expected[kind], "GET {path} as {kind}");
        }
        // A page with a form that belongs to this session.
        let page = browser.get("/account").await;
        if page.status == 303 {
            browser.get("/sign-in").await;
        }
        for (path, expected) in FORMS {
            let page = browser.post::<&str>(path, &[]).await;
            assert_eq!(page.status, expected[kind], "POST {path} as {kind}");
        }
    }
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
