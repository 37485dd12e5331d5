//! A second import: nothing changed, or something did.

use std::path::Path;

use bucketload_simulator::{Effect, Fault, Mutation, RequestKind, SeedOptions};
use serde_json::Value;

use crate::support::{Double, assert_same, export, files, lines, small, stage};

const NAME: &str = "seaside/lighthouse";

/// Lets the database itself count every row of content that is written.
fn count_writes(double: &Double, data_dir: &Path) {
    let tables = [
        "repositories",
        "accounts",
        "workspace_members",
        "pull_requests",
        "pull_request_comments",
        "pull_request_activity",
        "objects",
        "child_lists",
        "pending",
    ];
    execute(double, data_dir, "create table written (what text)");
    for table in tables {
        for event in ["insert", "update", "delete"] {
            let sql = format!(
                "create trigger {table}_{event} after {event} on {table}
                 begin insert into written values ('{event} {table}'); end"
            );
            execute(double, data_dir, &sql);
        }
    }
}

async fn open(data_dir: &Path) -> sqlx::SqlitePool {
    let options =
        sqlx::sqlite::SqliteConnectOptions::new().filename(data_dir.join("bucketload.db"));
    sqlx::SqlitePool::connect_with(options).await.unwrap()
}

pub(crate) fn execute(double: &Double, data_dir: &Path, sql: &str) {
    double.runtime.block_on(async {
        let pool = open(data_dir).await;
        sqlx::query(sqlx::AssertSqlSafe(sql.to_owned()))
            .execute(&pool)
            .await
            .unwrap();
        pool.close().await;
    });
}

/// Where a table begins in the file of the database, in bytes.
pub(crate) fn begin_of_table(double: &Double, data_dir: &Path, table: &str) -> usize {
    let page: i64 = double.runtime.block_on(async {
        let pool = open(data_dir).await;
        let page = sqlx::query_scalar("select rootpage from sqlite_master where name = $1")
            .bind(table)
            .fetch_one(&pool)
            .await
            .unwrap();
        pool.close().await;
        page
    });
    (usize::try_from(page).unwrap() - 1) * PAGE_BYTES
}

/// A page of SQLite's file.
pub(crate) const PAGE_BYTES: usize = 4096;

fn written(double: &Double, data_dir: &Path) -> Vec<String> {
    double.runtime.block_on(async {
        let pool = open(data_dir).await;
        let rows = sqlx::query_scalar("select what from written")
            .fetch_all(&pool)
            .await
            .unwrap();
        pool.close().await;
        rows
    })
}

#[test]
fn an_unchanged_repository_writes_no_row_and_costs_two_requests() {
    let folder = tempfile::tempdir().unwrap();
    let double = Double::seeded(SeedOptions {
        pull_requests: 120,
        ..small()
    });
    let data_dir = folder.path().join("data");
    // With the tasks of all pull requests, as the last import below.
    double.run(&data_dir, &["import", NAME, "--full"]).expect(0);
    let before = files(&export(&data_dir, &folder.path().join("before"), NAME));
    count_writes(&double, &data_dir);

    double.control().reset_log();
    let report = double
        .run(&data_dir, &["import", NAME, "--json"])
        .expect(0)
        .report();
    assert_eq!(report["state"], "complete");
    assert_eq!(written(&double, &data_dir), Vec::<String>::new());
    // The repository, and the question what changed; the members were read less than
    // an hour ago.
    assert_eq!(report["requests"]["total"], 2);
    let log = double.control().requests();
    let rest = log.iter().filter(|one| one.kind == RequestKind::Rest);
    assert_eq!(rest.count(), 2);
    let git = log.iter().filter(|one| one.kind == RequestKind::Git);
    let git = git.filter(|one| !one.target.contains("/wiki/"));
    assert!(
        git.count() <= 2,
        "an unchanged mirror needs the list of refs only"
    );
    assert_eq!(report["git"]["bytes_received"].as_u64(), Some(0));
    let pull_requests = stage(&report, "pull_requests");
    assert_eq!(pull_requests["expected"], 120);
    assert_eq!(pull_requests["stored"], 120);

    // All three pages of pull requests and all of activity, on request.
    let report = double
        .run(&data_dir, &["import", NAME, "--full", "--json"])
        .expect(0)
        .report();
    let by_endpoint = &report["requests"]["by_endpoint"];
    assert_eq!(by_endpoint["pullrequests"], 3);
    assert!(by_endpoint["pullrequests/activity"].as_u64() > Some(9));
    assert_eq!(by_endpoint["pullrequests/comments"], Value::Null);
    // Which settings are to be read is noted, and nothing else.
    let mut written = written(&double, &data_dir);
    written.retain(|row| !row.ends_with(" pending"));
    assert_eq!(written, Vec::<String>::new());
    let after = files(&export(&data_dir, &folder.path().join("after"), NAME));
    assert_same(&before, &after);
}

