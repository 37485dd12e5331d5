//! The issue tracker of a world from before August 2026.

use std::collections::BTreeSet;

use bucketload_simulator::{IssueTracker, Mutation, SeedOptions};
use reqwest::header::LOCATION;
use serde_json::Value;

use crate::deviations::Deviation;
use crate::schemas::{Schemas, document};
use crate::support::{Double, R, seeded};

const ISSUES: u64 = 60;

const OLDER: &str = "recorded in 2020";
const WORDS: &str = "former user, as GitLab and others met it";

/// Where the tracker differed from its document.
const DEVIATIONS: &[Deviation] = &[
    Deviation("reporter", "null", OLDER),
    Deviation("user", "null", WORDS),
    Deviation("assignee", "null", OLDER),
    Deviation("component", "null", OLDER),
    Deviation("milestone", "null", OLDER),
    Deviation("version", "null", OLDER),
    Deviation("edited_on", "null", OLDER),
    Deviation("updated_on", "null", OLDER),
    Deviation("raw", "null", OLDER),
    Deviation("content.type", "unknown", OLDER),
    Deviation("message.type", "unknown", OLDER),
    Deviation("links.html", "unknown", OLDER),
];

async fn tracker(issue_tracker: IssueTracker) -> Double {
    seeded(SeedOptions {
        pull_requests: 3,
        issue_tracker,
        issues: ISSUES,
        deleted_users_per_mille: 60,
        ..SeedOptions::default()
    })
    .await
}

#[tokio::test]
async fn a_tracker_answers_lists_and_single_objects() {
    let double = tracker(IssueTracker::Answers).await;
    assert_eq!(double.get(R).await["has_issues"], true);
    let issues = double.all(&format!("{R}/issues?pagelen=7&sort=id")).await;
    let ids: Vec<u64> = issues.iter().filter_map(|one| one["id"].as_u64()).collect();
    assert_eq!(ids, (1..=ISSUES).collect::<Vec<_>>());
    let (mut comments, mut changes, mut files) = (0, 0, 0);
    for issue in &issues {
        let path = format!("{R}/issues/{}", issue["id"]);
        assert_eq!(double.get(&path).await, *issue);
        let said = double.all(&format!("{path}/comments")).await;
        let changed = double.all(&format!("{path}/changes")).await;
        let ids: BTreeSet<u64> = said.iter().filter_map(|one| one["id"].as_u64()).collect();
        for change in &changed {
            assert!(ids.contains(&change["id"].as_u64().unwrap()));
        }
        let is_touched = issue["created_on"] != issue["updated_on"];
        assert_eq!(is_touched, !said.is_empty(), "{path}");
        if let [first, ..] = &said[..] {
            let one = double
                .get(&format!("{path}/comments/{}", first["id"]))
                .await;
            assert_eq!(one, *first);
        }
        comments += said.len();
        changes += changed.len();
        files += double.all(&format!("{path}/attachments")).await.len();
    }
    assert!(
        comments > 100 && changes > 40 && files > 20,
        "{comments} {changes} {files}"
    );
    for list in ["components", "milestones", "versions"] {
        assert!(!double.all(&format!("{R}/{list}")).await.is_empty());
    }
    let late = issues[40]["updated_on"].as_str().unwrap();
    let q = format!("{R}/issues?q=updated_on>={}", late.replace('+', "%2B"));
    assert_eq!(double.all(&q).await.len() as u64, ISSUES - 40);
}

#[tokio::test]
async fn it_is_strict() {
    let double = tracker(IssueTracker::Answers).await;
    for (path, status) in [
        ("/issues?pagelen=101", 400),
        ("/issues?pagelen=0", 400),
        ("/issues?page=0", 400),
        ("/issues?q=nonsense", 400),
        ("/issues?sort=nonsense", 400),
        ("/issues/61", 404),
        ("/issues/61/comments", 404),
        ("/issues/1/comments/1", 404),
        ("/issues/1/votes", 404),
    ] {
        assert_eq!(double.status(&format!("{R}{path}")).await, status, "{path}");
    }
    let issues = format!("{R}/issues");
    assert_eq!(double.anonymous(&issues).await.status(), 200);
    let request = double.client.get(double.url(&issues));
    let request = request.bearer_auth("simulator-plain-import");
    assert_eq!(request.send().await.unwrap().status(), 403);
}

#[tokio::test]
async fn removed_it_is_gone_and_the_repository_still_says_that_it_had_one() {
    let double = tracker(IssueTracker::Removed).await;
    assert_eq!(double.get(R).await["has_issues"], true);
    for path in ["/issues", "/issues/1", "/issues/1/changes", "/components"] {
        let (status, message) = double.error(&format!("{R}{path}")).await;
        assert_eq!(status, 410, "{path}");
        assert!(message.starts_with("CHANGE-3071"), "{message}");
    }
    let never = tracker(IssueTracker::Never).await;
    assert_eq!(never.get(R).await["has_issues"], Value::Null);
    assert_eq!(never.status(&format!("{R}/issues")).await, 410);
}

