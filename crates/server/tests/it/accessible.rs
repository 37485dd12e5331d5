//! Every page held against the rules of accessibility (WCAG 2.2, levels A and AA, and axe's
//! own best practices), as a browser shows it: light, dark, and on a small screen.

use bucketload_model::Stage;
use serde_json::{Value, json};

use crate::discussions::recording;
use crate::support::House;
use crate::webdriver::Chromium;

/// axe-core, which `scripts/test` brings.
const AXE: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../target/axe/node_modules/axe-core/axe.min.js"
);

/// Pages that a signed-in administrator sees.
const PAGES: &[&str] = &[
    "imports",
    "imports?q=nothing",
    "imports/new",
    "imports/new?workspace=seaside",
    "repositories",
    "repositories/teapots/kettle",
    "quota",
    "repositories/teapots/kettle/pull-requests",
    "repositories/teapots/kettle/pull-requests?q=nothing",
    "repositories/teapots/kettle/pull-requests/1",
    "repositories/teapots/kettle/issues",
    "repositories/teapots/kettle/issues/7",
    "repositories/teapots/kettle/downloads",
    "account",
    "administration/users",
    "administration/sign-in",
    "administration/credentials",
    "administration/limits",
    "administration/notices",
    "administration/audit",
    "nowhere",
];

/// What breaks a rule: the rule, why, and the element.
const RUN: &str = "
    return axe.run(document, {
        runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'],
    }).then(found => found.violations.flatMap(rule => rule.nodes.map(
        node => rule.id + ': ' + rule.help + ': ' + node.html.slice(0, 200))));";

/// A browser that knows the rules. Nothing, with a word, where one of the two is missing.
async fn inspector() -> Option<(Chromium, String)> {
    let Ok(axe) = std::fs::read_to_string(AXE) else {
        eprintln!("skipped: axe-core is not in target/axe");
        return None;
    };
    Some((Chromium::start().await?, axe))
}

async fn violations(browser: &Chromium, axe: &str) -> Value {
    let mut found = Vec::new();
    for scheme in ["light", "dark"] {
        browser.prefer(scheme).await;
        let script = format!("{axe};\n{RUN}");
        let violations = browser.run(&script).await;
        for violation in violations.as_array().unwrap() {
            found.push(json!(format!("{scheme}: {}", violation.as_str().unwrap())));
        }
    }
    found.into()
}

#[tokio::test]
async fn no_page_breaks_a_rule() {
    let Some((browser, axe)) = inspector().await else {
        return;
    };
    let house = House::new().await;
    house.import(&recording()).await;
    let home = house.url.as_str();
    let check = async |path: &str| {
        assert_eq!(violations(&browser, &axe).await, json!([]), "/{path}");
    };
    // Before anybody is there, and on the way in.
    browser.go(home).await;
    browser.wait_for("[name=code]").await;
    check("setup").await;
    let code = house.first_code().await;
    browser.write("[name=code]", &code).await;
    browser.write("[name=display_name]", "Ada").await;
    browser.click("form button").await;
    browser.wait_for(".who").await;
    // Something of everything that an import can show.
    let kettle = house.enqueue("teapots/kettle").await;
    house.enqueue("boats/oar").await;
    house.claim(kettle).await;
    house.advance(kettle, Stage::Git, 3, 4).await;
    house.add_gap(kettle, "comments of #7", None).await;
    let import = format!("imports/{kettle}");
    for narrow in [false, true] {
        if narrow {
            browser.narrow().await;
        }
        for path in PAGES.iter().copied().chain([&*import]) {
            browser.go(&format!("{home}{path}")).await;
            check(path).await;
        }
    }
    browser.go(home).await;
    browser.click(".leave button").await;
    browser.wait_for("form[action='sign-in/bitbucket']").await;
    check("sign-in").await;
}

/// The rules are really applied: a page that breaks one is found out.
#[tokio::test]
async fn a_broken_rule_is_named() {
    let Some((browser, axe)) = inspector().await else {
        return;
    };
    let house = House::new().await;
    browser.go(house.url.as_str()).await;
    browser
        .run("document.documentElement.removeAttribute('lang'); return 0;")
        .await;
    let found = violations(&browser, &axe).await.to_string();
    assert!(found.contains("html-has-lang"), "{found}");
}
