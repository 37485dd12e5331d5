//! A repository whose tracker and wiki Atlassian has removed, and what its owner kept of them.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use bucketload_model::{GapReason, ImportState, Stage};
use bucketload_simulator::{Effect, Fault, IssueTracker, SeedOptions, Truth};
use serde_json::{Value, json};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use crate::support::{Local, NAME, Remote, assert_complete, git, remote, stage};

fn world(issue_tracker: IssueTracker, wiki: bool) -> SeedOptions {
    SeedOptions {
        pull_requests: 10,
        git_commits: 4,
        issues: 20,
        issue_tracker,
        wiki,
        ..SeedOptions::default()
    }
}

/// Before 2026-08-20.
async fn before() -> Remote {
    remote(world(IssueTracker::Answers, true)).await
}

/// The same repository afterwards; it still says what it had.
async fn after() -> Remote {
    let remote = remote(world(IssueTracker::Removed, false)).await;
    let had_wiki = Effect::ReplaceField {
        field: "has_wiki".to_owned(),
        value: true.into(),
    };
    let repository = Fault::on_path("/2.0/repositories/seaside/lighthouse", had_wiki);
    remote.control.add_fault(repository);
    remote
}

/// The file of one attachment as it lies in an export.
fn stored_as(issue: u64, position: usize) -> String {
    format!("attachments/{issue}-{position}")
}

/// What the tracker's own export had in it, in its form.
fn issue_export(truth: &Truth, folder: &Path) -> PathBuf {
    let of = |kind: &str| truth.objects[kind].iter();
    let issues: Vec<Value> = of("issues")
        .map(|(_, issue)| {
            json!({
                "id": issue["id"], "title": issue["title"], "status": issue["state"],
                "kind": issue["kind"], "priority": issue["priority"],
                "content": issue["content"]["raw"], "reporter": issue["reporter"],
                "created_on": issue["created_on"], "updated_on": issue["updated_on"],
            })
        })
        .collect();
    let comments = of("issues/comments").map(|(issue, comment)| {
        json!({
            "id": comment["id"], "issue": issue, "content": comment["content"]["raw"],
            "user": comment["user"], "created_on": comment["created_on"],
        })
    });
    // A change is a comment without content, and a row for each field.
    let carriers = of("issues/changes").map(|(issue, change)| {
        json!({"id": change["id"], "issue": issue, "content": null, "user": change["user"]})
    });
    let mut by_id: BTreeMap<u64, Value> = BTreeMap::new();
    for comment in comments.chain(carriers) {
        let id = comment["id"].as_u64().unwrap();
        by_id.entry(id).or_insert(comment);
    }
    let mut logs = Vec::new();
    for (issue, change) in of("issues/changes") {
        for (field, values) in change["changes"].as_object().unwrap() {
            logs.push(json!({
                "issue": issue, "comment": change["id"], "user": change["user"],
                "field": field, "changed_from": values["old"], "changed_to": values["new"],
                "created_on": change["created_on"],
            }));
        }
    }
    let files = of("issues/attachments").enumerate();
    let attachments: Vec<Value> = files
        .map(|(position, (issue, file))| {
            json!({
                "issue": issue, "filename": file["name"], "path": stored_as(*issue, position),
            })
        })
        .collect();
    let document = json!({
        "issues": issues, "comments": by_id.into_values().collect::<Vec<_>>(), "logs": logs,
        "attachments": attachments, "components": [], "milestones": [], "versions": [], "meta": {},
    });

    let path = folder.join("issues.zip");
    let mut zip = ZipWriter::new(std::fs::File::create(&path).unwrap());
    let mut put = |name: &str, content: &[u8]| {
        zip.start_file(name, SimpleFileOptions::default()).unwrap();
        zip.write_all(content).unwrap();
    };
    put("db-2.0.json", document.to_string().as_bytes());
    for (position, (issue, file)) in of("issues/attachments").enumerate() {
        let name = file["name"].as_str().unwrap();
        let content = &truth.files[&format!("issues/{issue}/attachments/{name}")];
        put(&stored_as(*issue, position), content);
    }
    zip.finish().unwrap();
    path
}

/// A clone of the wiki that somebody made in time.
fn wiki_clone(remote: &Remote, folder: &Path) -> PathBuf {
    let web = remote.simulator.web_url();
    let url = format!("{web}/{NAME}.git/wiki");
    git(folder, &["clone", "-q", &url, "wiki"]);
    folder.join("wiki")
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_removed_is_named_and_comes_from_what_was_kept() {
    let folder = tempfile::tempdir().unwrap();
    let before = before().await;
    let truth = before.control.truth(NAME).unwrap();
    let export = issue_export(&truth, folder.path());
    let wiki = wiki_clone(&before, folder.path());

    let after = after().await;
    let local = Local::new(&after).await;
    let report = local.import().await;
    assert_eq!(report.state, ImportState::CompleteWithGaps);
    let mut gaps: Vec<_> = report
        .gaps
        .iter()
        .map(|gap| (gap.stage, gap.object.as_str(), gap.reason))
        .collect();
    gaps.sort_unstable();
    assert_eq!(
        gaps,
        [
            (Stage::Wiki, "wiki", GapReason::RemovedByAtlassian),
            (Stage::Issues, "issues", GapReason::RemovedByAtlassian),
        ]
    );
    // Half of it is not all of it.
    let name = NAME.parse().unwrap();
    local.importer.take_wiki(&name, &wiki).await.unwrap();
    let report = local.import().await;
    assert_eq!(report.state, ImportState::CompleteWithGaps);
    assert_eq!(report.gaps.len(), 1);
    let taken = local.importer.take_issue_export(&name, &export).await;
    let taken = taken.unwrap();
    assert!(taken.is_whole(), "{taken:?}");
    let report = local.import().await;
    assert_complete(&report);

    let stored = |name| stage(&report, name).stored;
    let held = |kind: &str| truth.objects[kind].len() as u64;
    assert_eq!(stored(Stage::Issues), held("issues"));
    assert_eq!(stored(Stage::IssueAttachments), held("issues/attachments"));
    assert!(held("issues/attachments") > 3);
    assert_eq!(stored(Stage::Wiki), truth.wiki.len() as u64);
    // Each file has the content that it had.
    let export = local.export(NAME).await;
    let blobs: Vec<&Vec<u8>> = export
        .iter()
        .filter(|(file, _)| file.starts_with("blobs/"))
        .map(|(_, content)| content)
        .collect();
    for (path, content) in &truth.files {
        assert!(blobs.contains(&content), "{path}");
    }
}
