//! The way of a person through the pages, in a real browser.

use bucketload_model::{ImportEvent, Stage};

use crate::support::House;
use crate::webdriver::Chromium;

const BUTTON: &str = "form[action='sign-in/bitbucket'] button";

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
    let first = format!("{home}imports");
    assert_eq!(browser.url().await, first);
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
        .click("form[action='account/identities'] button")
        .await;
    browser.wait_for("#grant").await;
    assert!(browser.url().await.contains("/site/oauth2/authorize"));
    browser.click("#grant").await;
    browser.wait_for("#identities .rows li").await;
    assert_eq!(browser.url().await, format!("{home}account"));
    // Lets it import, through the consent page again.
    browser
        .click("form[action='account/connections'] button")
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
    assert_eq!(browser.url().await, first);
    assert_eq!(browser.property(".who", "title").await, "Ada");
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
    let kettle = house
        .enqueue(&format!("teapots/{}", "kettle".repeat(20)))
        .await;
    house.claim(kettle).await;
    house.advance(kettle, Stage::Git, 3, 4).await;
    house
        .add_gap(kettle, &"comments of ".repeat(20), None)
        .await;
    for path in [
        "imports",
        &format!("imports/{kettle}"),
        "account",
        "administration/users",
        "administration/sign-in",
        "administration/notices",
        "administration/audit",
        "nowhere",
    ] {
        browser.go(&format!("{home}{path}")).await;
        // What sticks out, if anything does.
        let wide = browser
            .run(
                "return [...document.body.querySelectorAll('*')]
                     .filter(one => one.getBoundingClientRect().right > 380.5)
                     .filter(one => !one.closest('.away'))
                     .map(one => one.outerHTML.slice(0, 80));",
            )
            .await;
        assert_eq!(wide, serde_json::json!([]), "{path}");
    }
}

/// What happens elsewhere shows on the page without loading it again, also after the
/// connection was lost; what was chosen stays chosen.
#[tokio::test]
async fn an_open_list_moves_by_itself() {
    let Some(browser) = Chromium::start().await else {
        return;
    };
    let house = House::new().await;
    let kettle = house.enqueue("teapots/kettle").await;
    sign_in(&browser, &house).await;
    let row = format!("#import-{kettle}");
    browser.wait_for(&format!("{row}[data-state=queued]")).await;
    // The script is at work: nothing is chosen yet.
    browser.wait_for(".bulk button:disabled").await;
    browser.click(&format!("{row} input")).await;
    browser.wait_for(".bulk button:enabled").await;
    browser.run("window.same = true").await;
    let claimed = house.claim(kettle).await;
    browser
        .wait_for(&format!("{row}[data-state=running]"))
        .await;
    house.advance(kettle, Stage::PullRequests, 30, 40).await;
    // Three quarters of one stage of seventeen.
    browser
        .wait_for(&format!("{row} progress[value='4']"))
        .await;
    let said = browser.text(&format!("{row} .progress")).await;
    assert!(said.contains("30 of 40"), "{said}");
    house.enqueue("teapots/pot").await;
    browser.wait_for("[data-news]:not([hidden])").await;
    house.release(&claimed, ImportEvent::Completed, None).await;
    browser
        .wait_for(&format!("{row}[data-state=complete]"))
        .await;
    let said = browser.text("[data-said]").await;
    assert_eq!(said, "teapots/kettle: complete");
    // The same page all the time, in the reader's zone.
    assert_eq!(browser.run("return window.same").await, true);
    let checked = browser.property(&format!("{row} input"), "checked").await;
    assert_eq!(checked, true);
    let time = browser.text(&format!("{row} time")).await;
    assert!(!time.contains("UTC"), "{time}");
    // One click asks for all that is chosen.
    browser.click(".bulk [value=retry]").await;
    browser.wait_for("main section ul li").await;
    assert_eq!(browser.text("h1").await, "Not everything could be done");
}

