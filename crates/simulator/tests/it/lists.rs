//! Paging, `fields`, `q` and `sort`: as strict as Bitbucket.

use crate::support::{Double, R, json, seeded, small};
use bucketload_simulator::SeedOptions;
use reqwest::header::{ETAG, IF_NONE_MATCH};
use serde_json::Value;

const ALL: &str = "state=OPEN&state=MERGED&state=DECLINED&state=SUPERSEDED";

async fn busiest(double: &Double) -> u64 {
    let list = double
        .all(&format!(
            "{R}/pullrequests?pagelen=50&{ALL}&sort=-comment_count"
        ))
        .await;
    list[0]["id"].as_u64().unwrap()
}

#[tokio::test]
async fn pagelen_out_of_range_is_refused_not_clamped() {
    let double = small().await;
    let limits = [
        ("/pullrequests", 50),
        ("/pullrequests/activity", 50),
        ("/pullrequests/1/activity", 50),
        ("/pullrequests/1/comments", 100),
        ("/pullrequests/1/commits", 100),
        ("/pullrequests/1/statuses", 100),
        ("/pullrequests/1/tasks", 100),
        ("/commits", 100),
        ("/refs/branches", 100),
    ];
    for (path, limit) in limits {
        assert_eq!(
            double.status(&format!("{R}{path}?pagelen={limit}")).await,
            200,
            "{path}"
        );
        for pagelen in [
            "0".to_owned(),
            (limit + 1).to_string(),
            "-1".into(),
            "ten".into(),
            String::new(),
        ] {
            let (status, message) = double.error(&format!("{R}{path}?pagelen={pagelen}")).await;
            assert_eq!(
                (status, message.as_str()),
                (400, "Invalid pagelen"),
                "{path} {pagelen}"
            );
        }
        let page = double.get(&format!("{R}{path}")).await;
        assert_eq!(page["pagelen"], 10, "{path}");
    }
}

#[tokio::test]
async fn each_endpoint_has_its_style_of_next() {
    let double = seeded(SeedOptions {
        comments: 20,
        ..SeedOptions::default()
    })
    .await;
    let id = busiest(&double).await;
    let styles = [
        (format!("/pullrequests?{ALL}&pagelen=3"), "page=2", true),
        (
            format!("/pullrequests/{id}/comments?pagelen=3"),
            "page=2",
            true,
        ),
        ("/commits?pagelen=3".to_owned(), "page=", false),
        (
            format!("/pullrequests/{id}/activity?pagelen=3"),
            "ctx=",
            false,
        ),
        ("/pullrequests/activity?pagelen=3".to_owned(), "ctx=", false),
    ];
    for (path, style, has_size) in styles {
        let page = double.get(&format!("{R}{path}")).await;
        let next = page["next"].as_str().unwrap();
        assert!(next.starts_with(&double.url(R)), "{next}");
        assert!(next.contains("pagelen=3"), "{next}");
        assert!(next.contains(style), "{next}");
        assert_eq!(
            next.matches("state=").count(),
            path.matches("state=").count(),
            "{next}"
        );
        assert_eq!(page.get("size").is_some(), has_size, "{path}");
        assert_eq!(page.get("page").is_some(), has_size, "{path}");
        let second = double.get(next).await;
        assert_eq!(second.get("previous").is_some(), has_size, "{path}");
        assert_ne!(page["values"], second["values"]);
    }
    let page = double.get(&format!("{R}/commits?pagelen=3")).await;
    let cursor = page["next"]
        .as_str()
        .unwrap()
        .rsplit_once("page=")
        .unwrap()
        .1
        .to_owned();
    assert_eq!(cursor.len(), 5);
    assert!(cursor.bytes().all(|byte| byte.is_ascii_alphanumeric()));
    // Cursors are not made up, nor carried over to another list.
    for refused in [
        "/commits?page=1".to_owned(),
        "/commits?page=2".to_owned(),
        "/commits?pagelen=3&page=AbCdE".to_owned(),
        format!("/commits?pagelen=4&page={cursor}"),
        format!("/pullrequests/{id}/commits?page=1"),
        "/pullrequests/activity?ctx=AnUzKtKUj".to_owned(),
        "/pullrequests?page=0".to_owned(),
        "/pullrequests?page=2/".to_owned(),
        "/pullrequests?page=999".to_owned(),
    ] {
        let (status, message) = double.error(&format!("{R}{refused}")).await;
        assert_eq!(
            (status, message.as_str()),
            (400, "Invalid page"),
            "{refused}"
        );
    }
}

