//! A repository that has everything, held object by object against what the double knows of
//! it beside all its endpoints.

use std::collections::{BTreeMap, BTreeSet};

use bucketload_archive::LfsStore;
use bucketload_archive::mirror::Mirror;
use bucketload_model::{ImportReport, Stage};
use bucketload_simulator::{IssueTracker, Mutation, SeedOptions, Truth};
use bucketload_worker::Selection;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::support::{Kind, Local, NAME, Remote, assert_complete, git, remote, stage};

/// Where the objects of a kind are in an export: the file, the field of the key that names
/// what they hang on, and the one that every key in the file has which is of this kind.
const KINDS: &[(&str, &str, Option<&str>, &str)] = &[
    ("repository", "repository.json", None, "repository"),
    ("pullrequests", "pull_requests.jsonl", None, "pull_request"),
    (
        "pullrequests/comments",
        "pull_request_comments.jsonl",
        Some("pull_request"),
        "comment",
    ),
    (
        "pullrequests/activity",
        "pull_request_activity.jsonl",
        Some("pull_request"),
        "activity",
    ),
    (
        "pullrequests/tasks",
        "pull_request_tasks.jsonl",
        Some("pull_request"),
        "task",
    ),
    (
        "pullrequests/statuses",
        "pull_request_statuses.jsonl",
        Some("pull_request"),
        "status",
    ),
    ("issues", "issues.jsonl", None, "issue"),
    (
        "issues/comments",
        "issue_comments.jsonl",
        Some("issue"),
        "comment",
    ),
    (
        "issues/changes",
        "issue_changes.jsonl",
        Some("issue"),
        "change",
    ),
    (
        "issues/attachments",
        "issue_attachments.jsonl",
        Some("issue"),
        "attachment",
    ),
    ("components", "issue_fields.jsonl", None, "component"),
    ("milestones", "issue_fields.jsonl", None, "milestone"),
    ("versions", "issue_fields.jsonl", None, "version"),
    ("downloads", "downloads.jsonl", None, "download"),
];

/// Settings by the path they come from.
const SETTINGS: &[(&str, &str)] = &[
    ("branch-restrictions", "branch_restrictions"),
    ("branching-model", "branching_model"),
    ("branching-model/settings", "branching_model_settings"),
    ("deploy-keys", "deploy_keys"),
    ("effective-default-reviewers", "default_reviewers"),
    ("environments", "environments"),
    ("environments/variables", "environment_variables"),
    ("forks", "forks"),
    ("hooks", "webhooks"),
    ("permissions-config/groups", "group_permissions"),
    ("permissions-config/users", "user_permissions"),
    ("pipelines_config", "pipelines"),
    ("pipelines_config/schedules", "pipeline_schedules"),
    ("pipelines_config/ssh/known_hosts", "pipeline_known_hosts"),
    ("pipelines_config/variables", "pipeline_variables"),
    ("project", "project"),
    ("watchers", "watchers"),
];

struct Everything {
    _git: tempfile::TempDir,
    remote: Remote,
    local: Local,
}

/// One of each thing that a repository can have.
async fn everything(kind: Kind) -> Option<Everything> {
    let folder = tempfile::tempdir().unwrap();
    let work = folder.path();
    let run = |arguments: &[&str]| git(work, arguments);
    run(&["init", "-q", "--initial-branch=main"]);
    let commit = |message: String| {
        std::fs::write(work.join("log.txt"), &message).unwrap();
        run(&["add", "."]);
        run(&["commit", "-q", "-m", &message]);
    };
    for number in 0..10 {
        commit(format!("main {number}"));
    }
    run(&["tag", "-a", "v1", "-m", "the first"]);
    run(&["branch", "topic/one"]);
    run(&["checkout", "-q", "-b", "squashed"]);
    for number in 0..6 {
        commit(format!("squashed {number}"));
    }
    run(&["checkout", "-q", "main"]);
    let remote = remote(SeedOptions {
        pull_requests: 40,
        issues: 25,
        issue_tracker: IssueTracker::Answers,
        git: [(NAME.to_owned(), work.join(".git"))].into(),
        ..SeedOptions::default()
    })
    .await;
    // Pull requests have their commits from now on; then nothing leads to some of them.
    let truth = remote.control.truth(NAME).unwrap();
    assert!(truth.commits.len() > 20, "{:?}", truth.commits);
    remote.mutate(Mutation::DeleteBranch {
        repository: NAME.to_owned(),
        branch: "squashed".to_owned(),
    });
    for content in [vec![1; 20], vec![7; 100_000]] {
        let pointer = remote.control.put_lfs_object(NAME, &content).unwrap();
        std::fs::write(work.join(format!("{}.psd", content.len())), pointer).unwrap();
    }
    commit("large files".to_owned());

    let mut local = Local::on(kind, &remote).await?;
    // Tasks of every pull request, not only of those with open ones.
    local.importer.whole_lists = true;
    Some(Everything {
        _git: folder,
        remote,
        local,
    })
}

