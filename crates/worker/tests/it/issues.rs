//! Issues from a tracker that still answers, from one that was removed, and with none.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::PathBuf;

use bucketload_auth::Credential;
use bucketload_bitbucket::Endpoint;
use bucketload_model::{GapReason, ImportReport, ImportState, Stage, StageState};
use bucketload_simulator::{Effect, Fault, IssueTracker, Mutation, SeedOptions};
use bucketload_worker::Selection;
use futures::TryStreamExt as _;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tokio_util::sync::CancellationToken;

use crate::support::{Kind, Local, NAME, Remote, assert_complete, only_gap, remote, stage, status};

const ISSUES: u64 = 30;

const STAGES: [Stage; 4] = [
    Stage::Issues,
    Stage::IssueComments,
    Stage::IssueChanges,
    Stage::IssueAttachments,
];

fn options(issue_tracker: IssueTracker) -> SeedOptions {
    SeedOptions {
        pull_requests: 3,
        git_commits: 2,
        issues: ISSUES,
        issue_tracker,
        ..SeedOptions::default()
    }
}

async fn tracker(issue_tracker: IssueTracker) -> (Remote, Local) {
    let remote = remote(options(issue_tracker)).await;
    let local = Local::new(&remote).await;
    (remote, local)
}

/// A list as the double serves it.
async fn served(local: &Local, path: &str) -> Vec<Value> {
    let client = &local.importer.client;
    let url = format!("{}/repositories/{NAME}/{path}", client.api_url());
    let first = client.page_url(&format!("{url}?pagelen=100")).unwrap();
    let pages: Vec<_> = client
        .pages::<Value>(Endpoint::Issues, first)
        .try_collect()
        .await
        .unwrap();
    let items = pages.into_iter().flat_map(|page| page.items);
    items.map(|item| item.value).collect()
}

fn sorted(values: &[Value]) -> Vec<String> {
    let mut texts: Vec<String> = values.iter().map(ToString::to_string).collect();
    texts.sort_unstable();
    texts
}

