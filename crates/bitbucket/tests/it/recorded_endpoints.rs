//! Every recorded object of every endpoint, read as what the endpoint answers.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};

use bucketload_bitbucket::{
    Account, Activity, ActivityKind, Comment, Commit, CommitStatus, InlineAnchor, Issue,
    IssueAttachment, IssueChange, IssueComment, PullRequest, Ref, Repository, Workspace,
    WorkspaceAccess,
};
use flate2::read::MultiGzDecoder;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_json::value::RawValue;

/// The recordings are no part of the project; without them there is nothing to read.
fn recorded(path: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../../shared/recorded")
        .join(path);
    if !path.exists() {
        println!("skipped: {} is not here", path.display());
        return None;
    }
    Some(path)
}

/// How many objects of each kind were read.
#[derive(Default)]
struct Tally {
    read: BTreeMap<&'static str, usize>,
    activity: BTreeMap<ActivityKind, usize>,
    inline_without_path: usize,
}

impl Tally {
    fn one<T: DeserializeOwned>(&mut self, kind: &'static str, text: &str, place: &str) -> T {
        *self.read.entry(kind).or_default() += 1;
        serde_json::from_str(text)
            .unwrap_or_else(|error| panic!("{kind} of {place}: {error}\n{text}"))
    }

    /// An object of the endpoint that this path below a repository belongs to.
    fn object(&mut self, path: &str, text: &str, place: &str) {
        let parts: Vec<&str> = path.split('/').collect();
        match parts.as_slice() {
            ["" | "forks"] => {
                self.one::<Repository>("repository", text, place);
            }
            ["watchers"] => {
                self.one::<Account>("account", text, place);
            }
            ["commits"] | ["commit", _] | ["pullrequests", _, "commits"] => {
                let commit: Commit = self.one("commit", text, place);
                assert_eq!(commit.hash.as_str().len(), 40, "{place}");
                let author = commit.author.unwrap();
                assert!(author.raw.is_some() && commit.date.is_some(), "{place}");
                assert!(
                    author.user.is_none_or(|user| user.value.is_some()),
                    "{place}"
                );
            }
            ["refs", _] | ["refs", _, ..] => {
                let found: Ref = self.one("ref", text, place);
                assert!(found.kind.is_some() && found.target.is_some(), "{place}");
            }
            ["pullrequests"] | ["pullrequests", _] => {
                let pull_request: PullRequest = self.one("pull request", text, place);
                assert!(pull_request.diff_link().is_some(), "{place}");
            }
            ["pullrequests", _, "comments"] | ["pullrequests", _, "comments", _] => {
                self.one::<Comment>("comment", text, place);
            }
            ["pullrequests", _, "activity"] => self.activity(text, place),
            ["pullrequests", _, "statuses"] => {
                let status: CommitStatus = self.one("status", text, place);
                assert!(status.state.is_some(), "{place}");
            }
            ["issues"] | ["issues", _] => {
                let issue: Issue = self.one("issue", text, place);
                assert!(
                    issue.state.is_some() && issue.created_on.is_some(),
                    "{place}"
                );
                assert!(
                    issue.accounts().all(|one| is_account(&one.source)),
                    "{place}"
                );
            }
            ["issues", _, "comments"] | ["issues", _, "comments", _] => {
                let comment: IssueComment = self.one("issue comment", text, place);
                assert!(comment.created_on.is_some(), "{place}");
            }
            ["issues", _, "changes"] | ["issues", _, "changes", _] => {
                let change: IssueChange = self.one("issue change", text, place);
                assert!(change.created_on.is_some(), "{place}");
            }
            ["issues", _, "attachments"] => {
                let attachment: IssueAttachment = self.one("issue attachment", text, place);
                // Each of their links is a list.
                assert!(attachment.content_link().is_some(), "{place}");
            }
            _ => panic!("{place}: no endpoint for {path:?}"),
        }
    }

    fn activity(&mut self, text: &str, place: &str) {
        let entry: Activity = self.one("activity", text, place);
        *self.activity.entry(entry.kind()).or_default() += 1;
        if entry.kind() != ActivityKind::Unknown {
            let date = entry.date();
            let date = date.unwrap_or_else(|| panic!("{place}: no date\n{text}"));
            assert!(date.starts_with("20"), "{place}: {date}");
        }
        let value: Value = serde_json::from_str(text).unwrap();
        let inline = &value["comment"]["inline"];
        let expected = match (inline.is_object(), inline["path"].is_string()) {
            (false, _) => InlineAnchor::None,
            (true, true) => InlineAnchor::WithPath,
            (true, false) => InlineAnchor::WithoutPath,
        };
        assert_eq!(entry.inline_anchor(), expected, "{place}");
        if expected == InlineAnchor::WithoutPath {
            self.inline_without_path += 1;
        }
        assert_eq!(
            entry.pull_request().0,
            value["pull_request"]["id"],
            "{place}"
        );
    }

    /// A page or a single object.
    fn body(&mut self, path: &str, body: &str, place: &str) {
        #[derive(Deserialize)]
        struct Envelope {
            values: Vec<Box<RawValue>>,
            #[serde(rename = "pagelen")]
            _page_length: u64,
        }

        match serde_json::from_str::<Envelope>(body) {
            Ok(page) => {
                for object in page.values {
                    self.object(path, object.get(), place);
                }
            }
            Err(_) => self.object(path, body, place),
        }
    }
}