#[tokio::test]
async fn files_of_issues_lie_in_the_store_whatever_they_are_called() {
    let double = tracker(IssueTracker::Answers).await;
    let mut names = BTreeSet::new();
    for id in 1..=ISSUES {
        let list = format!("{R}/issues/{id}/attachments");
        for file in double.all(&list).await {
            let link = file["links"]["self"]["href"][0].as_str().unwrap();
            let response = double.client.get(link).bearer_auth("simulator-full-access");
            let response = response.send().await.unwrap();
            assert_eq!(response.status(), 302, "{link}");
            let location = response.headers()[LOCATION].to_str().unwrap();
            let stored = double.client.get(location).send().await.unwrap();
            assert_eq!(stored.status(), 200, "{location}");
            assert!(!stored.bytes().await.unwrap().is_empty());
            names.insert(file["name"].as_str().unwrap().to_owned());
        }
    }
    for part in ["../../", "\0", "\u{202E}", "ßßß", "\r\n"] {
        assert!(names.iter().any(|name| name.contains(part)), "{part:?}");
    }
    let path = format!("{R}/issues/1/attachments/none.txt");
    assert_eq!(double.status(&path).await, 404);
}

#[tokio::test]
async fn it_changes_while_it_is_served() {
    let double = tracker(IssueTracker::Answers).await;
    let control = double.simulator.control();
    let repository = || "seaside/lighthouse".to_owned();
    let before = double.get(&format!("{R}/issues/5")).await;
    let text = "One more thing".to_owned();
    let said = control.mutate(Mutation::AddIssueComment {
        repository: repository(),
        issue: 5,
        text: text.clone(),
    });
    let issue = double.get(&format!("{R}/issues/5")).await;
    assert_ne!(issue["updated_on"], before["updated_on"]);
    let comments = double.all(&format!("{R}/issues/5/comments")).await;
    let last = comments.last().unwrap();
    assert_eq!(last["id"].as_u64(), said.unwrap().id);
    assert_eq!(last["content"]["raw"], text);
    let added = control.mutate(Mutation::AddIssue {
        repository: repository(),
        title: "A new one".to_owned(),
    });
    assert_eq!(added.unwrap().id, Some(ISSUES + 1));
    let since = format!("{R}/issues?sort=id&q=updated_on>=2026-01-01T00:00:00Z");
    let changed = double.all(&since).await;
    let ids: Vec<_> = changed
        .iter()
        .filter_map(|one| one["id"].as_u64())
        .collect();
    assert_eq!(ids, [5, ISSUES + 1]);
    let path = format!("{R}/issues/{}/changes", ISSUES + 1);
    assert!(double.all(&path).await.is_empty());
    let removed = Mutation::RemoveIssueTracker {
        repository: repository(),
    };
    control.mutate(removed).unwrap();
    assert_eq!(double.status(&format!("{R}/issues")).await, 410);
}

#[tokio::test]
async fn its_answers_fit_the_document_of_before() {
    let Some(document) = document("bitbucket-openapi.json") else {
        return;
    };
    let double = tracker(IssueTracker::Answers).await;
    let mut schemas = Schemas::new(&document);
    let repository = "/repositories/{workspace}/{repo_slug}";
    let mut faults = BTreeSet::new();
    let mut objects = 0;
    for (template, path) in [
        ("/components", "/components"),
        ("/milestones", "/milestones"),
        ("/versions", "/versions"),
        ("/issues", "/issues?pagelen=100"),
        ("/issues/{issue_id}", "/issues/N"),
        ("/issues/{issue_id}/comments", "/issues/N/comments"),
        ("/issues/{issue_id}/changes", "/issues/N/changes"),
        ("/issues/{issue_id}/attachments", "/issues/N/attachments"),
    ] {
        let times = if path.contains('N') { ISSUES } else { 1 };
        for id in 1..=times {
            let path = path.replace('N', &id.to_string());
            let mut body = double.get(&format!("{R}{path}")).await;
            if path.ends_with("/attachments") {
                // A list where the document has a text, in all that were recorded.
                for file in body["values"].as_array_mut().unwrap() {
                    let link = &mut file["links"]["self"]["href"];
                    *link = link[0].take();
                }
            }
            objects += body["values"].as_array().map_or(1, Vec::len);
            let template = format!("{repository}{template}");
            faults.extend(schemas.faults(&template, &body).unwrap());
        }
    }
    assert!(objects > 400, "{objects}");
    let unexplained = faults
        .iter()
        .filter(|fault| !DEVIATIONS.iter().any(|one| one.explains(fault)));
    let unexplained: Vec<_> = unexplained.collect();
    assert!(unexplained.is_empty(), "{unexplained:#?}");
    for deviation in DEVIATIONS {
        let is_needed = faults.iter().any(|fault| deviation.explains(fault));
        assert!(is_needed, "no answer deviates so: {deviation}");
    }
}