impl Everything {
    async fn import(&self) -> ImportReport {
        let selection = Selection::default().with(&[Stage::PullRequestStatuses]);
        let outcome = self.local.try_import(NAME, &selection).await;
        assert!(outcome.failure.is_none(), "{:?}", outcome.failure);
        outcome.report
    }

    /// What the double has and the archive has not, and the other way round.
    async fn differences(&self) -> Vec<String> {
        let truth = self.remote.control.truth(NAME).unwrap();
        let export = self.local.export_tree(NAME).await;
        let mut found = Vec::new();
        for kind in KINDS {
            of_objects(&truth, &export, *kind, &mut found);
        }
        of_settings(&truth, &export, &mut found);
        of_files(&truth, &export, &mut found);
        of_people(&truth, &export, &mut found);
        self.of_git(&truth, &mut found);
        found
    }

    /// Many texts show it; it is there once.
    async fn has_its_image(&self) {
        const IMAGE: &str = "https://bitbucket.org/repo/a1b2c3/images/1-screen%20shot.png";
        let truth = self.remote.control.truth(NAME).unwrap();
        let objects = truth.objects.values().flatten();
        let shown = objects.filter(|(_, object)| object.to_string().contains(IMAGE));
        assert!(shown.count() > 1);
        let export = self.local.export_tree(NAME).await;
        let images = lines(&export, "images.jsonl");
        let [image] = &images[..] else {
            panic!("{images:#?}");
        };
        assert_eq!(image["source"]["url"], IMAGE);
        let hash = image["blob"].as_str().unwrap();
        let content = &export[&format!("blobs/{hash}")];
        assert!(content.starts_with(b"\x89PNG"), "{content:?}");
    }

    fn of_git(&self, truth: &Truth, found: &mut Vec<String>) {
        let name = NAME.parse().unwrap();
        let data_dir = &self.local.importer.data_dir;
        let mirror = Mirror::open(&data_dir.mirror(&name)).unwrap().unwrap();
        compare("ref", &truth.refs, &heads_and_tags(&mirror), found);
        let wiki = Mirror::open(&data_dir.wiki(&name)).unwrap().unwrap();
        compare(
            "ref of the wiki",
            &truth.wiki,
            &heads_and_tags(&wiki),
            found,
        );
        for (id, hashes) in &truth.commits {
            let lacks = |hash: &&String| mirror.resolve_short(hash).unwrap().is_none();
            let lacking = hashes.iter().filter(lacks);
            found.extend(lacking.map(|hash| format!("commit of pull request {id}: lacks {hash}")));
        }
        let store = LfsStore::of(mirror.path());
        for oid in &truth.lfs {
            let content = std::fs::read(store.path(&oid.parse().unwrap()));
            if content.map_or(true, |content| sha256(&content) != *oid) {
                found.push(format!("lfs: lacks {oid}"));
            }
        }
    }
}

fn heads_and_tags(mirror: &Mirror) -> BTreeMap<String, String> {
    let refs = mirror.refs().unwrap().into_iter();
    refs.map(|one| (one.name.to_string(), one.target.to_string()))
        .filter(|(name, _)| name.starts_with("refs/heads/") || name.starts_with("refs/tags/"))
        .collect()
}

fn compare<T: PartialEq + std::fmt::Debug>(
    kind: &str,
    expected: &BTreeMap<String, T>,
    stored: &BTreeMap<String, T>,
    found: &mut Vec<String>,
) {
    let names: BTreeSet<&String> = expected.keys().chain(stored.keys()).collect();
    for name in names {
        match (expected.get(name), stored.get(name)) {
            (Some(_), None) => found.push(format!("{kind}: lacks {name}")),
            (None, Some(_)) => found.push(format!("{kind}: has {name}")),
            (expected, stored) if expected != stored => {
                found.push(format!("{kind}: another {name}"));
            }
            _ => {}
        }
    }
}