/// The page of one import moves, too.
#[tokio::test]
async fn an_open_import_moves_by_itself() {
    let Some(browser) = Chromium::start().await else {
        return;
    };
    let house = House::new().await;
    let kettle = house.enqueue("teapots/kettle").await;
    sign_in(&browser, &house).await;
    browser.go(&format!("{}imports/{kettle}", house.url)).await;
    browser.wait_for("#stages .empty").await;
    house.claim(kettle).await;
    house.advance(kettle, Stage::Git, 3, 4).await;
    browser.wait_for("#stages .stage.running").await;
    house.add_gap(kettle, "members", None).await;
    house.advance(kettle, Stage::Git, 4, 4).await;
    browser.wait_for("#gaps .gap-group").await;
    browser.click("#asks [value=cancel]").await;
    browser
        .wait_for(&format!("#import-{kettle}[data-state=cancelling]"))
        .await;
    browser.wait_for("#log li:nth-child(3)").await;
    let log = browser.text("#log").await;
    assert!(log.contains("asked to stop"), "{log}");
}

/// Lets the first administrator in.
pub(crate) async fn sign_in(browser: &Chromium, house: &House) {
    browser.go(house.url.as_str()).await;
    browser
        .write("[name=code]", &house.first_code().await)
        .await;
    browser.write("[name=display_name]", "Ada").await;
    browser.click("form button").await;
    browser.wait_for("main[data-events]").await;
}

/// A browser sends the fields of the form in the order in which they are read.
#[tokio::test]
async fn an_export_is_uploaded_from_the_page_of_its_repository() {
    let Some(browser) = Chromium::start().await else {
        return;
    };
    let house = House::new().await;
    let folder = tempfile::tempdir().unwrap();
    let export = folder.path().join("db-2.0.json");
    std::fs::write(&export, r#"{"issues": [{"id": 1, "title": "It drips"}]}"#).unwrap();
    let export = export.to_str().unwrap();
    sign_in(&browser, &house).await;
    // The first brings the repository into the archive, the second stands on its page.
    browser.go(&format!("{}repositories", house.url)).await;
    browser.write("[name=repository]", "teapots/kettle").await;
    for _ in 0..2 {
        browser.write("[name=export]", export).await;
        browser.click("#issue-export button").await;
        browser.wait_for(".badge.good").await;
        browser.click(".back a").await;
        browser.wait_for("#holdings .amounts").await;
    }
    assert_eq!(browser.text("h1").await, "teapots/kettle");
}

/// A link that takes the code along fills it in and leaves no trace of it in the address; where
/// nothing else is asked, it signs in at once.
#[tokio::test]
async fn a_link_takes_its_code_along() {
    let Some(browser) = Chromium::start().await else {
        return;
    };
    let house = House::new().await;
    let home = house.url.as_str();
    let code = house.first_code().await;
    browser.go(&format!("{home}setup#{code}")).await;
    let filled = browser.property("[name=code]", "value").await;
    assert_eq!(filled, code);
    assert_eq!(browser.url().await, format!("{home}setup"));
    browser.write("[name=display_name]", "Ada").await;
    browser.click("form button").await;
    browser.wait_for("main[data-events]").await;
    browser.click(".leave button").await;
    browser.wait_for(BUTTON).await;
    let code = house.administrator_code().await;
    browser.go(&format!("{home}sign-in#{code}")).await;
    browser.wait_for("main[data-events]").await;
    assert_eq!(browser.url().await, format!("{home}imports"));
    // Used up; and what is no code is left alone.
    browser.click(".leave button").await;
    browser.wait_for(BUTTON).await;
    browser.go("about:blank").await;
    browser.go(&format!("{home}sign-in#{code}")).await;
    browser.wait_for("#error").await;
    browser.go("about:blank").await;
    browser.go(&format!("{home}sign-in#content")).await;
    browser.wait_for(BUTTON).await;
    assert_eq!(browser.property("[name=code]", "value").await, "");
}
