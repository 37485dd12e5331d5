//! A newer bucketload finds the archive of an older one.

use std::collections::BTreeSet;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use bucketload_archive::DataDir;
use serde_json::Value;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _};

use crate::earlier::{make_file, steps};
use crate::support::{Ran, bare_command, run};

const NAME: &str = "teapots/kettle";

/// What the kernel sends to whoever writes more of a file than it may.
const SIGXFSZ: i32 = 25;

fn block_on<T>(what: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(what)
}

/// An archive of an older version, as the first so many steps left it.
fn earlier(data_dir: &Path, count: usize) -> i64 {
    block_on(make_file(&data_dir.join("bucketload.db"), count))
}

fn bucketload(data_dir: &Path, arguments: &[&str]) -> Ran {
    run(bare_command(data_dir).args(arguments))
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten();
    entries.map(|entry| entry.unwrap().path()).collect()
}

/// The schema, and the sources of all comments.
fn content(data_dir: &Path) -> (i64, Vec<String>) {
    block_on(async {
        let options = SqliteConnectOptions::new().filename(data_dir.join("bucketload.db"));
        let mut connection = options.connect().await.unwrap();
        let schema = sqlx::query_scalar("select max(version) from _sqlx_migrations")
            .fetch_one(&mut connection)
            .await
            .unwrap();
        let comments = "select source from pull_request_comments order by id";
        let comments = sqlx::query_scalar(comments);
        let comments = comments.fetch_all(&mut connection).await.unwrap();
        connection.close().await.unwrap();
        (schema, comments)
    })
}

#[test]
fn an_archive_of_the_first_version_is_upgraded_and_read() {
    let folder = tempfile::tempdir().unwrap();
    let from = earlier(folder.path(), 1);
    let doctor = bucketload(folder.path(), &["doctor", "--json"]).json();
    let checks = doctor["checks"].as_array().unwrap();
    let database = checks.iter().find(|check| check["check"] == "database");
    let said = database.unwrap()["finding"].as_str().unwrap();
    assert!(
        said.contains(&format!("undamaged, schema {from}; ")),
        "{said}"
    );
    assert!(said.contains("after a backup in "), "{said}");
    assert!(files(&folder.path().join("backups")).is_empty());

    let said = bucketload(folder.path(), &["upgrade"]).expect(0).stdout;
    let backups = files(&folder.path().join("backups"));
    assert_eq!(backups.len(), 1);
    assert!(
        said.contains(&format!("was brought from schema {from} to ")),
        "{said}"
    );
    assert!(said.contains(backups[0].to_str().unwrap()), "{said}");
    let again = bucketload(folder.path(), &["upgrade", "--json"])
        .expect(0)
        .json();
    assert!(again["from"].as_i64().unwrap() > from);
    assert_eq!(
        (&again["from"], &again["backup"]),
        (&again["to"], &Value::Null)
    );
    let said = bucketload(folder.path(), &["upgrade"]).expect(0).stdout;
    assert!(said.contains("is up to date, with schema "), "{said}");

    let report = bucketload(folder.path(), &["status", NAME, "--json"])
        .expect(0)
        .stdout;
    assert!(report.contains("pull_request/1/comment/12"), "{report}");
    let list = bucketload(folder.path(), &["list"]).expect(0).stdout;
    assert!(list.contains(NAME), "{list}");
    let output = folder.path().join("export");
    let arguments = ["export", NAME, "--format", "jsonl", "--output"];
    run(bare_command(folder.path()).args(arguments).arg(&output)).expect(0);
    let lines = std::fs::read_to_string(output.join(NAME).join("pull_requests.jsonl"));
    assert_eq!(lines.unwrap().lines().count(), 2);
}

