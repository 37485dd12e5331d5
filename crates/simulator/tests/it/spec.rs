//! The official OpenAPI documents, when they are at hand.

use crate::support::{Double, R, seeded, shared};
use bucketload_simulator::{SeedOptions, endpoints};
use serde_json::Value;

fn document(name: &str) -> Option<Value> {
    let path = shared(&format!("spec/{name}"))?;
    Some(serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap())
}

#[test]
fn every_path_is_in_the_official_document() {
    let Some(before) = document("bitbucket-openapi.json") else {
        return;
    };
    let Some(after) = document("bitbucket-openapi-post-sunset.json") else {
        return;
    };
    for path in endpoints() {
        let known = |document: &Value| document["paths"].get(path).is_some();
        // The activity of one change is called by another name there.
        assert!(known(&before) || known(&after), "{path}");
    }
}

/// Where a value breaks its schema; null passes, since the documents never say what may be null.
fn check(document: &Value, schema: &Value, value: &Value, place: &str, faults: &mut Vec<String>) {
    if value.is_null() {
        return;
    }
    if let Some(reference) = schema["$ref"].as_str() {
        let target = document.pointer(reference.trim_start_matches('#')).unwrap();
        return check(document, target, value, place, faults);
    }
    for part in schema["allOf"].as_array().into_iter().flatten() {
        check(document, part, value, place, faults);
    }
    let fits = match schema["type"].as_str() {
        Some("object") => value.is_object(),
        Some("array") => value.is_array(),
        Some("string") => value.is_string(),
        Some("integer") => value.is_i64() || value.is_u64(),
        Some("number") => value.is_number(),
        Some("boolean") => value.is_boolean(),
        _ => true,
    };
    if !fits {
        faults.push(format!("{place}: {value} is no {}", schema["type"]));
        return;
    }
    if schema["enum"]
        .as_array()
        .is_some_and(|allowed| !allowed.contains(value))
    {
        faults.push(format!("{place}: {value} is none of {}", schema["enum"]));
    }
    if schema["format"] == "date-time"
        && chrono::DateTime::parse_from_rfc3339(value.as_str().unwrap()).is_err()
    {
        faults.push(format!("{place}: {value} is no time"));
    }
    for name in schema["required"].as_array().into_iter().flatten() {
        if value.get(name.as_str().unwrap()).is_none() {
            faults.push(format!("{place}: {name} is missing"));
        }
    }
    for (name, schema) in schema["properties"].as_object().into_iter().flatten() {
        if let Some(value) = value.get(name) {
            check(document, schema, value, &format!("{place}.{name}"), faults);
        }
    }
    if let (Some(items), Some(values)) = (schema.get("items"), value.as_array()) {
        for (index, value) in values.iter().enumerate() {
            check(document, items, value, &format!("{place}[{index}]"), faults);
        }
    }
}

/// Below `{R}`; their scopes are checked too.
const SETTINGS: &[&str] = &[
    "default-reviewers",
    "effective-default-reviewers",
    "branch-restrictions",
    "branching-model",
    "effective-branching-model",
    "branching-model/settings",
    "permissions-config/users",
    "permissions-config/groups",
    "hooks",
    "deploy-keys",
    "pipelines_config",
    "pipelines_config/variables",
    "pipelines_config/schedules",
    "pipelines_config/ssh/known_hosts",
    "environments",
];

#[tokio::test]
async fn settings_want_the_scopes_of_the_official_document() {
    let Some(document) = document("bitbucket-openapi-post-sunset.json") else {
        return;
    };
    let double = seeded(SeedOptions::default()).await;
    for path in SETTINGS {
        let template = format!("/repositories/{{workspace}}/{{repo_slug}}/{path}");
        let security = &document["paths"][&template]["get"]["security"];
        let scopes = security.as_array().unwrap().iter();
        let scopes: Vec<&str> = scopes
            .filter_map(|way| way["oauth2"].as_array())
            .flatten()
            .map(|scope| scope.as_str().unwrap())
            .collect();
        let response = double.send(&format!("{R}/{path}")).await;
        let accepted = response.headers()["x-accepted-oauth-scopes"].to_str();
        assert_eq!(accepted.unwrap(), scopes.join(", "), "{path}");
    }
}

async fn check_path(
    double: &Double,
    document: &Value,
    template: &str,
    path: &str,
) -> (usize, Vec<String>) {
    let schema = &document["paths"][template]["get"]["responses"]["200"]["content"]["application/json"]
        ["schema"];
    assert!(!schema.is_null(), "{template} has no schema");
    let mut objects = 0;
    let mut faults = Vec::new();
    let mut next = Some(path.to_owned());
    while let Some(path) = next.take() {
        let page = double.get(&path).await;
        check(document, schema, &page, &path, &mut faults);
        // Parents are recorded as id, links and depth: here the document is wrong.
        faults.retain(|fault| !fault.ends_with("].parent: \"type\" is missing"));
        objects += page["values"].as_array().map_or(1, Vec::len);
        next = page["next"].as_str().map(str::to_owned);
    }
    (objects, faults)
}