#[tokio::test]
async fn all_pages_together_hold_everything_once() {
    let double = seeded(SeedOptions {
        comments: 20,
        ..SeedOptions::default()
    })
    .await;
    let pull_requests = double
        .all(&format!("{R}/pullrequests?{ALL}&pagelen=7&sort=created_on"))
        .await;
    let ids: Vec<u64> = pull_requests
        .iter()
        .map(|value| value["id"].as_u64().unwrap())
        .collect();
    assert_eq!(ids, (1..=30).collect::<Vec<_>>());
    let created: Vec<&str> = pull_requests
        .iter()
        .map(|value| value["created_on"].as_str().unwrap())
        .collect();
    assert!(created.is_sorted());
    let mut entries = 0;
    let mut last_id = 0;
    for pull_request in &pull_requests {
        let id = &pull_request["id"];
        let comments = double
            .all(&format!("{R}/pullrequests/{id}/comments?pagelen=9"))
            .await;
        for comment in &comments {
            let id = comment["id"].as_u64().unwrap();
            assert!(id > last_id && id > u64::from(u32::MAX / 2));
            last_id = id;
        }
        let live: Vec<&Value> = comments
            .iter()
            .filter(|comment| comment["deleted"] == false)
            .collect();
        assert_eq!(pull_request["comment_count"], live.len());
        let activity = double
            .all(&format!("{R}/pullrequests/{id}/activity?pagelen=9"))
            .await;
        let in_activity: Vec<&Value> = activity
            .iter()
            .rev()
            .filter_map(|entry| entry.get("comment"))
            .map(|comment| &comment["id"])
            .collect();
        assert_eq!(
            in_activity,
            live.iter()
                .map(|comment| &comment["id"])
                .collect::<Vec<_>>()
        );
        entries += activity.len();
        for list in ["tasks", "statuses", "commits"] {
            double
                .all(&format!("{R}/pullrequests/{id}/{list}?pagelen=1"))
                .await;
        }
        let detail = double.get(&format!("{R}/pullrequests/{id}")).await;
        assert!(detail["participants"].is_array());
    }
    let feed = double
        .all(&format!("{R}/pullrequests/activity?pagelen=50"))
        .await;
    assert_eq!(feed.len(), entries);
    let date = |entry: &Value| {
        [
            "comment/created_on",
            "update/date",
            "approval/date",
            "changes_requested/date",
        ]
        .iter()
        .find_map(|path| {
            entry
                .pointer(&format!("/{path}"))?
                .as_str()
                .map(str::to_owned)
        })
        .unwrap()
    };
    let dates: Vec<String> = feed.iter().map(date).collect();
    assert!(dates.iter().rev().is_sorted(), "newest first");
}

#[tokio::test]
async fn only_open_pull_requests_unless_asked() {
    let double = small().await;
    let open = double.all(&format!("{R}/pullrequests")).await;
    assert!(!open.is_empty() && open.iter().all(|value| value["state"] == "OPEN"));
    let merged = double
        .all(&format!(
            "{R}/pullrequests?state=MERGED&state=DECLINED&pagelen=50"
        ))
        .await;
    assert!(merged.len() > open.len());
    assert!(
        merged
            .iter()
            .all(|value| value["state"] == "MERGED" || value["state"] == "DECLINED")
    );
    assert_eq!(
        double.status(&format!("{R}/pullrequests?state=open")).await,
        400
    );
}