fn sha256(content: &[u8]) -> String {
    let hash = Sha256::digest(content);
    let digits = hash.iter().map(|byte| format!("{byte:02x}"));
    digits.collect()
}

fn lines(export: &BTreeMap<String, Vec<u8>>, file: &str) -> Vec<Value> {
    let text = export.get(file).map(Vec::as_slice).unwrap_or_default();
    let text = std::str::from_utf8(text).unwrap();
    let lines = text.split_terminator('\n');
    lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn of_objects(
    truth: &Truth,
    export: &BTreeMap<String, Vec<u8>>,
    (kind, file, parent, field): (&str, &str, Option<&str>, &str),
    found: &mut Vec<String>,
) {
    let mut expected = BTreeMap::new();
    for (parent, object) in &truth.objects[kind] {
        let mut object = object.clone();
        // Its title and description once more, as HTML.
        object.as_object_mut().unwrap().remove("rendered");
        let twice = expected.insert(label(*parent, &object), object);
        assert_eq!(twice, None, "{kind}");
    }
    assert!(!expected.is_empty(), "{kind}");
    let of_kind = lines(export, file).into_iter();
    let stored = of_kind
        .filter(|line| line["key"].get(field).is_some())
        .map(|mut line| {
            let parent = parent.map_or(Some(0), |parent| line["key"][parent].as_u64());
            let source = line["source"].take();
            (label(parent.unwrap(), &source), source)
        })
        .collect();
    compare(kind, &expected, &stored, found);
}

/// What an object hangs on, and its id or, where it has none, what it is.
fn label(parent: u64, object: &Value) -> String {
    match object["id"].as_u64() {
        Some(id) => format!("{parent}/{id}"),
        None => format!("{parent}/{}", sha256(object.to_string().as_bytes())),
    }
}

fn of_settings(truth: &Truth, export: &BTreeMap<String, Vec<u8>>, found: &mut Vec<String>) {
    let names: BTreeSet<&str> = SETTINGS.iter().map(|(path, _)| *path).collect();
    assert_eq!(names, truth.settings.keys().copied().collect());
    let expected = SETTINGS.iter().map(|(path, name)| {
        let mut setting = truth.settings[path].clone();
        if path.ends_with("variables") {
            forget_values(&mut setting);
        }
        ((*name).to_owned(), setting)
    });
    let stored = export.keys().filter_map(|file| {
        let name = file.strip_prefix("settings/")?.strip_suffix(".json")?;
        Some((name.to_owned(), lines(export, file)[0]["source"].take()))
    });
    compare("setting", &expected.collect(), &stored.collect(), found);
}

/// Values of variables are nobody's business, secured or not.
fn forget_values(value: &mut Value) {
    match value {
        Value::Object(object) => {
            object.remove("value");
            object.values_mut().for_each(forget_values);
        }
        Value::Array(list) => list.iter_mut().for_each(forget_values),
        _ => {}
    }
}

fn of_files(truth: &Truth, export: &BTreeMap<String, Vec<u8>>, found: &mut Vec<String>) {
    let mut stored = BTreeMap::new();
    for file in ["downloads.jsonl", "issue_attachments.jsonl"] {
        for line in lines(export, file) {
            let name = line["source"]["name"].as_str().unwrap();
            let list = match line["key"]["issue"].as_u64() {
                Some(issue) => format!("issues/{issue}/attachments"),
                None => "downloads".to_owned(),
            };
            let hash = line["blob"].as_str().unwrap_or_default();
            let content = export.get(&format!("blobs/{hash}")).cloned();
            stored.insert(format!("{list}/{name}"), content.unwrap_or_default());
        }
    }
    assert!(truth.files.len() > 10, "{:?}", truth.files.keys());
    compare("file", &truth.files, &stored, found);
}

/// Everybody who is a member or stands in an object is known.
fn of_people(truth: &Truth, export: &BTreeMap<String, Vec<u8>>, found: &mut Vec<String>) {
    let mut met = BTreeSet::new();
    truth.members.iter().for_each(|one| people(one, &mut met));
    let objects = truth.objects.values().flatten();
    objects.for_each(|(_, object)| people(object, &mut met));
    let known: BTreeSet<String> = lines(export, "users.jsonl")
        .iter()
        .map(|line| line["key"]["account"].as_str().unwrap().to_owned())
        .collect();
    assert!(met.len() > 10, "{met:?}");
    let unknown = met.difference(&known);
    found.extend(unknown.map(|uuid| format!("person: lacks {uuid}")));
}

fn people(value: &Value, met: &mut BTreeSet<String>) {
    match value {
        Value::Object(object) => {
            if object.get("type").is_some_and(|kind| kind == "user")
                && let Some(uuid) = object.get("uuid").and_then(Value::as_str)
            {
                met.insert(uuid.to_owned());
            }
            object.values().for_each(|one| people(one, met));
        }
        Value::Array(list) => list.iter().for_each(|one| people(one, met)),
        _ => {}
    }
}

#[tokio::test]
async fn it_comes_home_object_by_object() {
    for kind in [Kind::Sqlite, Kind::Postgres] {
        let Some(world) = everything(kind).await else {
            continue;
        };
        let report = world.import().await;
        assert_complete(&report);
        assert_eq!(world.differences().await, [""; 0]);
        let heads = stage(&report, Stage::PullRequestDiffs);
        assert!(heads.requests_estimated.is_some(), "{heads:?}");
        world.has_its_image().await;
    }
}

/// What is taken away, by the statement that does it, and how the difference begins.
const REMOVED: &[(&str, &str)] = &[
    ("pull_requests where id = 3", "pullrequests: lacks"),
    (
        "pull_request_comments where id = (select max(id) from pull_request_comments)",
        "pullrequests/comments: lacks",
    ),
    (
        "pull_request_activity where pull_request_id = 9 and entry_key =
         (select min(entry_key) from pull_request_activity where pull_request_id = 9)",
        "pullrequests/activity: lacks",
    ),
    ("issues where id = 3", "issues: lacks"),
    (
        "issue_comments where id = (select min(id) from issue_comments)",
        "issues/comments: lacks",
    ),
    (
        "issue_changes where change_id = (select min(change_id) from issue_changes)",
        "issues/changes: lacks",
    ),
    (
        "issue_fields where kind = 'component' and entry_key =
         (select min(entry_key) from issue_fields where kind = 'component')",
        "components: lacks",
    ),
    (
        "objects where kind = 'pull_request_tasks' and entry_id =
         (select min(entry_id) from objects where kind = 'pull_request_tasks')",
        "pullrequests/tasks: lacks",
    ),
    (
        "objects where kind = 'pull_request_statuses' and entry_key =
         (select min(entry_key) from objects where kind = 'pull_request_statuses')",
        "pullrequests/statuses: lacks",
    ),
    (
        "objects where kind = 'settings' and entry_key = 'webhooks'",
        "setting: lacks webhooks",
    ),
];

#[tokio::test]
async fn one_object_that_is_removed_is_named() {
    let world = everything(Kind::Sqlite).await.unwrap();
    assert_complete(&world.import().await);
    let mut side = world.local.side().await;
    sqlx::raw_sql("pragma foreign_keys = off")
        .execute(&mut side)
        .await
        .unwrap();
    let mut expected = Vec::new();
    for (what, difference) in REMOVED {
        let sql = format!("delete from {what}");
        let done = sqlx::raw_sql(sqlx::AssertSqlSafe(sql));
        let done = done.execute(&mut side).await.unwrap();
        assert_eq!(done.rows_affected(), 1, "{what}");
        expected.push(*difference);
    }
    // The content of a file, a large file, and a branch.
    let sql = "update issue_attachments set blob_sha256 = null where issue_id || entry_key =
        (select min(issue_id || entry_key) from issue_attachments)";
    sqlx::raw_sql(sql).execute(&mut side).await.unwrap();
    expected.push("file: another issues/");
    let mirror = world.local.importer.data_dir.mirror(&NAME.parse().unwrap());
    git(&mirror, &["update-ref", "-d", "refs/heads/topic/one"]);
    expected.push("ref: lacks refs/heads/topic/one");
    let found = world.differences().await;
    for difference in &expected {
        let named = found.iter().filter(|one| one.starts_with(difference));
        assert_eq!(named.count(), 1, "{difference}: {found:#?}");
    }
    assert_eq!(found.len(), expected.len(), "{found:#?}");
}