/// The settings of a repository, each with its path in the document.
async fn settings(double: &Double) -> Vec<(String, String)> {
    let full = "/repositories/{workspace}/{repo_slug}";
    let mut paths = Vec::new();
    for path in SETTINGS {
        paths.push((format!("{full}/{path}"), format!("{R}/{path}")));
    }
    let environment = double.all(&format!("{R}/environments")).await[0]["uuid"].clone();
    let environment = environment.as_str().unwrap().trim_matches(['{', '}']);
    paths.push((
        format!("{full}/deployments_config/environments/{{environment_uuid}}/variables"),
        format!("{R}/deployments_config/environments/%7B{environment}%7D/variables"),
    ));
    paths
}

#[tokio::test]
async fn seeded_objects_fit_the_official_schemas() {
    let Some(document) = document("bitbucket-openapi-post-sunset.json") else {
        return;
    };
    let double = seeded(SeedOptions {
        repositories: 2,
        empty_repository: true,
        pull_requests: 60,
        ..SeedOptions::default()
    })
    .await;
    let member = double.all("/workspaces/seaside/members").await[0]["user"]["uuid"].clone();
    let member = member
        .as_str()
        .unwrap()
        .replace('{', "%7B")
        .replace('}', "%7D");
    let commit = double.all(&format!("{R}/commits")).await[0]["hash"].clone();
    let full = "/repositories/{workspace}/{repo_slug}";
    let all = "state=OPEN&state=MERGED&state=DECLINED&state=SUPERSEDED&fields=%2Bvalues.reviewers,%2Bvalues.participants";
    let mut paths = vec![
        ("/user".to_owned(), "/user".to_owned()),
        ("/user/workspaces".to_owned(), "/user/workspaces".to_owned()),
        (
            "/user/workspaces/{workspace}/permission".to_owned(),
            "/user/workspaces/seaside/permission".to_owned(),
        ),
        (
            "/users/{selected_user}".to_owned(),
            format!("/users/{member}"),
        ),
        (
            "/workspaces/{workspace}".to_owned(),
            "/workspaces/seaside".to_owned(),
        ),
        (
            "/workspaces/{workspace}/members".to_owned(),
            "/workspaces/seaside/members".to_owned(),
        ),
        (
            "/workspaces/{workspace}/projects".to_owned(),
            "/workspaces/seaside/projects".to_owned(),
        ),
        (
            "/repositories/{workspace}".to_owned(),
            "/repositories/seaside".to_owned(),
        ),
        (full.to_owned(), R.to_owned()),
        (format!("{full}/refs"), format!("{R}/refs")),
        (
            format!("{full}/refs/branches"),
            format!("{R}/refs/branches"),
        ),
        (format!("{full}/refs/tags"), format!("{R}/refs/tags")),
        (format!("{full}/commits"), format!("{R}/commits")),
        (
            format!("{full}/commit/{{commit}}"),
            format!("{R}/commit/{}", commit.as_str().unwrap()),
        ),
        (format!("{full}/forks"), format!("{R}/forks")),
        (format!("{full}/watchers"), format!("{R}/watchers")),
        (
            format!("{full}/diffstat/{{spec}}"),
            format!("{R}/diffstat/{}", commit.as_str().unwrap()),
        ),
        (
            format!("{full}/pullrequests"),
            format!("{R}/pullrequests?pagelen=50&{all}"),
        ),
    ];
    paths.extend(settings(&double).await);
    let one = format!("{full}/pullrequests/{{pull_request_id}}");
    for id in 1..=60 {
        let path = format!("{R}/pullrequests/{id}");
        paths.push((one.clone(), path.clone()));
        for list in ["comments", "tasks", "statuses"] {
            paths.push((
                format!("{one}/{list}"),
                format!("{path}/{list}?pagelen=100"),
            ));
        }
    }
    let mut objects = 0;
    for (template, path) in paths {
        let (checked, faults) = check_path(&double, &document, &template, &path).await;
        assert!(faults.is_empty(), "{faults:#?}");
        objects += checked;
    }
    assert!(objects > 400, "{objects} objects checked");
    // The checker itself: a wrong type, a missing field and a wrong word are seen.
    let mut page = double.get(&format!("{R}/pullrequests?{all}")).await;
    page["values"][0]["id"] = "seven".into();
    page["values"][0]["state"] = "ALMOST".into();
    page["values"][0]["author"]["type"].take();
    page["values"][0].as_object_mut().unwrap().remove("type");
    let schema = &document["paths"][format!("{full}/pullrequests")]["get"]["responses"]["200"]["content"]
        ["application/json"]["schema"];
    let mut faults = Vec::new();
    check(&document, schema, &page, "", &mut faults);
    assert_eq!(faults.len(), 3, "{faults:#?}");
}
