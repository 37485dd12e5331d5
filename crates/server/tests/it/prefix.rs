//! Below a path that the service shares its host by.

use std::time::Duration;

use bucketload_model::{ImportEvent, Stage};
use serde_json::{Value, json};

use crate::browser::sign_in;
use crate::support::{House, Plan};
use crate::tokens;
use crate::webdriver::Chromium;

const PATH: &str = "/it/loads";

async fn house() -> House {
    let plan = Plan {
        path: PATH,
        ..Plan::default()
    };
    House::planned(plan).await
}

#[tokio::test]
async fn every_address_of_an_answer_has_the_prefix() {
    let house = house().await;
    assert!(house.url.path().ends_with("/it/loads/"));
    let mut browser = house.browser();
    let answer = browser.get("/").await.is(303);
    assert_eq!(answer.location(), "/it/loads/sign-in");
    let cookie = answer.headers["set-cookie"].to_str().unwrap();
    assert!(cookie.contains("; Path=/it/loads; "), "{cookie}");
    let page = browser.get("/setup").await.is(200);
    let page = page.says("<base href=\"/it/loads/\">");
    assert!(!page.body.contains("href=\"/assets"), "{}", page.body);
    let fields = [
        ("code", house.first_code().await),
        ("display_name", "Ada".to_owned()),
    ];
    let answer = browser.post("/setup", &fields).await.is(303);
    assert_eq!(answer.location(), "/it/loads/");
    // Where somebody goes on after a sign-in is known without the prefix.
    let answer = house.browser().get("/imports?q=kettle").await.is(303);
    assert_eq!(
        answer.location(),
        "/it/loads/sign-in?next=%2Fimports%3Fq%3Dkettle"
    );
    browser
        .get("/imports")
        .await
        .is(200)
        .says("href=\"./imports#content\"");
    // A path that looks like a scheme or a host stays one of ours.
    for path in ["//evil.example/x", "/javascript:alert(1)"] {
        let page = browser.get(path).await.is(404);
        assert!(!page.body.contains("href=\"//"), "{}", page.body);
        assert!(!page.body.contains("href=\"javascript"), "{}", page.body);
    }
}

/// Some proxies take the prefix away, and probes ask past the proxy.
#[tokio::test]
async fn what_comes_without_the_prefix_is_answered_too() {
    let house = house().await;
    let mut browser = house.browser();
    let whole = house.url.join("/healthz").unwrap();
    let answer = browser.send(browser.http.get(whole)).await;
    answer.is(200);
    browser.get("/healthz").await.is(200);
    // Only whole segments are a prefix.
    let other = house.url.join("/it/loadstone").unwrap();
    browser.send(browser.http.get(other)).await.is(404);
}

#[tokio::test]
async fn the_next_page_of_the_api_has_the_prefix() {
    let house = house().await;
    for name in ["teapots/kettle", "teapots/pot"] {
        house.enqueue(name).await;
    }
    let mut ada = house.administrator().await;
    let token = tokens::make(&mut ada, &["imports:read"], "30").await;
    let request = ada.http.get(ada.address("/api/v1/imports?limit=1"));
    let page = ada.send(request.bearer_auth(token)).await.is(200);
    let list: Value = serde_json::from_str(&page.body).unwrap();
    let next = list["next"].as_str().unwrap();
    assert!(
        next.starts_with(&format!("{}api/v1/imports?", house.url)),
        "{next}"
    );
}

/// In a browser: style, script, forms, links, events, and the way to Bitbucket and back.
#[tokio::test]
async fn a_person_finds_everything_below_the_prefix() {
    let Some(browser) = Chromium::start().await else {
        return;
    };
    let house = house().await;
    let home = house.url.as_str();
    let kettle = house.enqueue("teapots/kettle").await;
    sign_in(&browser, &house).await;
    assert_eq!(browser.url().await, format!("{home}imports"));
    let colour = "return getComputedStyle(document.body).backgroundColor";
    assert_eq!(browser.run(colour).await, "rgb(245, 247, 249)");
    // The events find the page.
    let claimed = house.claim(kettle).await;
    let row = format!("#import-{kettle}");
    browser
        .wait_for_at_most(
            &format!("{row}[data-state=running]"),
            Duration::from_mins(1),
        )
        .await;
    house.advance(kettle, Stage::Git, 1, 1).await;
    house.release(&claimed, ImportEvent::Completed, None).await;
    browser
        .wait_for(&format!("{row}[data-state=complete]"))
        .await;
    // A jump within the page does not load it.
    browser.run("window.same = true").await;
    browser.run("document.querySelector('.skip').click()").await;
    assert_eq!(browser.run("return window.same").await, true);
    assert_eq!(
        browser.run("return document.activeElement.id").await,
        "content"
    );
    browser.click(&format!("{row} th a")).await;
    browser.wait_for("#stages").await;
    assert_eq!(browser.url().await, format!("{home}imports/{kettle}"));
    browser.go(&format!("{home}account")).await;
    browser
        .click("form[action='account/identities'] button")
        .await;
    browser.click("#grant").await;
    browser.wait_for("#identities .rows li").await;
    assert_eq!(browser.url().await, format!("{home}account"));
    // Every link of these pages stays below the prefix or leads to another site.
    for page in [
        "imports",
        "repositories",
        "account",
        "administration/users",
        "nowhere",
    ] {
        browser.go(&format!("{home}{page}")).await;
        let outside = browser
            .run(
                "return [...document.querySelectorAll('a, form, link, script')]
                     .flatMap(one => ['href', 'action', 'src'].map(name => one.getAttribute(name)))
                     .filter(one => one !== null)
                     .map(one => new URL(one, document.baseURI).href)
                     .filter(one => one.startsWith(location.origin))
                     .filter(one => !one.startsWith(document.baseURI));",
            )
            .await;
        assert_eq!(outside, json!([]), "{page}");
    }
}
