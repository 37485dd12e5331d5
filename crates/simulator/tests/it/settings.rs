//! Settings, pipelines, downloads and forks of a repository; announced removals.

use crate::support::{R, json, small};
use bucketload_simulator::Announcement;
use reqwest::header::AUTHORIZATION;
use serde_json::json;

#[tokio::test]
async fn every_small_list_has_something_in_it() {
    let double = small().await;
    for (path, length) in [
        ("watchers", 3),
        ("forks", 1),
        ("downloads", 3),
        ("default-reviewers", 2),
        ("effective-default-reviewers", 3),
        ("branch-restrictions", 5),
        ("permissions-config/users", 5),
        ("permissions-config/groups", 2),
        ("hooks", 2),
        ("deploy-keys", 2),
        ("pipelines_config/variables", 4),
        ("pipelines_config/schedules", 1),
        ("pipelines_config/ssh/known_hosts", 1),
        ("environments", 3),
    ] {
        let all = double.all(&format!("{R}/{path}")).await;
        assert_eq!(all.len(), length, "{path}");
        assert!(all.iter().all(|value| value["type"].is_string()), "{path}");
        assert_eq!(double.all(&format!("{R}/{path}?pagelen=1")).await, all);
        assert_eq!(double.status(&format!("{R}/{path}?pagelen=101")).await, 400);
    }
}

#[tokio::test]
async fn settings_for_administrators_are_forbidden_to_others() {
    let double = small().await;
    for (path, required) in [
        ("branch-restrictions", json!(["repository:admin"])),
        ("branching-model/settings", json!(["repository:admin"])),
        ("permissions-config/users", json!(["repository:admin"])),
        ("deploy-keys", json!(["repository", "repository:admin"])),
        ("pipelines_config", json!(["repository:admin"])),
        ("pipelines_config/variables", json!(["pipeline"])),
        ("hooks", json!(["webhook"])),
    ] {
        let path = format!("{R}/{path}");
        let request = double.client.get(double.url(&path));
        let response = request
            .header(AUTHORIZATION, "Bearer simulator-plain-import")
            .send()
            .await
            .unwrap();
        assert_eq!(response.status(), 403, "{path}");
        let accepted = response.headers()["x-accepted-oauth-scopes"].clone();
        let detail = json(response).await["error"]["detail"].clone();
        assert_eq!(detail["required"], required, "{path}");
        assert_eq!(
            json!(accepted.to_str().unwrap().split(", ").collect::<Vec<_>>()),
            required
        );
        assert_eq!(double.anonymous(&path).await.status(), 401, "{path}");
        assert_eq!(double.status(&path).await, 200, "{path}");
    }
}

#[tokio::test]
async fn secrets_are_never_shown() {
    let double = small().await;
    let environments = double.all(&format!("{R}/environments")).await;
    let uuid = environments[1]["uuid"].as_str().unwrap();
    let encoded = uuid.replace('{', "%7B").replace('}', "%7D");
    let of_environment = format!("{R}/deployments_config/environments/{encoded}/variables");
    let of_pipelines = format!("{R}/pipelines_config/variables");
    for path in [&of_environment, &of_pipelines] {
        let variables = double.all(path).await;
        assert!(variables.iter().any(|one| one["secured"] == true));
        for variable in variables {
            assert_eq!(variable["secured"] == true, variable["value"].is_null());
        }
        let names = double.all(&format!("{path}?fields=-values.value")).await;
        assert_eq!(names.len(), 4);
        assert!(names.iter().all(|one| one.get("value").is_none()));
    }
    let unknown = format!("{R}/deployments_config/environments/%7Bnone%7D/variables");
    assert_eq!(double.status(&unknown).await, 404);
    for hook in double.all(&format!("{R}/hooks")).await {
        assert!(hook.get("secret").is_none() && hook["secret_set"].is_boolean());
    }
}

#[tokio::test]
async fn an_announced_removal_is_in_every_answer_of_its_endpoint() {
    let double = small().await;
    let control = double.simulator.control();
    let list = "/repositories/{workspace}/{repo_slug}/pullrequests";
    control.announce(Announcement::of(list));
    control.announce(Announcement {
        deprecated_since: None,
        link: None,
        ..Announcement::of("/repositories/{workspace}/{repo_slug}/issues")
    });
    let headers = |path: String| {
        let double = &double;
        async move {
            let response = double.send(&path).await;
            ["deprecation", "sunset", "link"].map(|name| {
                let value = response.headers().get(name);
                value.map(|value| value.to_str().unwrap().to_owned())
            })
        }
    };
    let sunset = Some("Fri, 21 Aug 2026 00:00:00 UTC".to_owned());
    let [deprecation, said, link] = headers(format!("{R}/pullrequests")).await;
    assert_eq!(deprecation.as_deref(), Some("@1771545600"));
    assert_eq!(said, sunset);
    assert_eq!(
        link.as_deref(),
        Some(
            "<https://developer.atlassian.com/cloud/bitbucket/changelog#CHANGE-3071>; \
             rel=\"deprecation\""
        )
    );
    assert_eq!(
        headers(format!("{R}/pullrequests?pagelen=51")).await[1],
        sunset
    );
    assert_eq!(headers(format!("{R}/issues")).await, [None, sunset, None]);
    assert_eq!(
        headers(format!("{R}/pullrequests/1")).await,
        [None, None, None]
    );
    control.clear_announcements();
    assert_eq!(
        headers(format!("{R}/pullrequests")).await,
        [None, None, None]
    );
    let address = format!("{}/_simulator/announcements", double.simulator.web_url());
    let body = format!("{{\"endpoint\": \"{list}\", \"sunset\": \"tomorrow\"}}");
    let request = double.client.post(&address).body(body);
    assert_eq!(request.send().await.unwrap().status(), 200);
    let said = headers(format!("{R}/pullrequests")).await;
    assert_eq!(said, [None, Some("tomorrow".to_owned()), None]);
}
