//! Recordings of real repositories, imported through the simulator's replay.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead as _, BufReader};
use std::path::Path;

use bucketload_simulator::{ReplayOptions, World};
use flate2::read::MultiGzDecoder;
use serde_json::Value;

use crate::support::{Double, export, lines, shared, stage};

const REAL_API: &str = "https://api.bitbucket.org/2.0";

/// What the recordings hold of one repository, by id.
#[derive(Default)]
struct Recorded {
    repository: Value,
    pull_requests: BTreeMap<i64, Value>,
    comments: BTreeMap<i64, (i64, Value)>,
    activity: Vec<Value>,
    /// By pull request and hash.
    commits: BTreeMap<(i64, String), Value>,
    /// By pull request, commit and name.
    statuses: BTreeMap<(i64, String, String), Value>,
    /// Lists among the settings, by their names in the export.
    settings: BTreeMap<&'static str, Vec<Value>>,
    issues: Vec<Value>,
    /// What belongs to issues, by the name of its list.
    of_issues: BTreeMap<String, Vec<Value>>,
}

fn read(file: &Path, name: &str) -> Recorded {
    let mut recorded = Recorded::default();
    let root = format!("{REAL_API}/repositories/{name}");
    let file = std::fs::File::open(file).unwrap();
    let mut details = BTreeMap::new();
    for line in BufReader::new(MultiGzDecoder::new(file)).lines() {
        let mut line: Value = serde_json::from_str(&line.unwrap()).unwrap();
        let body = line["body"].take();
        let url = line["url"].as_str().unwrap();
        let Some(path) = url.strip_prefix(&root) else {
            continue;
        };
        let path = path.split('?').next().unwrap();
        let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
        let values = || body["values"].as_array().unwrap().iter().cloned();
        match parts.as_slice() {
            [] => recorded.repository = body,
            ["pullrequests"] => recorded
                .pull_requests
                .extend(values().map(|one| (one["id"].as_i64().unwrap(), one))),
            ["pullrequests", id] => {
                details.insert(id.parse::<i64>().unwrap(), body);
            }
            ["pullrequests", id, "comments"] => {
                let parent: i64 = id.parse().unwrap();
                recorded
                    .comments
                    .extend(values().map(|one| (one["id"].as_i64().unwrap(), (parent, one))));
            }
            ["pullrequests", _, "activity"] => recorded.activity.extend(values()),
            ["pullrequests", id, "commits"] => {
                let id: i64 = id.parse().unwrap();
                let hash = |one: &Value| one["hash"].as_str().unwrap().to_owned();
                let commits = values().map(|one| ((id, hash(&one)), one));
                recorded.commits.extend(commits);
            }
            ["pullrequests", id, "statuses"] => {
                let id: i64 = id.parse().unwrap();
                let text = |value: &Value| value.as_str().unwrap().to_owned();
                let key = |one: &Value| (id, text(&one["commit"]["hash"]), text(&one["key"]));
                recorded
                    .statuses
                    .extend(values().map(|one| (key(&one), one)));
            }
            ["forks"] => recorded
                .settings
                .entry("forks")
                .or_default()
                .extend(values()),
            ["watchers"] => recorded
                .settings
                .entry("watchers")
                .or_default()
                .extend(values()),
            ["issues"] => recorded.issues.extend(values()),
            ["issues", _, list] => {
                let of_issues = recorded.of_issues.entry((*list).to_owned());
                of_issues.or_default().extend(values());
            }
            _ => {}
        }
    }
    // The client asks for these two beside what the list shows.
    for (id, pull_request) in &mut recorded.pull_requests {
        for field in ["reviewers", "participants"] {
            pull_request[field] = details[id][field].clone();
        }
    }
    recorded
}

/// The same object with the simulator's addresses as Bitbucket's own.
fn unrewritten(value: &Value, api_url: &str) -> Value {
    match value {
        Value::String(text) => Value::String(text.replace(api_url, REAL_API)),
        Value::Array(list) => list.iter().map(|one| unrewritten(one, api_url)).collect(),
        Value::Object(fields) => fields
            .iter()
            .map(|(name, one)| (name.clone(), unrewritten(one, api_url)))
            .collect(),
        other => other.clone(),
    }
}