#[test]
fn a_server_that_cannot_be_asked_for_changes_is_read_whole() {
    let folder = tempfile::tempdir().unwrap();
    let double = Double::seeded(small());
    double.run(folder.path(), &["import", NAME]).expect(0);
    let refused = Effect::Answer {
        status: 400,
        headers: Vec::new(),
        body: r#"{"type":"error","error":{"message":"Invalid q"}}"#.to_owned(),
    };
    double
        .control()
        .add_fault(Fault::on_path("updated_on", refused));
    let report = double
        .run(folder.path(), &["import", NAME, "--json"])
        .expect(0)
        .report();
    assert_eq!(report["state"], "complete");
    assert_eq!(stage(&report, "pull_requests")["expected"], 12);
}

#[test]
fn what_changed_is_brought_up_to_date_and_nothing_else_is_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let double = Double::seeded(small());
    let data_dir = folder.path().join("data");
    double.run(&data_dir, &["import", NAME]).expect(0);

    let control = double.control();
    let repository = NAME.to_owned();
    let mutate = |mutation| control.mutate(mutation).unwrap();
    mutate(Mutation::EditPullRequest {
        repository: repository.clone(),
        id: 3,
        fields: [("title".to_owned(), "A better title".into())]
            .into_iter()
            .collect(),
    });
    mutate(Mutation::AddComment {
        repository: repository.clone(),
        pull_request: 5,
        text: "One more thing".to_owned(),
    });
    mutate(Mutation::AddPullRequest {
        repository: repository.clone(),
        title: "Brand new".to_owned(),
    });
    mutate(Mutation::DeleteBranch {
        repository,
        branch: branch_of(&double),
    });

    control.reset_log();
    let report = double
        .run(&data_dir, &["import", NAME, "--json"])
        .expect(0)
        .report();
    assert_eq!(report["state"], "complete");
    assert_eq!(stage(&report, "pull_requests")["stored"], 13);
    let asked: Vec<String> = control
        .requests()
        .into_iter()
        .filter(|one| one.target.contains("/comments"))
        .map(|one| one.target)
        .collect();
    assert!(asked.len() <= 3, "{asked:?}");
    assert!(asked.iter().any(|one| one.contains("/5/comments")));

    let export = export(&data_dir, &folder.path().join("export"), NAME);
    let pull_requests = lines(&export.join("pull_requests.jsonl"));
    assert_eq!(pull_requests[2].1["title"], "A better title");
    assert_eq!(pull_requests[12].1["title"], "Brand new");
    let comments = lines(&export.join("pull_request_comments.jsonl"));
    assert!(
        comments
            .iter()
            .any(|(key, one)| key["pull_request"] == 5 && one["content"]["raw"] == "One more thing")
    );
    // The branch that was deleted keeps its commits under a name of ours.
    let mirror = data_dir.join("repositories").join(format!("{NAME}.git"));
    let refs = std::process::Command::new("git")
        .arg("-C")
        .arg(mirror)
        .args(["for-each-ref", "refs/archive"])
        .output()
        .unwrap();
    assert_eq!(String::from_utf8(refs.stdout).unwrap().lines().count(), 1);
}

/// A branch of the world that is not its default one.
fn branch_of(double: &Double) -> String {
    let output = std::process::Command::new("git")
        .args(["ls-remote", "--heads"])
        .arg(format!("{}/{NAME}.git", double.web_url()))
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let mut branches = text
        .lines()
        .filter_map(|line| line.split("refs/heads/").nth(1));
    branches
        .rfind(|name| !matches!(*name, "main" | "master"))
        .unwrap()
        .to_owned()
}