#[tokio::test]
async fn fields_restrict_drop_and_add() {
    let double = small().await;
    let list = format!("{R}/pullrequests?{ALL}&pagelen=5");
    let plain = double.get(&list).await;
    let first = plain["values"][0].as_object().unwrap();
    for hidden in ["reviewers", "participants", "rendered"] {
        assert!(!first.contains_key(hidden), "{hidden}");
    }
    let added = double
        .get(&format!(
            "{list}&fields=%2Bvalues.reviewers,%2Bvalues.participants"
        ))
        .await;
    assert!(
        added["values"][0]["reviewers"].is_array() && added["values"][0]["participants"].is_array()
    );
    assert!(added["values"][0].get("rendered").is_none());
    assert!(
        added["next"]
            .as_str()
            .unwrap()
            .contains("fields=%2Bvalues.reviewers%2C%2Bvalues.participants")
    );
    let mut without = added.clone();
    for value in without["values"].as_array_mut().unwrap() {
        value
            .as_object_mut()
            .unwrap()
            .retain(|key, _| key != "reviewers" && key != "participants");
    }
    assert_eq!(
        without["values"], plain["values"],
        "adding changes nothing else"
    );
    let restricted = double
        .get(&format!("{list}&fields=values.id,values.author.nickname"))
        .await;
    assert_eq!(
        restricted.as_object().unwrap().keys().collect::<Vec<_>>(),
        ["values"],
        "next is gone too"
    );
    let dropped = double
        .get(&format!("{list}&fields=-values.links,-size"))
        .await;
    assert!(dropped["values"][0].get("links").is_none() && dropped.get("size").is_none());
    let wild = double.get(&format!("{R}?fields=links.*.href")).await;
    assert_eq!(wild.as_object().unwrap().len(), 1);
    assert_eq!(double.status(&format!("{R}?fields=a..b")).await, 400);
}

#[tokio::test]
async fn filters_and_sorts() {
    let double = small().await;
    let ids = async |query: &str| -> Vec<u64> {
        let all = double
            .all(&format!("{R}/pullrequests?pagelen=50&{ALL}&{query}"))
            .await;
        all.iter()
            .map(|value| value["id"].as_u64().unwrap())
            .collect()
    };
    let everything = ids("sort=id").await;
    assert_eq!(everything, (1..=30).collect::<Vec<_>>());
    assert_eq!(
        ids("sort=-created_on").await,
        (1..=30).rev().collect::<Vec<_>>()
    );
    let middle = double.get(&format!("{R}/pullrequests/20")).await;
    let since = middle["updated_on"].as_str().unwrap().replace('+', "%2B");
    let newer = ids(&format!("sort=id&q=updated_on>={since}")).await;
    assert_eq!(newer, (20..=30).collect::<Vec<_>>());
    assert_eq!(ids("sort=id&q=id IN (3, 4) OR id = 7").await, [3, 4, 7]);
    for query in [
        "sort=id,title",
        "sort=id desc",
        "sort=--id",
        "sort=no_such_field",
        "q=id",
        "q=id %3D",
    ] {
        assert_eq!(
            double.status(&format!("{R}/pullrequests?{query}")).await,
            400,
            "{query}"
        );
    }
    let id = busiest(&double).await;
    let live = double
        .all(&format!(
            "{R}/pullrequests/{id}/comments?pagelen=100&q=deleted=false"
        ))
        .await;
    let detail = double.get(&format!("{R}/pullrequests/{id}")).await;
    assert_eq!(detail["comment_count"], live.len());
}