#[test]
fn every_recorded_repository_comes_home_whole() {
    let Some(folder) = shared("recorded/repositories") else {
        eprintln!("skipped: no recordings on this machine");
        return;
    };
    let counts = std::fs::read_to_string(folder.join("expected-counts.json")).unwrap();
    let counts: Value = serde_json::from_str(&counts).unwrap();
    let names: Vec<&String> = counts.as_object().unwrap().keys().collect();
    assert!(names.len() >= 6);
    for name in names {
        let file = folder.join(format!("{}.jsonl.gz", name.replace('/', "__")));
        compare(name, &file, &counts[name]["counts"]);
    }
}

fn compare(name: &str, file: &Path, counts: &Value) {
    let recorded = read(file, name);
    let world = World::replay(ReplayOptions {
        files: vec![file.to_owned()],
        issues: true,
        ..ReplayOptions::default()
    });
    let double = Double::serve(world.unwrap());
    let folder = tempfile::tempdir().unwrap();
    let data_dir = folder.path().join("data");
    let report = double
        .run(
            &data_dir,
            &["import", name, "--with", "pull_request_statuses", "--json"],
        )
        .report();
    // These wikis are gone. The recordings have no history, and no diffs to make up for it.
    assert_lacking(&report, recorded.repository["has_wiki"] == true, false);
    let export = export(&data_dir, &folder.path().join("export"), name);

    let count = |key: &str| counts[key].as_u64().unwrap_or_default();
    let stored = |stage_name: &str| stage(&report, stage_name)["stored"].as_u64().unwrap();
    assert_eq!(stored("pull_requests"), count("pullrequests"), "{name}");
    assert_eq!(
        stored("pull_request_comments"),
        count("pr_comments"),
        "{name}"
    );

    let same = |source: &Value, recorded: &Value| {
        assert_eq!(unrewritten(source, &double.api_url()), *recorded, "{name}");
    };
    let pull_requests = lines(&export.join("pull_requests.jsonl"));
    assert_eq!(pull_requests.len() as u64, count("pullrequests"));
    assert!(pull_requests.is_sorted_by_key(|(key, _)| key["pull_request"].as_i64()));
    for state in ["OPEN", "MERGED", "DECLINED", "SUPERSEDED"] {
        let found = pull_requests
            .iter()
            .filter(|(_, one)| one["state"] == state);
        assert_eq!(
            found.count() as u64,
            count(&format!("pr_{state}")),
            "{name} {state}"
        );
    }
    for (key, source) in &pull_requests {
        same(
            source,
            &recorded.pull_requests[&key["pull_request"].as_i64().unwrap()],
        );
    }

    let comments = lines(&export.join("pull_request_comments.jsonl"));
    assert_eq!(comments.len() as u64, count("pr_comments"));
    assert!(comments.is_sorted_by_key(|(key, _)| key["comment"].as_i64()));
    let those =
        |wanted: fn(&Value) -> bool| comments.iter().filter(|(_, one)| wanted(one)).count() as u64;
    assert_eq!(
        those(|one| one["deleted"] == true),
        count("pr_comments_deleted")
    );
    assert_eq!(
        those(|one| one["inline"].is_object()),
        count("pr_comments_inline")
    );
    assert_eq!(
        those(|one| one["parent"].is_object()),
        count("pr_comments_reply")
    );
    for (key, source) in &comments {
        let (parent, comment) = &recorded.comments[&key["comment"].as_i64().unwrap()];
        assert_eq!(key["pull_request"], *parent);
        same(source, comment);
    }

    compare_activity(&export, &recorded, counts, &double.api_url());
    compare_commits(&export, &recorded, &double.api_url());
    compare_statuses(&export, &recorded, &double.api_url());
    compare_settings(&export, &recorded, &double.api_url());
    compare_cost(name, &report, &recorded);
    compare_issues(&export, &recorded, counts, &double.api_url());
    compare_cost_of_issues(&report, &recorded);
    compare_images(&report, &recorded, &export);

    let repository = lines(&export.join("repository.json"));
    let [(_, source)] = repository.as_slice() else {
        panic!("{name}: one repository expected");
    };
    // The two things that a replay answers otherwise: `hg` is `git` today, and the
    // clone address is the simulator's.
    let without = |repository: &Value| {
        let mut repository = repository.clone();
        repository["scm"].take();
        repository["links"]["clone"].take();
        repository
    };
    same(&without(source), &without(&recorded.repository));
    assert_eq!(source["scm"], "git");

    let users = lines(&export.join("users.jsonl"));
    assert!(users.is_sorted_by_key(|(key, _)| key["account"].to_string()));
    for person in authors(&recorded) {
        assert!(
            users.iter().any(|(key, _)| key["account"] == person),
            "{name}: {person} is missing"
        );
    }
}