fn is_account(source: &RawValue) -> bool {
    serde_json::from_str::<Account>(source.get()).is_ok()
}

/// What stands below `/repositories/{workspace}/{repo_slug}` in an address.
fn below_repository(url: &str) -> &str {
    let path = url.split('?').next().unwrap();
    let path = path.split_once("/2.0/repositories/").unwrap().1;
    path.splitn(3, '/').nth(2).unwrap_or("")
}

#[test]
fn every_recorded_answer_of_2020_is_read_without_loss() {
    #[derive(Deserialize)]
    struct Line {
        url: String,
        body: Box<RawValue>,
    }

    let Some(folder) = recorded("repositories") else {
        return;
    };
    let mut tally = Tally::default();
    let files = std::fs::read_dir(folder).unwrap();
    for path in files.map(|file| file.unwrap().path()) {
        if path.extension().is_none_or(|extension| extension != "gz") {
            continue;
        }
        for line in BufReader::new(MultiGzDecoder::new(File::open(path).unwrap())).lines() {
            let line: Line = serde_json::from_str(&line.unwrap()).unwrap();
            tally.body(below_repository(&line.url), line.body.get(), &line.url);
        }
    }
    println!("{:?} {:?}", tally.read, tally.activity);
    for (kind, least) in [
        ("account", 30),
        ("activity", 1000),
        ("comment", 500),
        ("commit", 1000),
        ("issue", 30),
        ("issue attachment", 5),
        ("issue change", 30),
        ("issue comment", 100),
        ("pull request", 200),
        ("ref", 50),
        ("repository", 6),
    ] {
        let read = tally.read.get(kind).copied().unwrap_or_default();
        assert!(read >= least, "{kind}: {read}");
    }
    assert!(tally.inline_without_path > 0);
    assert_eq!(tally.activity.get(&ActivityKind::Unknown), None);
}

#[test]
fn recorded_answers_of_2026_are_read_without_loss() {
    let Some(folder) = recorded("answers-2026") else {
        return;
    };
    let mut tally = Tally::default();
    for file in std::fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        let (request, answer) = text.split_once("\n\n").unwrap();
        let (head, body) = answer.trim_start().split_once("\n\n").unwrap();
        if !head.starts_with("HTTP/1.1 200") {
            continue;
        }
        let url = request.split_whitespace().nth(1).unwrap();
        tally.body(
            below_repository(url),
            body.trim(),
            &path.display().to_string(),
        );
    }
    let expected = [("commit", 1), ("pull request", 1), ("repository", 1)];
    for (kind, least) in expected {
        let read = tally.read.get(kind).copied().unwrap_or_default();
        assert!(read >= least, "{kind}: {read}");
    }
}

/// What other projects have recorded, by the name of the file.
#[test]
fn answers_that_others_recorded_are_read_without_loss() {
    let Some(folder) = recorded("answers") else {
        return;
    };
    let danger = folder.join("danger-js/source/platforms/_tests/fixtures");
    let gildas = folder.join("gildas-bitbucket-cli/testdata");
    let mut tally = Tally::default();
    for (file, path) in [
        (
            danger.join("bitbucket_cloud_activities.json"),
            "pullrequests/1/activity",
        ),
        (
            danger.join("bitbucket_cloud_comments.json"),
            "pullrequests/1/comments",
        ),
        (
            danger.join("bitbucket_cloud_commits.json"),
            "pullrequests/1/commits",
        ),
        (danger.join("bitbucket_cloud_pr.json"), "pullrequests/1"),
        (
            gildas.join("activity-approval.json"),
            "pullrequests/1/activity",
        ),
        (
            gildas.join("activity-comment.json"),
            "pullrequests/1/activity",
        ),
        (
            gildas.join("activity-missing.json"),
            "pullrequests/1/activity",
        ),
        (
            gildas.join("activity-update.json"),
            "pullrequests/1/activity",
        ),
        (gildas.join("branch.json"), "refs/branches/1"),
        (gildas.join("commit.json"), "commit/1"),
        (
            gildas.join("pullrequest-no-dest-repo.json"),
            "pullrequests/1",
        ),
        (gildas.join("pullrequest.json"), "pullrequests/1"),
        (gildas.join("pullrequests.json"), "pullrequests"),
        (gildas.join("repository.json"), ""),
        (gildas.join("tags.json"), "refs/tags"),
    ] {
        let text = std::fs::read_to_string(&file).unwrap();
        let place = file.display().to_string();
        // Some are the values of a page without their envelope.
        match serde_json::from_str::<Vec<Box<RawValue>>>(&text) {
            Ok(objects) => {
                for object in objects {
                    tally.object(path, object.get(), &place);
                }
            }
            Err(_) => tally.body(path, &text, &place),
        }
    }
    assert_eq!(tally.activity.get(&ActivityKind::Unknown), Some(&1));
    assert_eq!(tally.activity.get(&ActivityKind::Approval), Some(&2));
    let text = std::fs::read_to_string(gildas.join("workspace.json")).unwrap();
    let workspace: Workspace = tally.one("workspace", &text, "workspace.json");
    assert!(workspace.name.is_some());
    let text = std::fs::read_to_string(gildas.join("workspace-access.json")).unwrap();
    let access: WorkspaceAccess = tally.one("access", &text, "workspace-access.json");
    assert_eq!(access.workspace.slug.as_str(), "myworkspace");
    assert_eq!(access.administrator, Some(true));
}