#[tokio::test]
async fn answers_carry_the_headers_of_the_real_ones() {
    let double = small().await;
    let response = double.anonymous(&format!("{R}/pullrequests/1")).await;
    let headers = response.headers().clone();
    assert_eq!(headers["content-type"], "application/json; charset=utf-8");
    assert_eq!(headers["cache-control"], "max-age=900");
    assert_eq!(headers["x-accepted-oauth-scopes"], "pullrequest");
    assert_eq!(headers["x-credential-type"], "unauthenticated_identity");
    let etag = headers[ETAG].clone();
    let again = double
        .client
        .get(double.url(&format!("{R}/pullrequests/1")));
    let again = again
        .header(IF_NONE_MATCH, etag.clone())
        .send()
        .await
        .unwrap();
    assert_eq!(again.status(), 304);
    assert_eq!(again.headers()[ETAG], etag);
    assert!(again.bytes().await.unwrap().is_empty());
    let other = double
        .client
        .get(double.url(&format!("{R}/pullrequests/2")));
    assert_eq!(
        other
            .header(IF_NONE_MATCH, etag)
            .send()
            .await
            .unwrap()
            .status(),
        200
    );
}

#[tokio::test]
async fn what_is_removed_is_gone_and_what_is_unknown_is_not_found() {
    let double = small().await;
    for path in [
        "/repositories",
        "/workspaces",
        "/user/permissions/workspaces",
        "/user/permissions/repositories",
    ] {
        let (status, message) = double.error(path).await;
        assert_eq!(
            (status, message.as_str()),
            (410, "CHANGE-2770 - Functionality has been deprecated")
        );
    }
    for path in [
        "/issues",
        "/issues/1",
        "/issues/1/comments",
        "/components",
        "/milestones",
        "/versions",
    ] {
        let response = double.anonymous(&format!("{R}{path}")).await;
        assert_eq!(response.status(), 410, "{path}");
        let body = json(response).await;
        assert_eq!(
            body["error"]["message"],
            "CHANGE-3071 - Functionality has been deprecated"
        );
        assert!(body["error"]["data"]["announcement_url"].is_string());
    }
    for path in [
        "/nothing",
        "/repositories/seaside/nothing",
        "/repositories/nobody",
        "/workspaces/nobody",
        "/repositories/seaside/lighthouse/pullrequests/31",
        "/repositories/seaside/lighthouse/commit/0000000",
    ] {
        assert_eq!(double.error(path).await.0, 404, "{path}");
    }
}

#[tokio::test]
async fn diffs_are_a_redirect_away() {
    let double = small().await;
    for what in ["diff", "patch", "diffstat"] {
        let response = double.send(&format!("{R}/pullrequests/2/{what}")).await;
        assert_eq!(response.status(), 302);
        let location = response.headers()["location"].to_str().unwrap().to_owned();
        assert!(
            location.contains(&format!("/{what}/seaside/lighthouse:")),
            "{location}"
        );
        assert!(location.contains("%0D"));
        let response = double.send(&location).await;
        assert_eq!(response.status(), 200, "{location}");
        let body = response.text().await.unwrap();
        assert!(body.contains("main.rs"), "{what}: {body}");
    }
}

#[tokio::test]
async fn uuids_stand_in_for_slugs() {
    let double = small().await;
    let repository = double.get(R).await;
    let encode = |value: &Value| {
        value
            .as_str()
            .unwrap()
            .replace('{', "%7B")
            .replace('}', "%7D")
    };
    let workspace = encode(&repository["workspace"]["uuid"]);
    let uuid = encode(&repository["uuid"]);
    for path in [
        format!("{workspace}/{uuid}"),
        format!("%7B%7D/{uuid}"),
        format!("seaside/{uuid}"),
    ] {
        assert_eq!(
            double.get(&format!("/repositories/{path}")).await,
            repository
        );
    }
    assert_eq!(
        double.get(&format!("/workspaces/{workspace}")).await["slug"],
        "seaside"
    );
    let member = &double.all("/workspaces/seaside/members").await[0]["user"];
    let user = double
        .get(&format!("/users/{}", encode(&member["uuid"])))
        .await;
    assert_eq!(user["account_id"], member["account_id"]);
}