/// Every pasted image that stands in a recording, wherever, is named with its address and where
/// it is shown; those on hosts of others are left out.
fn compare_images(report: &Value, recorded: &Recorded, export: &Path) {
    fn collect(value: &Value, found: &mut BTreeSet<String>) {
        match value {
            Value::String(text) => {
                // As an image of Markdown, or of what Bitbucket rendered.
                for begin in [
                    "](https://bitbucket.org/repo/",
                    "src=\"https://bitbucket.org/repo/",
                ] {
                    for (at, _) in text.match_indices(begin) {
                        let rest = &text[at..];
                        let rest = &rest[rest.find("https").unwrap()..];
                        let end = |c: char| c.is_whitespace() || matches!(c, ')' | '"');
                        let end = rest.find(end).unwrap_or(rest.len());
                        found.insert(rest[..end].to_owned());
                    }
                }
            }
            Value::Array(list) => list.iter().for_each(|one| collect(one, found)),
            Value::Object(fields) => fields.values().for_each(|one| collect(one, found)),
            _ => {}
        }
    }
    let mut pasted = BTreeSet::new();
    let comments = recorded.comments.values().map(|(_, comment)| comment);
    let texts = recorded.pull_requests.values().chain(comments);
    let of_issues = recorded.of_issues.values().flatten();
    for text in texts
        .chain(&recorded.activity)
        .chain(&recorded.issues)
        .chain(of_issues)
    {
        collect(text, &mut pasted);
    }
    let gaps = report["gaps"].as_array().unwrap().iter();
    let gaps: Vec<_> = gaps.filter(|gap| gap["stage"] == "images").collect();
    let named = gaps
        .iter()
        .map(|gap| gap["url"].as_str().unwrap().to_owned());
    assert_eq!(named.collect::<BTreeSet<_>>(), pasted);
    for gap in gaps {
        assert_eq!(gap["reason"], "not_archivable", "{gap}");
        let detail = gap["detail"].as_str().unwrap();
        assert!(detail.contains("Linked in: "), "{gap}");
        assert!(
            detail.contains("/pull-requests/") || detail.contains("/issues/"),
            "{gap}"
        );
    }
    let images = lines(&export.join("images.jsonl")).len() as u64;
    let left_out = stage(report, "images")["left_out"].as_u64();
    assert_eq!(images, pasted.len() as u64 + left_out.unwrap_or_default());
}

/// What happened, as Bitbucket names it, and the entries themselves.
fn compare_activity(export: &Path, recorded: &Recorded, counts: &Value, api_url: &str) {
    let activity = lines(&export.join("pull_request_activity.jsonl"));
    for kind in ["comment", "update", "approval", "changes_requested"] {
        let found = activity.iter().filter(|(_, one)| one[kind].is_object());
        let expected = counts[format!("activity_{kind}")].as_u64();
        assert_eq!(found.count() as u64, expected.unwrap_or_default(), "{kind}");
    }
    let sorted = |entries: Vec<String>| {
        let mut entries = entries;
        entries.sort_unstable();
        entries
    };
    let stored = activity
        .iter()
        .map(|(_, one)| unrewritten(one, api_url).to_string());
    let sent = recorded.activity.iter().map(ToString::to_string);
    assert_eq!(sorted(stored.collect()), sorted(sent.collect()));
}

/// The forks and the people who watch; nothing else of the settings was recorded.
fn compare_settings(export: &Path, recorded: &Recorded, api_url: &str) {
    assert_eq!(recorded.settings.len(), 2);
    for (name, sent) in &recorded.settings {
        let document = lines(&export.join(format!("settings/{name}.json")));
        let [(_, source)] = document.as_slice() else {
            panic!("{name}: one document expected");
        };
        let stored = source.as_array().unwrap().iter();
        let stored: Vec<Value> = stored.map(|one| unrewritten(one, api_url)).collect();
        assert_eq!(stored, *sent, "{name}");
    }
}

