//! Imports by the API: lists in pages, what is known is not sent again, what is asked is done.

use bucketload_model::{ImportState, Stage};
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{House, Page};
use crate::tokens::make;

/// A script with a token.
pub(crate) struct Script<'a> {
    house: &'a House,
    token: String,
}

impl<'a> Script<'a> {
    pub(crate) async fn new(house: &'a House, scopes: &[&str]) -> Self {
        let mut ada = house.administrator().await;
        let token = make(&mut ada, scopes, "7").await;
        Self { house, token }
    }

    pub(crate) async fn send(&self, method: Method, path: &str, body: Option<&Value>) -> Page {
        let mut browser = self.house.browser();
        let mut request = browser.http.request(method, browser.address(path));
        request = request.bearer_auth(&self.token);
        if let Some(body) = body {
            request = request
                .header("content-type", "application/json")
                .body(body.to_string());
        }
        browser.send(request).await
    }

    pub(crate) async fn get(&self, path: &str) -> Page {
        self.send(Method::GET, path, None).await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Page {
        self.send(Method::POST, path, Some(body)).await
    }
}

pub(crate) fn json_of(page: &Page) -> Value {
    serde_json::from_str(&page.body).unwrap()
}

const IMPORTS: &str = "/api/v1/imports";

#[tokio::test]
async fn lists_come_in_pages_that_lead_to_each_other() {
    let house = House::new().await;
    let script = Script::new(&house, &["imports:read"]).await;
    for name in ["teapots/a", "teapots/b", "boats/c"] {
        house.enqueue(name).await;
    }
    let page = script.get(&format!("{IMPORTS}?limit=2")).await.is(200);
    let list = json_of(&page);
    assert_eq!(list["imports"][0]["source"], "boats/c");
    assert_eq!(list["imports"][0]["progress"]["percent"], 0);
    let next = list["next"].as_str().unwrap();
    assert_eq!(page.headers["link"], format!("<{next}>; rel=\"next\""));
    let path = next.strip_prefix(house.url.as_str()).unwrap();
    let list = json_of(&script.get(&format!("/{path}")).await.is(200));
    assert_eq!(list["imports"].as_array().unwrap().len(), 1);
    assert_eq!(list["next"], Value::Null);
    let list = json_of(&script.get(&format!("{IMPORTS}?workspace=boats")).await);
    assert_eq!(list["imports"][0]["source"], "boats/c");
    for bad in ["state=eaten", "limit=0", "limit=101", "before=x", "page=2"] {
        let page = script.get(&format!("{IMPORTS}?{bad}")).await.is(400);
        assert_eq!(page.headers["content-type"], "application/problem+json");
    }
}

#[tokio::test]
async fn what_is_known_is_not_sent_again() {
    let house = House::new().await;
    let script = Script::new(&house, &["imports:read"]).await;
    let kettle = house.enqueue("teapots/kettle").await;
    for path in [IMPORTS.to_owned(), format!("{IMPORTS}/{kettle}")] {
        let page = script.get(&path).await.is(200);
        let tag = page.headers["etag"].to_str().unwrap().to_owned();
        let again = async || {
            let mut browser = house.browser();
            let request = browser
                .http
                .get(browser.address(&path))
                .bearer_auth(&script.token)
                .header("if-none-match", &tag);
            browser.send(request).await
        };
        assert_eq!(again().await.is(304).body, "", "{path}");
    }
    let page = script.get(IMPORTS).await;
    house.claim(kettle).await;
    assert_ne!(
        script.get(IMPORTS).await.headers["etag"],
        page.headers["etag"]
    );
}

#[tokio::test]
async fn imports_are_asked_for_and_asked_to_halt() {
    let house = House::new().await;
    let script = Script::new(&house, &["imports:read", "imports:write"]).await;
    let wanted = json!({
        "repositories": ["teapots/kettle"], "stages": ["git"], "priority": 7,
    });
    let page = script.post(IMPORTS, &wanted).await.is(202);
    let queued = &json_of(&page)["imports"][0];
    assert_eq!(queued["is_new"], true);
    let again = json_of(&script.post(IMPORTS, &wanted).await.is(202));
    assert_eq!(again["imports"][0]["id"], queued["id"]);
    assert_eq!(again["imports"][0]["is_new"], false);
    let id = queued["id"].as_str().unwrap();
    let import = house.archive.import(id.parse().unwrap()).await.unwrap();
    let import = import.unwrap();
    assert_eq!(
        import.stages,
        [Stage::Repository, Stage::Git, Stage::Finish]
    );
    let ask = async |what: &str| {
        script
            .post(&format!("{IMPORTS}/{id}/{what}"), &json!({}))
            .await
    };
    let page = ask("pause").await.is(200);
    assert_eq!(json_of(&page)["state"], "paused");
    ask("retry").await.is(409).says("cannot be tried again");
    assert_eq!(json_of(&ask("resume").await.is(200))["state"], "queued");
    assert_eq!(json_of(&ask("cancel").await.is(200))["state"], "cancelled");
    ask("eat").await.is(404);
    let log = json_of(&script.get(&format!("{IMPORTS}/{id}/log")).await.is(200));
    let what: Vec<&str> = log["entries"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| entry["what"].as_str().unwrap())
        .collect();
    assert_eq!(what, ["cancel_asked", "resumed", "pause_asked", "asked"]);
    let audit = house.archive.audit_log_of(id.parse().unwrap(), 10).await;
    let audit = audit.unwrap();
    assert!(audit.iter().all(|entry| entry.who == "Ada (token nightly)"));
    assert!(audit.len() >= 4, "{audit:?}");
}

#[tokio::test]
async fn what_makes_no_sense_is_a_problem_in_words() {
    let house = House::new().await;
    let script = Script::new(&house, &["imports:read", "imports:write"]).await;
    for (body, status, words) in [
        (json!({}), 400, "repositories"),
        (json!({ "repositories": [] }), 422, "1 to 1000"),
        (json!({ "repositories": ["kettle"] }), 422, "kettle"),
        (json!({ "repositories": ["a/.."] }), 422, "repositories: "),
        (
            json!({ "repositories": ["a/b"], "stages": ["tea"] }),
            400,
            "tea",
        ),
        (json!({ "repositories": ["a/b"], "sugar": 2 }), 400, "sugar"),
        (json!({ "repositories": vec!["a/b"; 1_001] }), 422, "1000"),
    ] {
        let page = script.post(IMPORTS, &body).await.is(status).says(words);
        assert_eq!(page.headers["content-type"], "application/problem+json");
    }
    script.send(Method::POST, IMPORTS, None).await.is(415);
    let long = json!({ "repositories": ["a".repeat(600_000)] });
    script.post(IMPORTS, &long).await.is(413);
    let unknown = format!("{IMPORTS}/0192d0c0-0000-7000-8000-000000000001");
    for path in [format!("{unknown}/pause"), format!("{IMPORTS}/x/pause")] {
        script.post(&path, &json!({})).await.is(404);
    }
    script.get(&format!("{unknown}/log")).await.is(404);
    assert!(house.archive.latest_imports().await.unwrap().is_empty());
}

#[tokio::test]
async fn who_may_only_read_changes_nothing() {
    let house = House::new().await;
    let script = Script::new(&house, &["imports:read"]).await;
    let kettle = house.enqueue("teapots/kettle").await;
    let wanted = json!({ "repositories": ["teapots/pot"] });
    script
        .post(IMPORTS, &wanted)
        .await
        .is(403)
        .says("imports:write");
    let path = format!("{IMPORTS}/{kettle}/cancel");
    script.post(&path, &json!({})).await.is(403);
    let import = house.archive.import(kettle).await.unwrap().unwrap();
    assert_eq!(import.state, ImportState::Queued);
}
