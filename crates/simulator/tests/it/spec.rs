//! The official OpenAPI documents, when they are at hand: every answer is held against them.

use std::collections::{BTreeMap, BTreeSet};

use crate::deviations::DEVIATIONS;
use crate::schemas::{Fault, Schemas, document};
use crate::support::{Double, R, json, seeded};
use bucketload_simulator::{SeedOptions, endpoints};
use serde_json::Value;

const BEFORE: &str = "bitbucket-openapi.json";
const AFTER: &str = "bitbucket-openapi-post-sunset.json";

/// Endpoints for whose answers the document has no schema.
const WITHOUT_SCHEMA: &[&str] = &[
    "/repositories/{workspace}/{repo_slug}/diff/{spec}",
    "/repositories/{workspace}/{repo_slug}/downloads",
    "/repositories/{workspace}/{repo_slug}/patch/{spec}",
    "/repositories/{workspace}/{repo_slug}/pullrequests/activity",
    "/repositories/{workspace}/{repo_slug}/pullrequests/{pull_request_id}/activity",
    "/repositories/{workspace}/{repo_slug}/pullrequests/{pull_request_id}/commits",
];

/// Endpoints of which the document knows only how they fail.
const WITHOUT_SUCCESS: &[&str] = &["/user/emails", "/user/emails/{email}"];

/// All states, and what the list of pull requests leaves out by itself.
const WHOLE_PULL_REQUESTS: &str = "?pagelen=50&state=OPEN&state=MERGED&state=DECLINED\
     &state=SUPERSEDED&fields=%2Bvalues.reviewers,%2Bvalues.participants";

const PULL_REQUESTS: u64 = 60;

#[test]
fn every_path_is_in_the_official_document() {
    let (Some(before), Some(after)) = (document(BEFORE), document(AFTER)) else {
        return;
    };
    for path in endpoints() {
        let known = |document: &Value| document["paths"].get(path).is_some();
        // The activity of one change is called by another name there.
        assert!(known(&before) || known(&after), "{path}");
    }
}

#[tokio::test]
async fn endpoints_want_the_scopes_of_the_official_document() {
    let Some(document) = document(AFTER) else {
        return;
    };
    let world = World::new().await;
    for template in endpoints() {
        let Some(security) = document["paths"][template]["get"]["security"].as_array() else {
            continue;
        };
        let scopes = security.iter().filter_map(|way| way["oauth2"].as_array());
        let scopes: Vec<&str> = scopes.flatten().filter_map(Value::as_str).collect();
        let address = world.addresses(template).remove(0);
        let response = world.double.send(&address).await;
        let accepted = response.headers().get("x-accepted-oauth-scopes");
        let accepted = accepted.map_or("", |value| value.to_str().unwrap());
        if response.status() != 410 {
            assert_eq!(accepted, scopes.join(", "), "{template}");
        }
    }
}

/// A simulator and the names of what is in it.
struct World {
    double: Double,
    /// What can stand for each part of a path in braces.
    names: BTreeMap<&'static str, Vec<String>>,
}