/// The commits of pull requests, none of which is in the clone.
fn compare_commits(export: &Path, recorded: &Recorded, api_url: &str) {
    let commits = lines(&export.join("pull_request_commits.jsonl"));
    assert_eq!(commits.len(), recorded.commits.len());
    for (key, source) in &commits {
        let id = key["pull_request"].as_i64().unwrap();
        let hash = key["commit"].as_str().unwrap().to_owned();
        let sent = &recorded.commits[&(id, hash)];
        assert_eq!(unrewritten(source, api_url), *sent);
    }
}

/// What builds said, which every import leaves out that does not ask for it.
fn compare_statuses(export: &Path, recorded: &Recorded, api_url: &str) {
    let statuses = lines(&export.join("pull_request_statuses.jsonl"));
    assert_eq!(statuses.len(), recorded.statuses.len());
    for (key, source) in &statuses {
        let place = (
            key["pull_request"].as_i64().unwrap(),
            key["commit"].as_str().unwrap().to_owned(),
            key["status"].as_str().unwrap().to_owned(),
        );
        assert_eq!(unrewritten(source, api_url), recorded.statuses[&place]);
    }
}

/// The requests that have a bound.
const COMPARED: &[&str] = &[
    "repository",
    "pullrequests",
    "pullrequests/comments",
    "pullrequests/activity",
];

/// Every kind of object that an issue tracker has, each as it was recorded.
fn compare_issues(export: &Path, recorded: &Recorded, counts: &Value, api_url: &str) {
    let of = |list: &str| {
        recorded
            .of_issues
            .get(list)
            .map(Vec::as_slice)
            .unwrap_or_default()
    };
    for (file, objects, count) in [
        ("issues.jsonl", recorded.issues.as_slice(), "issues"),
        ("issue_comments.jsonl", of("comments"), "issue_comments"),
        ("issue_changes.jsonl", of("changes"), "issue_changes"),
        (
            "issue_attachments.jsonl",
            of("attachments"),
            "issue_attachments",
        ),
    ] {
        let expected = counts[count].as_u64().unwrap_or_default();
        assert_eq!(objects.len() as u64, expected, "{file}");
        let stored = lines(&export.join(file)).into_iter();
        let mut stored: Vec<_> = stored
            .map(|(_, one)| unrewritten(&one, api_url).to_string())
            .collect();
        let mut sent: Vec<_> = objects.iter().map(ToString::to_string).collect();
        stored.sort_unstable();
        sent.sort_unstable();
        assert_eq!(stored, sent, "{file}");
    }
}

fn is_of_issues_or_files(endpoint: &str) -> bool {
    let family = endpoint.split('/').next().unwrap_or_default();
    matches!(
        family,
        "issues" | "components" | "milestones" | "versions" | "downloads" | "download"
    )
}

/// One list of issues, three of what they refer to; of each issue its comments and files, its
/// changes where it has any; and the files. And one list of downloads.
fn compare_cost_of_issues(report: &Value, recorded: &Recorded) {
    let count = |list: &str| recorded.of_issues.get(list).map_or(0, Vec::len);
    let is_changed = |issue: &&Value| issue["created_on"] != issue["updated_on"];
    let of_issues = if recorded.repository["has_issues"] == true {
        let changed = recorded.issues.iter().filter(is_changed).count();
        1 + 3 + 2 * recorded.issues.len() + changed + count("attachments")
    } else {
        0
    };
    let by_endpoint = report["requests"]["by_endpoint"].as_object().unwrap();
    let spent = by_endpoint
        .iter()
        .filter(|(endpoint, _)| is_of_issues_or_files(endpoint))
        .map(|(_, requests)| requests.as_u64().unwrap());
    assert_eq!(spent.sum::<u64>(), of_issues as u64 + 1);
}

/// Since August 2026: what had a tracker or a wiki lacks it, and that is named.
#[test]
fn recorded_repositories_after_the_sunset_lack_their_issues_and_nothing_else() {
    let Some(folder) = shared("recorded/repositories") else {
        eprintln!("skipped: no recordings on this machine");
        return;
    };
    for (name, has_issues) in [("osrf/srsim", true), ("osrf/osrf-common", false)] {
        let file = folder.join(format!("{}.jsonl.gz", name.replace('/', "__")));
        let has_wiki = read(&file, name).repository["has_wiki"] == true;
        let world = World::replay(ReplayOptions {
            files: vec![file],
            ..ReplayOptions::default()
        });
        let double = Double::serve(world.unwrap());
        let folder = tempfile::tempdir().unwrap();
        let data_dir = folder.path().join("data");
        let report = double.run(&data_dir, &["import", name, "--json"]).report();
        assert_lacking(&report, has_wiki, has_issues);
    }
}

