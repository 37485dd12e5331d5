//! What an import's row and folder hold.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use sqlx::Connection as _;

use crate::support::{assert_same, export, files};

/// The row of an import.
#[derive(Debug, Clone, sqlx::FromRow)]
pub(super) struct Row {
    pub(super) slug: String,
    pub(super) state: String,
    pub(super) fence: i64,
    pub(super) lease_owner: Option<String>,
}

const ROWS: &str = "select slug, state, fence, lease_owner from imports order by slug";

impl Row {
    /// Whether this process was in the middle of it.
    pub(super) fn is_run_by(&self, process: u32) -> bool {
        let owner = self.lease_owner.as_deref().unwrap_or_default();
        owner.split('-').next() == Some(&process.to_string())
    }
}

/// The rows of a database that was left behind: read from a copy, because whoever opens it
/// first puts it in order, and that should be the next worker.
pub(super) async fn rows(data_dir: &Path, scratch: &Path) -> Vec<Row> {
    let copy = tempfile::tempdir_in(scratch).unwrap();
    for name in ["bucketload.db", "bucketload.db-wal"] {
        let from = data_dir.join(name);
        if from.exists() {
            std::fs::copy(from, copy.path().join(name)).unwrap();
        }
    }
    let options =
        sqlx::sqlite::SqliteConnectOptions::new().filename(copy.path().join("bucketload.db"));
    let pool = sqlx::SqlitePool::connect_with(options).await.unwrap();
    let rows = sqlx::query_as(ROWS).fetch_all(&pool).await.unwrap();
    pool.close().await;
    rows
}

/// The rows of a database on a server.
pub(super) async fn rows_on_server(url: &str) -> Vec<Row> {
    let mut connection = sqlx::PgConnection::connect(url).await.unwrap();
    sqlx::raw_sql("set search_path to bucketload")
        .execute(&mut connection)
        .await
        .unwrap();
    sqlx::query_as(ROWS)
        .fetch_all(&mut connection)
        .await
        .unwrap()
}

/// Waits until all imports of a database on a server are complete.
pub(super) async fn until_complete(url: &str, patience: Duration) {
    let complete = async {
        while !rows_on_server(url)
            .await
            .iter()
            .all(|row| row.state == "complete")
        {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    let result = tokio::time::timeout(patience, complete).await;
    assert!(result.is_ok(), "{:#?}", rows_on_server(url).await);
}

/// Copies a folder with all that is in it.
pub(super) fn copy(from: &Path, to: &Path) {
    std::fs::create_dir(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// What an import leaves: the export of what it stored, and the refs of its mirror.
#[derive(Debug)]
pub(super) struct Left {
    pub(super) export: BTreeMap<String, Vec<u8>>,
    refs: String,
}

impl Left {
    /// Of an archive whose database is in its folder. The folder of the export goes again.
    pub(super) fn of(data_dir: &Path, scratch: &Path, name: &str) -> Self {
        let output = tempfile::tempdir_in(scratch).unwrap();
        let export = files(&export(data_dir, output.path(), name));
        Self::with_export(export, data_dir, name)
    }

    pub(super) fn with_export(
        export: BTreeMap<String, Vec<u8>>,
        data_dir: &Path,
        name: &str,
    ) -> Self {
        let mirror = mirror(data_dir, name);
        Self {
            export,
            refs: git(&mirror, &["for-each-ref"]) + &git(&mirror, &["symbolic-ref", "HEAD"]),
        }
    }

    /// The same as of an undisturbed import, and all objects are there.
    #[track_caller]
    pub(super) fn assert_same_as(&self, other: &Self, data_dir: &Path, name: &str) {
        assert_same(&self.export, &other.export);
        assert_eq!(self.refs, other.refs);
        assert!(self.refs.lines().count() > 2, "{}", self.refs);
        let mirror = mirror(data_dir, name);
        git(&mirror, &["fsck", "--full", "--strict"]);
        assert!(!mirror.join("incoming").exists(), "leftovers of a transfer");
    }
}

pub(super) fn mirror(data_dir: &Path, name: &str) -> std::path::PathBuf {
    data_dir.join(format!("repositories/{name}.git"))
}

#[track_caller]
pub(super) fn git(repository: &Path, arguments: &[&str]) -> String {
    let output = Command::new("git")
        .arg("--git-dir")
        .arg(repository)
        .args(arguments)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "git {arguments:?}: {said}");
    String::from_utf8(output.stdout).unwrap()
}