/// The lines of an exported file.
fn lines(export: &BTreeMap<String, Vec<u8>>, file: &str) -> Vec<Value> {
    let text = std::str::from_utf8(&export[file]).unwrap();
    let lines = text.split_terminator('\n');
    lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn sources(lines: &[Value]) -> Vec<Value> {
    lines.iter().map(|line| line["source"].clone()).collect()
}

/// Every object of the tracker is in the export as the double serves it, and no other.
async fn assert_same(local: &Local) {
    let export = local.export(NAME).await;
    let issues = served(local, "issues").await;
    let mut of_issues: BTreeMap<&str, Vec<Value>> = BTreeMap::new();
    for issue in &issues {
        for list in ["comments", "changes", "attachments"] {
            let values = served(local, &format!("issues/{}/{list}", issue["id"])).await;
            of_issues.entry(list).or_default().extend(values);
        }
    }
    let mut fields = Vec::new();
    for list in ["components", "milestones", "versions"] {
        fields.extend(served(local, list).await);
    }
    let mut of = |list| of_issues.remove(list).unwrap();
    let expected = [
        ("issues.jsonl", issues),
        ("issue_comments.jsonl", of("comments")),
        ("issue_changes.jsonl", of("changes")),
        ("issue_attachments.jsonl", of("attachments")),
        ("issue_fields.jsonl", fields),
    ];
    for (file, expected) in expected {
        assert!(!expected.is_empty(), "{file}");
        let stored = lines(&export, file);
        assert!(stored.iter().all(|line| line["origin"].is_null()));
        assert_eq!(sorted(&sources(&stored)), sorted(&expected), "{file}");
    }
    for file in lines(&export, "issue_attachments.jsonl") {
        let hash = file["blob"].as_str().unwrap();
        let content = &export[&format!("blobs/{hash}")];
        let found = Sha256::digest(content);
        let found = found.iter().map(|byte| format!("{byte:02x}"));
        assert_eq!(found.collect::<String>(), hash);
        assert!(!content.is_empty());
    }
}

#[tokio::test]
async fn every_object_of_a_tracker_comes_home() {
    for kind in [Kind::Sqlite, Kind::Postgres] {
        let remote = remote(options(IssueTracker::Answers)).await;
        let Some(local) = Local::on(kind, &remote).await else {
            continue;
        };
        let report = local.import().await;
        assert_complete(&report);
        for name in STAGES {
            let stage = stage(&report, name);
            assert!(stage.expected.unwrap() > 20, "{stage:?}");
        }
        assert_eq!(report.requests.total, remote.rest().len() as u64);
        assert_same(&local).await;
        // Names are nowhere but in the database.
        let root = local.importer.data_dir.root();
        assert!(!root.join("escape.txt").exists());
        assert!(!root.join("../escape.txt").exists());
    }
}

#[tokio::test]
async fn what_it_takes() {
    let (remote, local) = tracker(IssueTracker::Answers).await;
    let report = local.import().await;
    let spent = |name: &str| report.requests.by_endpoint.get(name).copied();
    assert_eq!(spent("issues"), Some(1));
    assert_eq!(spent("issues/comments"), Some(ISSUES));
    assert_eq!(spent("issues/attachments"), Some(ISSUES));
    // Nobody changed what is as it was made.
    let issues = served(&local, "issues").await;
    let touched = issues
        .iter()
        .filter(|one| one["created_on"] != one["updated_on"]);
    assert_eq!(spent("issues/changes"), Some(touched.count() as u64));
    let files = stage(&report, Stage::IssueAttachments).stored;
    assert_eq!(spent("issues/attachment"), Some(files));
    for list in ["components", "milestones", "versions"] {
        assert_eq!(spent(list), Some(1));
    }
    for stage in report
        .stages
        .iter()
        .filter(|one| STAGES.contains(&one.name))
    {
        assert!(stage.requests_estimated.is_some(), "{stage:?}");
    }

    remote.control.reset_log();
    assert_complete(&local.import().await);
    let asked = remote.rest();
    let of_issues = asked.iter().filter(|one| one.contains("/issues"));
    let of_issues: Vec<_> = of_issues.collect();
    assert_eq!(of_issues.len(), 1, "{of_issues:?}");
    assert!(of_issues[0].contains("updated_on"), "{of_issues:?}");
    assert_eq!(remote.asked("/components"), 0);

    let comment = Mutation::AddIssueComment {
        repository: NAME.to_owned(),
        issue: 7,
        text: "It still boils over.".to_owned(),
    };
    remote.mutate(comment);
    let issue = Mutation::AddIssue {
        repository: NAME.to_owned(),
        title: "The lid rattles".to_owned(),
    };
    remote.mutate(issue);
    remote.control.reset_log();
    let report = local.import().await;
    assert_complete(&report);
    assert_eq!(stage(&report, Stage::Issues).stored, ISSUES + 1);
    assert_eq!(remote.asked("/issues/7/"), 3);
    // The new one was never changed.
    assert_eq!(remote.asked(&format!("/issues/{}/", ISSUES + 1)), 2);
    assert_eq!(remote.asked("/issues/8/"), 0);
    assert_same(&local).await;
}

#[tokio::test]
async fn stopped_anywhere_it_goes_on() {
    let (remote, undisturbed) = tracker(IssueTracker::Answers).await;
    let only = Selection::new(&STAGES, &[]).unwrap();
    let whole = undisturbed.try_import(NAME, &only).await.report;
    assert_eq!(whole.state, ImportState::Complete);
    let expected = undisturbed.export(NAME).await;
    let requests = whole.requests.total;
    for request in (1..requests).step_by(11).chain([2, 3, 4, 5]) {
        let mut local = Local::new(&remote).await;
        remote.control.reset_log();
        let fault = Fault::on_request(request, Effect::Hang);
        remote.control.add_fault(fault);
        let name = NAME.parse().unwrap();
        tokio::select! {
            outcome = local.importer.import(&name, &only) => panic!("{outcome:?}"),
            () = remote.control.wait_for_request(request) => {}
        }
        remote.control.clear_faults();
        local.importer.cancel = CancellationToken::new();
        let resumed = local.try_import(NAME, &only).await.report;
        assert_eq!(resumed.state, ImportState::Complete, "{resumed:#?}");
        assert!(local.export(NAME).await == expected, "at {request}");
        // Eight lists were under way at most, and one try more of the fields.
        let total = resumed.requests.total;
        assert!(total <= requests + 12, "{total} instead of {requests}");
    }
}

#[tokio::test]
async fn without_a_tracker_nobody_asks() {
    let (remote, local) = tracker(IssueTracker::Never).await;
    assert_complete(&local.import().await);
    for part in ["/issues", "/components", "/milestones", "/versions"] {
        assert_eq!(remote.asked(part), 0, "{part}");
    }
}

#[tokio::test]
async fn a_tracker_that_was_removed_is_one_gap_with_a_remedy() {
    let (remote, local) = tracker(IssueTracker::Removed).await;
    for _ in 0..2 {
        remote.control.reset_log();
        let report = local.import().await;
        let gap = only_gap(&report);
        assert_eq!(gap.stage, Stage::Issues);
        assert_eq!(gap.reason, GapReason::RemovedByAtlassian);
        assert_eq!(gap.object, "issues");
        assert!(gap.detail.contains("410 CHANGE-3071"), "{}", gap.detail);
        assert!(gap.detail.contains("--issues-export"), "{}", gap.detail);
        assert!(gap.url.as_ref().unwrap().contains("/issues"));
        assert_eq!(remote.asked("/issues"), 1);
        let name = NAME.parse().unwrap();
        let all = Selection::default();
        let plan = local.importer.plan(&name, &all);
        let planned = plan.await.unwrap().stages.into_iter();
        let planned = planned.filter(|stage| STAGES.contains(&stage.name));
        let most: u64 = planned.map(|stage| stage.requests_max).sum();
        assert_eq!(most, 1);
        for name in &STAGES[1..] {
            let stage = stage(&report, *name);
            assert_eq!((stage.state, stage.stored), (StageState::Complete, 0));
        }
    }
}

/// An export with two issues, a comment, a change, and a file without content, if asked for.
fn export_file(local: &Local, with_file: bool) -> PathBuf {
    let mut document = json!({
        "issues": [{"id": 1, "title": "one"}, {"id": 2, "title": "two"}],
        "comments": [{"id": 10, "issue": 1, "content": null}],
        "logs": [{"issue": 1, "comment": 10, "field": "status",
            "changed_from": "new", "changed_to": "open"}],
        "attachments": [], "components": [], "milestones": [], "versions": [], "meta": {},
    });
    if with_file {
        document["attachments"] =
            json!([{"issue": 2, "filename": "../../a\0b.txt", "path": "attachments/x"}]);
    }
    let path = local.folder.path().join("export.json");
    let mut file = std::fs::File::create(&path).unwrap();
    file.write_all(document.to_string().as_bytes()).unwrap();
    path
}

async fn take(local: &Local, with_file: bool) {
    let name = NAME.parse().unwrap();
    let file = export_file(local, with_file);
    let taken = local.importer.take_issue_export(&name, &file).await;
    taken.unwrap();
}

#[tokio::test]
async fn with_an_export_that_is_stored_whole_nothing_is_missing() {
    let (_remote, local) = tracker(IssueTracker::Removed).await;
    let report = local.import().await;
    assert_eq!(report.state, ImportState::CompleteWithGaps);
    take(&local, false).await;
    let report = local.import().await;
    assert_complete(&report);
    let counted = STAGES.map(|name| {
        let stage = stage(&report, name);
        (stage.expected, stage.stored)
    });
    assert_eq!(
        counted,
        [(Some(2), 2), (Some(1), 1), (Some(1), 1), (Some(0), 0)]
    );
    // Before the first import it is the same.
    let (_remote, local) = tracker(IssueTracker::Removed).await;
    take(&local, false).await;
    assert_complete(&local.import().await);
}

#[tokio::test]
async fn what_an_export_has_no_content_for_is_named() {
    for kind in [IssueTracker::Removed, IssueTracker::Never] {
        let (_remote, local) = tracker(kind).await;
        take(&local, true).await;
        let report = local.import().await;
        let gap = only_gap(&report);
        assert_eq!(gap.stage, Stage::IssueAttachments);
        assert_eq!(gap.reason, GapReason::NotFound);
        assert_eq!(gap.object, "attachment “../../a\\u{0}b.txt” of issue #2");
        assert_eq!(stage(&report, Stage::IssueAttachments).missing, 1);
    }
}

#[tokio::test]
async fn a_tracker_that_goes_after_an_import_is_a_gap_and_what_is_there_stays() {
    let (remote, local) = tracker(IssueTracker::Answers).await;
    assert_complete(&local.import().await);
    let before = local.export(NAME).await;
    remote.mutate(Mutation::RemoveIssueTracker {
        repository: NAME.to_owned(),
    });
    let report = local.import().await;
    assert_eq!(only_gap(&report).reason, GapReason::RemovedByAtlassian);
    assert_eq!(stage(&report, Stage::Issues).stored, ISSUES);
    let after = local.export(NAME).await;
    for file in [
        "issues.jsonl",
        "issue_comments.jsonl",
        "issue_changes.jsonl",
    ] {
        assert!(after[file] == before[file], "{file}");
    }
}

#[tokio::test]
async fn one_list_that_fails_costs_nobody_the_others() {
    let (remote, local) = tracker(IssueTracker::Answers).await;
    remote.on_path("/issues/9/comments", status(500));
    remote.on_path("/issues/9/attachments", status(403));
    let report = local.import().await;
    let gaps: Vec<_> = report
        .gaps
        .iter()
        .map(|gap| (gap.stage, gap.object.as_str(), gap.reason))
        .collect();
    let expected = [
        (
            Stage::IssueComments,
            "comments of issue #9",
            GapReason::SourceError,
        ),
        (
            Stage::IssueAttachments,
            "attachments of issue #9",
            GapReason::NotPermitted,
        ),
    ];
    assert_eq!(gaps, expected);
    remote.control.clear_faults();
    remote.control.reset_log();
    assert_complete(&local.import().await);
    // The list of changes, and what was wanting.
    assert_eq!(remote.asked("/issues/"), 2 + files_of(&local, 9).await);
    assert_same(&local).await;
}

async fn files_of(local: &Local, issue: u64) -> usize {
    served(local, &format!("issues/{issue}/attachments"))
        .await
        .len()
}

#[tokio::test]
async fn a_list_that_delivers_less_than_it_reports_is_named() {
    let (remote, local) = tracker(IssueTracker::Answers).await;
    let effect = Effect::ReplaceField {
        field: "size".to_owned(),
        value: json!(99),
    };
    remote.on_path("/issues/9/comments", effect);
    let report = local.import().await;
    let gap = only_gap(&report);
    assert_eq!(gap.reason, GapReason::CountMismatch);
    assert_eq!(gap.object, "comments of issue #9");
}

#[tokio::test]
async fn without_the_scope_the_gap_says_which_one() {
    let remote = remote(options(IssueTracker::Answers)).await;
    let credential = Credential::access_token("simulator-plain-import");
    let local = Local::with(&remote, credential).await;
    let report = local.import().await;
    // Nor may it see what administrators do.
    let gaps = report.gaps.iter();
    let gaps = gaps.filter(|gap| gap.stage != Stage::Settings);
    let gaps: Vec<_> = gaps.map(|gap| (gap.stage, gap.reason)).collect();
    assert_eq!(gaps, [(Stage::Issues, GapReason::NotPermitted)]);
}

/// The first issue with an ordinary file, and its name.
async fn attached(local: &Local) -> (u64, String) {
    for issue in 1..=ISSUES {
        for file in served(local, &format!("issues/{issue}/attachments")).await {
            let name = file["name"].as_str().unwrap();
            if name == "screenshot.png" {
                return (issue, name.to_owned());
            }
        }
    }
    panic!("no issue has a screenshot")
}

fn answer(status: u16, location: Option<&str>) -> Effect {
    let location = location.map(|to| ("location".to_owned(), to.to_owned()));
    Effect::Answer {
        status,
        headers: location.into_iter().collect(),
        body: String::new(),
    }
}

async fn with_fault(effect: Effect) -> (ImportReport, Local, Remote) {
    let (remote, local) = tracker(IssueTracker::Answers).await;
    let (issue, name) = attached(&local).await;
    let path = format!("/issues/{issue}/attachments/{name}");
    remote.on_path(&path, effect);
    (local.import().await, local, remote)
}

#[tokio::test]
async fn a_file_that_cannot_be_had_is_a_gap_with_its_issue_and_link() {
    for (effect, reason, detail) in [
        (answer(404, None), GapReason::NotFound, "404"),
        (answer(410, None), GapReason::RemovedByAtlassian, "410"),
        (answer(302, None), GapReason::NotArchivable, "no address"),
        (
            answer(302, Some("ftp://files.example.com/x")),
            GapReason::NotArchivable,
            "neither https nor http",
        ),
        (
            answer(302, Some("http://user@127.0.0.1/x")),
            GapReason::NotArchivable,
            "a user in it",
        ),
        (
            answer(302, Some("https://169.254.169.254/latest/meta-data")),
            GapReason::NotArchivable,
            "private network",
        ),
        (
            answer(302, Some("https://10.1.2.3/x")),
            GapReason::NotArchivable,
            "private network",
        ),
        (
            answer(302, Some("http://files.example.com/x")),
            GapReason::NotArchivable,
            "not encrypted",
        ),
    ] {
        let (report, local, remote) = with_fault(effect).await;
        let gap = only_gap(&report);
        assert_eq!((gap.stage, gap.reason), (Stage::IssueAttachments, reason));
        assert!(
            gap.object
                .starts_with("attachment “screenshot.png” of issue #")
        );
        assert!(gap.detail.contains(detail), "{}", gap.detail);
        assert!(gap.url.as_ref().unwrap().ends_with("screenshot.png"));
        assert_eq!(stage(&report, Stage::IssueAttachments).missing, 1);
        // What is there after all is fetched by the next import, and only that.
        remote.control.clear_faults();
        remote.control.reset_log();
        assert_complete(&local.import().await);
        assert_eq!(remote.asked("/attachments/"), 1);
    }
}

#[tokio::test]
async fn a_file_that_is_too_large_leaves_nothing_behind() {
    let (_remote, mut local) = tracker(IssueTracker::Answers).await;
    local.importer.max_blob_bytes = 50_000;
    let only = [Stage::Issues, Stage::IssueAttachments];
    let only = Selection::new(&only, &[]).unwrap();
    let report = local.try_import(NAME, &only).await.report;
    assert!(report.gaps.len() > 5, "{:#?}", report.gaps);
    for gap in &report.gaps {
        assert_eq!(gap.reason, GapReason::NotArchivable);
        assert_eq!(gap.detail, "it is larger than 50000 bytes");
    }
    let files = stage(&report, Stage::IssueAttachments);
    assert_eq!(files.missing, report.gaps.len() as u64);
    assert!(files.stored > 0);
    let incoming = local.importer.data_dir.root().join("blobs/incoming");
    assert_eq!(std::fs::read_dir(incoming).unwrap().count(), 0);
    let blobs = local.importer.archive.blobs().await.unwrap();
    assert!(blobs.iter().all(|blob| blob.size_bytes <= 50_000));
}
