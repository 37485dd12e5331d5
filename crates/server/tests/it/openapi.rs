//! The OpenAPI document against the routes, and against what they really answer.

use std::collections::BTreeSet;

use bucketload_model::Stage;
use bucketload_server::routes;
use jsonschema::Validator;
use reqwest::Method;
use serde_json::{Map, Value, json};

use crate::discussions::recording;
use crate::imports_api::{Script, json_of};
use crate::support::{House, Page};

const PREFIX: &str = "/api/v1";

/// Where people read it without a server.
const IN_DOCS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/openapi.json");

async fn document(house: &House) -> Value {
    let page = house.browser().get("/api/v1/openapi.json").await.is(200);
    json_of(&page)
}

#[tokio::test]
async fn the_document_in_docs_is_that_of_the_code() {
    let document = document(&House::new().await).await;
    let expected = serde_json::to_string_pretty(&document).unwrap() + "\n";
    let written = std::fs::read_to_string(IN_DOCS).unwrap_or_default();
    if written != expected {
        std::fs::write(IN_DOCS, expected).unwrap();
        panic!("docs/openapi.json was stale; it is written anew, commit it");
    }
}

/// Every route of the API has an operation that says who may, what stands in the path, and
/// what it is called, which is said of no other.
#[tokio::test]
async fn every_route_is_described() {
    let document = document(&House::new().await).await;
    let mut ids = BTreeSet::new();
    let mut described = 0;
    for route in routes() {
        let Some(path) = route.path.strip_prefix(PREFIX) else {
            continue;
        };
        if path == "/openapi.json" {
            continue;
        }
        let method = route.method.as_str().to_ascii_lowercase();
        let operation = &document["paths"][path][&method];
        let name = format!("{method} {path}");
        assert!(operation["summary"].is_string(), "{name} is not described");
        assert!(operation["security"].is_array(), "{name}");
        let id = operation["operationId"].as_str().unwrap();
        assert!(ids.insert(id.to_owned()), "{id} is said twice");
        let parameters = operation["parameters"].as_array().unwrap();
        let parameters = parameters.iter().filter(|one| one["in"] == "path");
        let named: Vec<String> = parameters
            .map(|one| format!("{{{}}}", one["name"].as_str().unwrap()))
            .collect();
        let varies: Vec<&str> = path
            .split('/')
            .filter(|part| part.starts_with('{'))
            .collect();
        assert_eq!(named, varies, "{name}");
        described += 1;
    }
    let paths = document["paths"].as_object().unwrap();
    let operations = paths.values().map(|path| path.as_object().unwrap().len());
    assert_eq!(operations.sum::<usize>(), described);
}

/// The document, strict: what it does not name must not be answered.
struct Answers(Value);

impl Answers {
    async fn of(house: &House) -> Self {
        let mut document = document(house).await;
        close(&mut document["components"]["schemas"]);
        Self(document)
    }

    fn validator(&self, schema: &Value) -> Validator {
        let mut whole = schema.as_object().cloned().unwrap_or_else(Map::new);
        whole.insert("components".to_owned(), self.0["components"].clone());
        jsonschema::validator_for(&Value::Object(whole)).unwrap()
    }

    #[track_caller]
    fn hold(&self, method: &str, path: &str, page: &Page) {
        let responses = &self.0["paths"][path][method]["responses"];
        let status = page.status.as_str();
        let (response, kind) = match &responses[status] {
            Value::Null => (
                &self.0["components"]["responses"]["Problem"],
                "application/problem+json",
            ),
            response => (response, "application/json"),
        };
        assert_eq!(page.headers["content-type"], kind);
        let validator = self.validator(&response["content"][kind]["schema"]);
        let answer = json_of(page);
        let errors: Vec<String> = validator
            .iter_errors(&answer)
            .map(|error| format!("{} at {}", error, error.instance_path()))
            .collect();
        assert!(
            errors.is_empty(),
            "{method} {path}: {errors:#?}\n{answer:#}"
        );
    }
}

/// Objects with named fields have no others.
fn close(schema: &mut Value) {
    match schema {
        Value::Object(fields) => {
            if fields.contains_key("properties") {
                fields.insert("additionalProperties".to_owned(), json!(false));
            }
            fields.values_mut().for_each(close);
        }
        Value::Array(items) => items.iter_mut().for_each(close),
        _ => {}
    }
}

#[tokio::test]
async fn answers_are_as_the_document_says() {
    let house = House::new().await;
    let answers = Answers::of(&house).await;
    let script = Script::new(&house, &["imports:read", "imports:write"]).await;
    house.import(&recording()).await;
    let kettle = house.enqueue("teapots/kettle").await;
    house.enqueue("teapots/pot").await;
    house.claim(kettle).await;
    house.advance(kettle, Stage::Git, 3, 4).await;
    house.add_gap(kettle, "members", None).await;
    for (path, asked) in [
        ("/user", "/user".to_owned()),
        ("/imports", "/imports?limit=1".to_owned()),
        ("/repositories", "/repositories".to_owned()),
        ("/imports", "/imports?state=eaten".to_owned()),
        ("/imports/{id}", format!("/imports/{kettle}")),
        ("/imports/{id}", "/imports/0".to_owned()),
        ("/imports/{id}/log", format!("/imports/{kettle}/log")),
    ] {
        let page = script.get(&format!("{PREFIX}{asked}")).await;
        answers.hold("get", path, &page);
    }
    for (path, asked) in [
        ("", ""),
        ("/pull-requests", "/pull-requests"),
        ("/pull-requests/{id}", "/pull-requests/1"),
        ("/issues", "/issues"),
        ("/issues/{id}", "/issues/7"),
        ("/issues/{id}", "/issues/8"),
    ] {
        let asked = format!("{PREFIX}/repositories/teapots/kettle{asked}");
        let path = format!("/repositories/{{workspace}}/{{slug}}{path}");
        answers.hold("get", &path, &script.get(&asked).await);
    }
    let ask = format!("{PREFIX}/imports/{kettle}/pause");
    let page = script.post(&ask, &Value::Null).await.is(200);
    answers.hold("post", "/imports/{id}/{ask}", &page);
    let wanted = json!({ "repositories": ["teapots/urn"], "stages": ["git"] });
    let page = script.post("/api/v1/imports", &wanted).await.is(202);
    answers.hold("post", "/imports", &page);
    // What is sent is described, too.
    let body = &answers.0["paths"]["/imports"]["post"]["requestBody"]["content"];
    let validator = answers.validator(&body["application/json"]["schema"]);
    assert!(validator.is_valid(&wanted));
    for bad in [json!({}), json!({ "repositories": ["a/b"], "tea": 1 })] {
        assert!(!validator.is_valid(&bad), "{bad}");
        script.post("/api/v1/imports", &bad).await.is(400);
    }
}

/// A body that nobody may send is not even read.
#[tokio::test]
async fn the_scope_comes_before_the_body() {
    let house = House::new().await;
    let script = Script::new(&house, &["imports:read"]).await;
    let page = script.send(Method::POST, "/api/v1/imports", None).await;
    page.is(403).says("imports:write");
}