/// What recorded repositories lack: what Bitbucket removed, and the diffs of pull requests
/// whose commits no ref leads to.
fn assert_lacking(report: &Value, wiki: bool, issues: bool) {
    let gaps = report["gaps"].as_array().unwrap();
    // What was pasted into texts has a test of its own.
    let gaps: Vec<_> = gaps.iter().filter(|gap| gap["stage"] != "images").collect();
    let (diffs, others): (Vec<&Value>, Vec<&Value>) = gaps
        .into_iter()
        .partition(|gap| gap["stage"] == "pull_request_diffs");
    assert!(
        diffs.iter().all(|gap| gap["reason"] == "not_found"),
        "{diffs:?}"
    );
    let others: Vec<_> = others
        .iter()
        .map(|gap| {
            (
                gap["stage"].as_str().unwrap(),
                gap["reason"].as_str().unwrap(),
            )
        })
        .collect();
    let expected: Vec<_> = [("wiki", wiki), ("issues", issues)]
        .into_iter()
        .filter_map(|(stage, had_it)| had_it.then_some((stage, "removed_by_atlassian")))
        .collect();
    assert_eq!(others, expected);
    let is_whole = report["gaps"].as_array().unwrap().is_empty();
    let state = if is_whole {
        "complete"
    } else {
        "complete_with_gaps"
    };
    assert_eq!(report["state"], state);
}

/// What an import may cost at most, and what GitLab's importer asks for the same data: a page of
/// ten pull requests, a list of comments for each of them, the repository three times, the user,
/// the members and an empty page after them. It has no activity and no settings.
fn compare_cost(name: &str, report: &Value, recorded: &Recorded) {
    let count = |number: usize| u64::try_from(number).unwrap();
    let mut by_parent: BTreeMap<i64, u64> = BTreeMap::new();
    for (parent, _) in recorded.comments.values() {
        *by_parent.entry(*parent).or_default() += 1;
    }
    let pull_requests = count(recorded.pull_requests.len());
    let discussions = recorded.pull_requests.values();
    let discussions = discussions.filter(|one| one["comment_count"] != 0);
    let more_pages: u64 = by_parent
        .values()
        .map(|comments| (comments - 1) / 100)
        .sum();
    let allowed = 1
        + pull_requests.div_ceil(50)
        + count(discussions.count())
        + more_pages
        + count(recorded.activity.len()).div_ceil(50)
        + 2;
    let by_endpoint = report["requests"]["by_endpoint"].as_object().unwrap();
    let spent: u64 = by_endpoint
        .iter()
        .filter(|(endpoint, _)| COMPARED.contains(&endpoint.as_str()))
        .map(|(_, requests)| requests.as_u64().unwrap())
        .sum();
    let gitlab = 2
        + 1
        + 2
        + pull_requests.div_ceil(10).max(1)
        + recorded
            .pull_requests
            .keys()
            .map(|id| {
                by_parent
                    .get(id)
                    .copied()
                    .unwrap_or_default()
                    .div_ceil(50)
                    .max(1)
            })
            .sum::<u64>()
        + 1;
    let of_activity = by_endpoint["pullrequests/activity"].as_u64().unwrap();
    said(&format!(
        "{name}: {spent} requests ({allowed} allowed, {of_activity} of them for activity); \
         GitLab: {gitlab} without activity"
    ));
    assert!(spent <= allowed, "{name}: {by_endpoint:?}");
    assert!(spent - of_activity < gitlab, "{name}: {by_endpoint:?}");
    let estimated = &report["requests"]["estimated"];
    let total = report["requests"]["total"].as_u64();
    assert!(estimated["min"].as_u64() <= total && total <= estimated["max"].as_u64());
}

#[expect(clippy::print_stderr, reason = "figures, for those who ask for them")]
fn said(text: &str) {
    eprintln!("{text}");
}

fn authors(recorded: &Recorded) -> Vec<String> {
    let pull_requests = recorded.pull_requests.values().map(|one| &one["author"]);
    let comments = recorded.comments.values().map(|(_, one)| &one["user"]);
    let accounts = pull_requests.chain(comments);
    accounts
        .filter_map(|account| account["uuid"].as_str().map(str::to_owned))
        .collect()
}