impl World {
    async fn new() -> Self {
        let double = seeded(SeedOptions {
            repositories: 2,
            empty_repository: true,
            pull_requests: PULL_REQUESTS,
            ..SeedOptions::default()
        })
        .await;
        let listed = async |path: &str, pointer: &str| -> Vec<String> {
            let values = double.all(path).await;
            let text = |value: &Value| value.pointer(pointer).unwrap().as_str().unwrap().to_owned();
            values.iter().map(|value| encoded(&text(value))).collect()
        };
        let commits = listed(&format!("{R}/commits"), "/hash").await;
        let mut names = BTreeMap::from([
            ("{workspace}", vec!["seaside".to_owned()]),
            ("{repo_slug}", vec!["lighthouse".to_owned()]),
            (
                "{selected_user}",
                listed("/workspaces/seaside/members", "/user/uuid").await,
            ),
            ("{email}", listed("/user/emails", "/email").await),
            (
                "{filename}",
                listed(&format!("{R}/downloads"), "/name").await,
            ),
            (
                "{project_key}",
                listed("/workspaces/seaside/projects", "/key").await,
            ),
            (
                "{environment_uuid}",
                listed(&format!("{R}/environments"), "/uuid").await,
            ),
            ("{spec}", commits.iter().take(3).cloned().collect()),
            ("{revision}", commits.iter().take(2).cloned().collect()),
            ("{commit}", commits.iter().take(5).cloned().collect()),
            (
                "branches/{name}",
                listed(&format!("{R}/refs/branches"), "/name").await,
            ),
            (
                "tags/{name}",
                listed(&format!("{R}/refs/tags"), "/name").await,
            ),
            (
                "{pull_request_id}",
                (1..=PULL_REQUESTS).map(|id| id.to_string()).collect(),
            ),
        ]);
        let mut comments = Vec::new();
        for id in 1..=10 {
            let list = format!("{R}/pullrequests/{id}/comments?pagelen=100");
            for comment in double.all(&list).await {
                comments.push(format!("{id}/comments/{}", comment["id"]));
            }
        }
        names.insert("{pull_request_id}/comments/{comment_id}", comments);
        // Gone before anybody looks at the rest of the address.
        for name in ["{issue_id}", "{comment_id}", "{change_id}", "{path}"] {
            names.insert(name, vec!["1".to_owned()]);
        }
        Self { double, names }
    }

    /// Every address of an endpoint that this world answers.
    fn addresses(&self, template: &str) -> Vec<String> {
        let mut addresses = vec![template.to_owned()];
        // The longest first: a comment has its pull request with it.
        let mut names: Vec<_> = self.names.iter().collect();
        names.sort_by_key(|(name, _)| std::cmp::Reverse(name.len()));
        for (name, values) in names {
            // “branches/{name}” is a name with the folder it is in.
            let folder = name.find('{').map_or("", |start| &name[..start]);
            addresses = addresses
                .into_iter()
                .flat_map(|address| {
                    if address.contains(name) {
                        let filled = values
                            .iter()
                            .map(|value| address.replace(name, &format!("{folder}{value}")));
                        filled.collect()
                    } else {
                        vec![address]
                    }
                })
                .collect();
        }
        if template.ends_with("/pullrequests") {
            addresses.push(addresses[0].clone() + WHOLE_PULL_REQUESTS);
        }
        assert!(!addresses[0].contains('{'), "{template}: {}", addresses[0]);
        addresses
    }
}

/// A name as it stands in a path, with its slashes.
fn encoded(name: &str) -> String {
    let special = |c: char| matches!(c, '{' | '}' | '%' | '?' | '#');
    let encode = |c: char| format!("%{:02X}", u32::from(c));
    let parts = name.chars();
    parts
        .map(|c| if special(c) { encode(c) } else { c.into() })
        .collect()
}

/// What was found at all the addresses of an endpoint.
#[derive(Debug, Default)]
struct Checked {
    objects: usize,
    has_schema: bool,
    faults: BTreeSet<Fault>,
}

/// Walks every address of an endpoint and every page of it.
async fn check(world: &World, schemas: &mut Schemas<'_>, template: &str) -> Checked {
    let mut checked = Checked::default();
    for address in world.addresses(template) {
        let mut next = Some(address);
        while let Some(address) = next.take() {
            let response = world.double.send(&address).await;
            let status = response.status().as_u16();
            if status == 410 {
                checked.objects += 1;
                let body = json(response).await;
                checked.faults.extend(schemas.faults_of_error(&body));
                continue;
            }
            let is_known = schemas.knows(template, status);
            let has_success = !WITHOUT_SUCCESS.contains(&template);
            assert_eq!(is_known, has_success, "{address}: {status}");
            let kind = response.headers().get("content-type");
            let is_json = kind.is_some_and(|kind| kind.as_bytes().starts_with(b"application/json"));
            if status != 200 || !is_json {
                checked.objects += 1;
                continue;
            }
            let body = json(response).await;
            checked.objects += body["values"].as_array().map_or(1, Vec::len);
            if let Some(faults) = schemas.faults(template, &body) {
                checked.has_schema = true;
                checked.faults.extend(faults);
            }
            next = body["next"].as_str().map(str::to_owned);
        }
    }
    checked
}