#[test]
fn any_command_upgrades_says_so_and_does_it_once() {
    let folder = tempfile::tempdir().unwrap();
    earlier(folder.path(), steps().len() - 1);
    let several = (0..4).map(|_| {
        let mut command = bare_command(folder.path());
        command
            .env("BUCKETLOAD_LOG", "info")
            .args(["status", "--json"]);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().unwrap()
    });
    let several: Vec<_> = several.collect();
    let mut logs = String::new();
    for child in several {
        let output = child.wait_with_output().unwrap();
        let log = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success(), "{log}");
        assert!(output.stdout.starts_with(b"{"));
        logs.push_str(&log);
    }
    let said = logs.matches("the database was brought up to date").count();
    assert_eq!(said, 1, "{logs}");
    let backups = files(&folder.path().join("backups"));
    assert_eq!(backups.len(), 1, "{backups:?}");
    let name = backups[0].file_name().unwrap().to_str().unwrap();
    assert!(logs.contains(name), "{logs}");
}

#[test]
fn while_a_worker_runs_nothing_is_changed() {
    let folder = tempfile::tempdir().unwrap();
    let from = earlier(folder.path(), 1);
    let share = DataDir::new(folder.path()).share().unwrap();
    let before = content(folder.path());
    for arguments in [&["upgrade"][..], &["status"], &["import", NAME]] {
        let said = bucketload(folder.path(), arguments).expect(1).stderr;
        assert!(said.contains(&format!("from schema {from} to ")), "{said}");
        assert!(said.contains("in use by another process"), "{said}");
        assert!(said.contains("stop everything that uses it"), "{said}");
    }
    assert_eq!(content(folder.path()), before);
    drop(share);
    bucketload(folder.path(), &["upgrade"]).expect(0);
}

/// The kernel ends whoever writes more of one file than it is let: so a process dies in the
/// copy, in the migrations and behind them, each time at the very same byte.
#[test]
fn killed_anywhere_the_next_one_upgrades() {
    if Command::new("prlimit").arg("--version").output().is_err() {
        println!("skipped: there is no prlimit here");
        return;
    }
    let template = tempfile::tempdir().unwrap();
    let from = earlier(template.path(), 1);
    let (_, rows) = content(template.path());
    let mut died = BTreeSet::new();
    for kilobytes in (8_u64..).step_by(24) {
        let folder = tempfile::tempdir().unwrap();
        let (data_dir, backups) = (folder.path(), folder.path().join("backups"));
        std::fs::copy(
            template.path().join("bucketload.db"),
            data_dir.join("bucketload.db"),
        )
        .unwrap();
        let limited = Command::new("prlimit")
            .arg(format!("--fsize={}", kilobytes << 10))
            .arg(env!("CARGO_BIN_EXE_bucketload"))
            .args(["upgrade", "--data-dir"])
            .arg(data_dir)
            .env_clear()
            .env("BUCKETLOAD_LOG", "warn")
            .output()
            .unwrap();
        if limited.status.success() {
            assert!(kilobytes > 100, "a limit is a limit");
            break;
        }
        let said = String::from_utf8_lossy(&limited.stderr);
        assert_eq!(
            limited.status.signal(),
            Some(SIGXFSZ),
            "{kilobytes} KB: {said}"
        );
        let left = files(&backups);
        let is_partial = |file: &PathBuf| file.extension().is_some_and(|it| it == "partial");
        let (schema, kept) = content(data_dir);
        assert_eq!(kept, rows, "{kilobytes} KB");
        died.insert(match (schema == from, left.iter().any(is_partial)) {
            (true, _) if left.is_empty() => "before the copy",
            (true, true) => "in the copy",
            (true, false) => "in the migrations",
            (false, _) => "behind the migrations",
        });
        assert!(schema == from || left.len() == 1, "never without a backup");
        bucketload(data_dir, &["upgrade"]).expect(0);
        let (schema, kept) = content(data_dir);
        assert!(schema > from, "{kilobytes} KB");
        assert_eq!(kept, rows, "{kilobytes} KB");
        let left = files(&backups);
        assert_eq!(left.len(), 1, "{left:?}");
        assert!(!is_partial(&left[0]), "{left:?}");
    }
    for place in ["in the copy", "in the migrations", "behind the migrations"] {
        assert!(died.contains(place), "{died:?}");
    }
}
