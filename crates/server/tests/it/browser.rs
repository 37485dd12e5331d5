//! The way of a person through the pages, in a real browser.

use crate::support::House;
use crate::webdriver::Chromium;

const BUTTON: &str = "form[action='/sign-in/bitbucket'] button";

/// From nothing to an administrator who signs in with Bitbucket.
#[tokio::test]
async fn a_person_sets_up_signs_out_and_signs_in_with_bitbucket() {
    let Some(browser) = Chromium::start().await else {
        return;
    };
    let house = House::new().await;
    let home = house.url.as_str();
    browser.go(home).await;
    assert_eq!(browser.url().await, format!("{home}setup"));
    browser
        .write("[name=code]", &house.first_code().await)
        .await;
    browser.write("[name=display_name]", "Ada").await;
    browser.click("form button").await;
    browser.wait_for(".blank").await;
    assert_eq!(browser.url().await, home);
    assert_eq!(browser.text("h1").await, "Imports");
    // The cookie as the browser keeps it; no script sees it.
    let cookies = browser.cookies().await;
    assert_eq!(cookies.len(), 1, "{cookies:?}");
    assert_eq!(cookies[0]["name"], "bucketload");
    assert_eq!(cookies[0]["httpOnly"], true);
    assert_eq!(cookies[0]["sameSite"], "Lax");
    assert_eq!(browser.run("return document.cookie").await, "");
    // Connects an account, through the consent page.
    browser.go(&format!("{home}account")).await;
    browser
        .click("form[action='/account/identities'] button")
        .await;
    browser.wait_for("#grant").await;
    assert!(browser.url().await.contains("/site/oauth2/authorize"));
    browser.click("#grant").await;
    browser.wait_for("#identities .rows li").await;
    assert_eq!(browser.url().await, format!("{home}account"));
    // Lets it import, through the consent page again.
    browser
        .click("form[action='/account/connections'] button")
        .await;
    browser.click("#grant").await;
    browser.wait_for("#connections .rows li").await;
    assert_eq!(browser.url().await, format!("{home}account"));
    // Makes a token.
    browser.click("#tokens summary").await;
    browser.write("#tokens [name=name]", "nightly").await;
    browser.click("#tokens details button").await;
    let token = browser.property("#new-token", "value").await;
    assert!(token.as_str().unwrap().starts_with("blt_"), "{token}");
    let answer = house
        .browser()
        .http
        .get(format!("{home}api/v1/user"))
        .bearer_auth(token.as_str().unwrap())
        .send()
        .await;
    assert_eq!(answer.unwrap().status(), 200);
    // Out, and in again without a code.
    let before = browser.cookies().await[0]["value"].clone();
    browser.click(".leave button").await;
    browser.wait_for(BUTTON).await;
    assert_eq!(browser.url().await, format!("{home}sign-in"));
    browser.click(BUTTON).await;
    browser.click("#grant").await;
    browser.wait_for(".blank").await;
    assert_eq!(browser.url().await, home);
    assert_eq!(browser.text(".who").await, "Ada");
    assert_ne!(browser.cookies().await[0]["value"], before);
}

#[tokio::test]
async fn a_person_who_does_not_agree_is_told_and_stays_out() {
    let Some(browser) = Chromium::start().await else {
        return;
    };
    let house = House::new().await;
    house.administrator().await;
    let home = house.url.as_str();
    browser.go(home).await;
    browser.click(BUTTON).await;
    browser.click("#deny").await;
    browser.wait_for(".remedy").await;
    assert_eq!(browser.text("h1").await, "You did not agree");
    browser.go(home).await;
    browser.wait_for(BUTTON).await;
    assert_eq!(browser.url().await, format!("{home}sign-in"));
}

/// The policy lets nothing in that stands in the page itself or elsewhere.
#[tokio::test]
async fn a_page_runs_no_scripts_of_its_own() {
    let Some(browser) = Chromium::start().await else {
        return;
    };
    let house = House::new().await;
    house.administrator().await;
    browser.go(house.url.as_str()).await;
    let script = "const script = document.createElement('script');
        script.textContent = 'window.ran = true';
        document.body.append(script);
        const button = document.createElement('button');
        button.setAttribute('onclick', 'window.ran = true');
        document.body.append(button);
        button.click();
        return window.ran === true;";
    assert_eq!(browser.run(script).await, false);
    // The style sheet is there: the page is not bare.
    let colour = "return getComputedStyle(document.body).backgroundColor";
    assert_eq!(browser.run(colour).await, "rgb(245, 247, 249)");
}

/// At the width of a small telephone nothing sticks out.
#[tokio::test]
async fn pages_fit_a_small_screen() {
    let Some(browser) = Chromium::start().await else {
        return;
    };
    let house = House::new().await;
    let home = house.url.as_str();
    browser.narrow().await;
    browser.go(home).await;
    browser
        .write("[name=code]", &house.first_code().await)
        .await;
    browser
        .write("[name=display_name]", &"Ada".repeat(30))
        .await;
    browser.click("form button").await;
    browser.wait_for(".blank").await;
    for path in [
        "",
        "account",
        "administration/users",
        "administration/sign-in",
        "administration/audit",
        "nowhere",
    ] {
        browser.go(&format!("{home}{path}")).await;
        // What sticks out, if anything does.
        let wide = browser
            .run(
                "return [...document.body.querySelectorAll('*')]
                     .filter(one => one.getBoundingClientRect().right > 380.5)
                     .map(one => one.outerHTML.slice(0, 80));",
            )
            .await;
        assert_eq!(wide, serde_json::json!([]), "{path}");
    }
}