#[tokio::test]
async fn answers_of_every_endpoint_fit_the_official_schemas() {
    let Some(document) = document(AFTER) else {
        return;
    };
    let world = World::new().await;
    let mut schemas = Schemas::new(&document);
    let mut objects = 0;
    let mut faults = BTreeMap::new();
    let mut without_schema = BTreeSet::new();
    for template in endpoints() {
        let checked = check(&world, &mut schemas, template).await;
        assert!(checked.objects > 0, "{template} answered nothing");
        objects += checked.objects;
        for fault in checked.faults {
            faults.entry(fault).or_insert(template);
        }
        if !checked.has_schema && schemas.knows(template, 200) {
            without_schema.insert(template);
        }
    }
    assert!(objects > 1000, "{objects} objects checked");
    let deviations = |fault: &Fault| DEVIATIONS.iter().any(|one| one.explains(fault));
    let unexplained: Vec<_> = faults
        .iter()
        .filter(|(fault, _)| !deviations(fault))
        .collect();
    assert!(unexplained.is_empty(), "{unexplained:#?}");
    for deviation in DEVIATIONS {
        let is_needed = faults.keys().any(|fault| deviation.explains(fault));
        assert!(is_needed, "no answer deviates so: {deviation}");
    }
    assert_eq!(without_schema, WITHOUT_SCHEMA.iter().copied().collect());
}

#[tokio::test]
async fn errors_fit_the_official_schema() {
    let Some(document) = document(AFTER) else {
        return;
    };
    let world = World::new().await;
    let mut schemas = Schemas::new(&document);
    for (address, token, expected) in [
        (
            format!("{R}/pullrequests?pagelen=51"),
            "simulator-full-access",
            400,
        ),
        (
            format!("{R}/pullrequests?q=nonsense"),
            "simulator-full-access",
            400,
        ),
        (R.to_owned(), "nobody-knows-it", 401),
        (format!("{R}/hooks"), "simulator-repository-only", 403),
        (
            format!("{R}/pullrequests/99999"),
            "simulator-full-access",
            404,
        ),
        (
            "/repositories/seaside/none".to_owned(),
            "simulator-full-access",
            404,
        ),
    ] {
        let request = world.double.client.get(world.double.url(&address));
        let response = request.bearer_auth(token).send().await.unwrap();
        assert_eq!(response.status(), expected, "{address}");
        let mut faults = schemas.faults_of_error(&json(response).await);
        // Recorded as an object: the scopes that are wanted and those that are there.
        faults.retain(|fault| expected != 403 || fault.field != "error.detail");
        assert!(faults.is_empty(), "{address}: {faults:#?}");
    }
}

#[tokio::test]
async fn the_checker_sees_what_is_wrong() {
    let Some(document) = document(AFTER) else {
        return;
    };
    let world = World::new().await;
    let mut schemas = Schemas::new(&document);
    let list = "/repositories/{workspace}/{repo_slug}/pullrequests";
    let page = world.double.get(&format!("{R}/pullrequests")).await;
    let before = schemas.faults(list, &page).unwrap();
    for (pointer, value, field) in [
        ("/values/0/id", "seven".into(), "values.*.id"),
        ("/values/0/state", "ALMOST".into(), "values.*.state"),
        (
            "/values/0/created_on",
            "yesterday".into(),
            "values.*.created_on",
        ),
        (
            "/values/0/author",
            serde_json::json!({}),
            "values.*.author.type",
        ),
        ("/values/0/title", Value::Null, "values.*.title"),
        (
            "/values/0/links/self/href",
            "not an address".into(),
            "values.*.links.self.href",
        ),
        ("/values", "none".into(), "values"),
    ] {
        let mut broken = page.clone();
        *broken.pointer_mut(pointer).unwrap() = value;
        let faults = schemas.faults(list, &broken).unwrap();
        let found: Vec<_> = faults.iter().filter(|one| !before.contains(one)).collect();
        assert!(
            found.iter().any(|fault| fault.field == field),
            "{pointer}: {found:#?}"
        );
    }
}
