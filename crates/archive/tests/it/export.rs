//! Exports: the same content gives the same bytes, and nothing of it is altered.

#![expect(
    clippy::unwrap_used,
    reason = "a helper that fails is a test that fails"
)]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use bucketload_archive::mirror::{BundleKind, Mirror};
use bucketload_archive::{ActivityRecord, ExportError, Manifest, export_jsonl};
use bucketload_model::PullRequestId;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::support::{
    Kind, Store, account, account_uuid, comment, import_id, member, name, pull_request,
    repository_uuid,
};

/// Objects as Bitbucket could send them, and how they stand on their line.
const ODD: [(&str, &str); 6] = [
    (
        "{ \"id\" : 1 ,\r\n\t\"a\": [ 1.0, -0, 1e400, 123456789012345678901234567890 ] }",
        "{\"id\":1,\"a\":[1.0,-0,1e400,123456789012345678901234567890]}",
    ),
    (
        "{\"s\": \"\u{2028} \u{2029} \\u2028 \u{85} two  spaces\"}",
        "{\"s\":\"\u{2028} \u{2029} \\u2028 \u{85} two  spaces\"}",
    ),
    (
        "{\"nul\": \"a\\u0000b\", \"half\": \"\\ud83d\", \"del\": \"\u{7f}\"}",
        "{\"nul\":\"a\\u0000b\",\"half\":\"\\ud83d\",\"del\":\"\u{7f}\"}",
    ),
    (
        r#"{ "q": "\" : { ", "b": "\\", "n": "\\\" , " }"#,
        r#"{"q":"\" : { ","b":"\\","n":"\\\" , "}"#,
    ),
    (
        "{\"b\": 1, \"a\": 2, \"b\": 3, \"😀\": \"é\", \"\": {} }",
        "{\"b\":1,\"a\":2,\"b\":3,\"😀\":\"é\",\"\":{}}",
    ),
    (
        "{\"html\": \"<\\/p>\\u00e9\\n\"}",
        "{\"html\":\"<\\/p>\\u00e9\\n\"}",
    ),
];

pub(crate) struct Export {
    folder: PathBuf,
    pub(crate) manifest: Manifest,
}

pub(crate) async fn export(store: &Store) -> Result<Export, ExportError> {
    let repository = store.archive.repository(&name()).await.unwrap().unwrap();
    let output = store.folder.path().join("export");
    let (folder, manifest) = export_jsonl(
        &store.archive,
        &store.data_dir,
        &repository,
        &output,
        BundleKind::Reproducible,
    )
    .await?;
    Ok(Export { folder, manifest })
}

impl Export {
    fn lines(&self, file: &str) -> Vec<String> {
        let text = fs::read_to_string(self.folder.join(file)).unwrap();
        assert!(text.is_empty() || text.ends_with('\n'));
        text.split_terminator('\n').map(str::to_owned).collect()
    }
}

/// Every file below a folder.
fn bytes(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.append(&mut bytes(&path));
        } else {
            files.insert(path.clone(), fs::read(&path).unwrap());
        }
    }
    files
}

/// By name only, to compare what lies in different folders.
fn named(export: &Export) -> BTreeMap<String, Vec<u8>> {
    let files = bytes(&export.folder).into_iter();
    files
        .map(|(path, bytes)| {
            let name = path.strip_prefix(&export.folder).unwrap();
            (name.to_str().unwrap().to_owned(), bytes)
        })
        .collect()
}

/// A store with one of everything, put there in this order of pages.
pub(crate) async fn filled(order: &[usize]) -> Store {
    filled_on(Kind::Sqlite, order).await.unwrap()
}

/// The same in another kind of database, where there is one.
async fn filled_on(kind: Kind, order: &[usize]) -> Option<Store> {
    let store = Store::on(kind).await?;
    let uuid = repository_uuid(1);
    store.put_repository(&uuid, "{}").await;
    let import = import_id(0);
    for page in order {
        let id = i64::try_from(*page).unwrap() + 1;
        let person = account_uuid(u32::try_from(*page).unwrap() % 3);
        let (source, _) = ODD[*page];
        let pull_request = pull_request(id, Some(1), source);
        store.put_pull_requests(&uuid, &[pull_request]).await;
        let comments = [comment(100 - id, source), comment(4_000_000_000 + id, "{}")];
        store.put_comments(&uuid, id, &comments).await;
        store
            .put_accounts(&uuid, import, vec![account(&person, source)])
            .await;
        let person = account_uuid(10 + u32::try_from(*page).unwrap());
        store.put_members(&[member(&person, source, "{}")]).await;
    }
    Some(store)
}

/// Keys that no two languages sort alike, some at no known time.
async fn add_activity(store: &Store) {
    let keys = ["b", "B", "a-1", "a1", "A", "é", "e", "z", "_", "ß"];
    let entries: Vec<_> = (0_i32..)
        .zip(keys)
        .map(|(number, key)| ActivityRecord {
            pull_request: PullRequestId(1),
            key,
            kind: "update",
            comment: None,
            parent: None,
            is_inline: false,
            occurred_on: (number % 3 > 0).then_some("2026-01-01T00:00:00Z"),
            source: "{}",
        })
        .collect();
    let mut transaction = store.begin().await;
    transaction
        .put_activity(&repository_uuid(1), &entries)
        .await
        .unwrap();
    transaction.commit().await.unwrap();
}

#[tokio::test]
async fn an_export_is_the_same_from_every_database() {
    let mut exports = Vec::new();
    for kind in [Kind::Sqlite, Kind::Postgres] {
        let Some(store) = filled_on(kind, &[2, 5, 0, 4, 1, 3]).await else {
            return;
        };
        add_activity(&store).await;
        exports.push((export(&store).await.unwrap(), store));
    }
    let [(ours, _), (theirs, _)] = &exports[..] else {
        panic!("two databases");
    };
    assert_eq!(ours.lines("pull_request_activity.jsonl").len(), 10);
    assert_eq!(named(ours), named(theirs));
}

#[tokio::test]
async fn one_object_a_line_as_it_was_sent_without_white_space() {
    let store = filled(&[0, 1, 2, 3, 4, 5]).await;
    let export = export(&store).await.unwrap();
    let expected: Vec<String> = (1..)
        .zip(ODD)
        .map(|(id, (_, line))| format!("{{\"key\":{{\"pull_request\":{id}}},\"source\":{line}}}"))
        .collect();
    assert_eq!(export.lines("pull_requests.jsonl"), expected);
    // Ascending by id, whatever the parent; the key names it.
    let comments = export.lines("pull_request_comments.jsonl");
    let keys: Vec<_> = comments
        .iter()
        .map(|line| line.split(",\"source\"").next().unwrap())
        .collect();
    assert_eq!(keys[0], "{\"key\":{\"comment\":94,\"pull_request\":6}");
    assert_eq!(
        keys[11],
        "{\"key\":{\"comment\":4000000006,\"pull_request\":6}"
    );
    let ids = |key: &&str| -> u64 {
        let digits = key.chars().skip(18).take_while(char::is_ascii_digit);
        digits.collect::<String>().parse().unwrap()
    };
    assert!(keys.iter().map(ids).is_sorted());
    // People met, then members that were not, together in one order.
    let users = export.lines("users.jsonl");
    assert_eq!(users.len(), 9);
    assert!(users.is_sorted());
    assert_eq!(export.lines("repository.json").len(), 1);
}

#[tokio::test]
async fn the_order_of_arrival_leaves_no_trace() {
    let mut exports = Vec::new();
    for order in [[0, 1, 2, 3, 4, 5], [5, 4, 3, 2, 1, 0], [2, 5, 0, 4, 1, 3]] {
        let store = filled(&order).await;
        exports.push(named(&export(&store).await.unwrap()));
    }
    assert_eq!(exports[0].len(), 16);
    assert_eq!(exports[0], exports[1]);
    assert_eq!(exports[0], exports[2]);
}

fn sha256(bytes: &[u8]) -> String {
    let digest = Sha256::digest(bytes);
    digest.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}

#[tokio::test]
async fn the_manifest_proves_every_file() {
    let store = filled(&[0, 1, 2]).await;
    commit_to_mirror(&store);
    let export = export(&store).await.unwrap();
    let manifest: Value =
        serde_json::from_slice(&fs::read(export.folder.join("manifest.json")).unwrap()).unwrap();
    assert_eq!(manifest["repository"], "teapots/kettle");
    assert_eq!(manifest["format"], "bucketload-jsonl-1");
    let mut files = named(&export);
    files.remove("manifest.json");
    let names: Vec<&String> = files.keys().collect();
    assert!(names.contains(&&"git.bundle".to_owned()), "{names:?}");
    assert_eq!(names, export.manifest.files.keys().collect::<Vec<_>>());
    for (name, bytes) in &files {
        let entry = &manifest["files"][name];
        assert_eq!(entry["sha256"], sha256(bytes), "{name}");
        assert_eq!(entry["size_bytes"], bytes.len(), "{name}");
        let lines = bytes.split(|byte| *byte == b'\n').count() - 1;
        let objects = entry.get("objects").and_then(Value::as_u64);
        let expected = (name != "git.bundle").then_some(lines as u64);
        assert_eq!(objects, expected, "{name}");
    }
}

/// A mirror with one commit, the same every time.
pub(crate) fn commit_to_mirror(store: &Store) {
    let path = store.data_dir.mirror(&name());
    Mirror::open_or_init(&path).unwrap();
    let script = "blob=$(echo tea | git hash-object -w --stdin) &&
        tree=$(printf '100644 blob %s\\ttea\\n' $blob | git mktree) &&
        commit=$(git commit-tree -m boil $tree) &&
        git update-ref refs/heads/main $commit";
    let mut command = Command::new("sh");
    for who in ["AUTHOR", "COMMITTER"] {
        command
            .env(format!("GIT_{who}_NAME"), "A")
            .env(format!("GIT_{who}_EMAIL"), "a@example.org")
            .env(format!("GIT_{who}_DATE"), "1800000000 +0000");
    }
    let status = command
        .args(["-ec", script])
        .env("GIT_DIR", &path)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .status();
    assert!(status.unwrap().success());
}

#[tokio::test]
async fn exporting_again_gives_the_same_bytes_and_leaves_nothing_of_the_old() {
    let store = filled(&[0, 1, 2]).await;
    commit_to_mirror(&store);
    let first = export(&store).await.unwrap();
    let before = named(&first);
    fs::write(first.folder.join("a file of another time"), "x").unwrap();
    let second = export(&store).await.unwrap();
    assert_eq!(second.folder, first.folder);
    assert_eq!(named(&second), before);
    let workspace = fs::read_dir(first.folder.parent().unwrap()).unwrap();
    assert_eq!(workspace.count(), 1, "nothing is left beside it");
}

#[tokio::test]
async fn what_an_interrupted_export_left_is_swept_away() {
    let store = filled(&[0]).await;
    let output = store.folder.path().join("export/teapots");
    let left = output.join("kettle (unfinished)");
    fs::create_dir_all(&left).unwrap();
    fs::write(left.join("manifest.json"), "half").unwrap();
    fs::write(left.join("junk"), "half").unwrap();
    let export = export(&store).await.unwrap();
    assert!(!left.exists());
    assert_eq!(named(&export).len(), 16);
}

#[tokio::test]
async fn an_export_that_fails_leaves_the_earlier_one_alone() {
    let store = filled(&[0, 1]).await;
    commit_to_mirror(&store);
    let first = export(&store).await.unwrap();
    let before = bytes(&first.folder);
    // A disk that forgets: the refs are there, what they point to is gone.
    let objects = store.data_dir.mirror(&name()).join("objects");
    for entry in fs::read_dir(objects).unwrap() {
        let folder = entry.unwrap().path();
        fs::remove_dir_all(&folder).unwrap();
        fs::create_dir(&folder).unwrap();
    }
    let error = export(&store).await.err().unwrap();
    assert!(matches!(error, ExportError::Mirror(_)), "{error:?}");
    assert_eq!(bytes(&first.folder), before);
}

#[tokio::test]
async fn a_folder_that_is_no_export_is_not_touched() {
    let store = filled(&[0]).await;
    let folder = store.folder.path().join("export/teapots/kettle");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("thesis.tex"), "three years of work").unwrap();
    let error = export(&store).await.err().unwrap();
    let ExportError::Occupied { path } = &error else {
        panic!("{error:?}");
    };
    assert_eq!(path, &folder);
    assert_eq!(bytes(folder.parent().unwrap()).len(), 1);
    // The same for a file of that name.
    fs::remove_dir_all(&folder).unwrap();
    fs::write(&folder, "x").unwrap();
    let error = export(&store).await.err().unwrap();
    assert!(matches!(error, ExportError::Occupied { .. }), "{error:?}");
}

#[tokio::test]
async fn an_export_beside_a_writer_shows_one_moment() {
    let store = filled(&[0, 1, 2]).await;
    let before = named(&export(&store).await.unwrap());
    let mut transaction = store.begin().await;
    let uuid = crate::support::repository_uuid(1);
    transaction
        .put_pull_requests(&uuid, &[pull_request(77, Some(0), "{}")])
        .await
        .unwrap();
    assert_eq!(named(&export(&store).await.unwrap()), before);
    transaction.commit().await.unwrap();
    assert_ne!(named(&export(&store).await.unwrap()), before);
}

#[tokio::test]
async fn an_empty_repository_is_exported_too() {
    let (store, _) = Store::with_repository().await;
    let export = export(&store).await.unwrap();
    assert_eq!(export.lines("repository.json").len(), 1);
    for file in [
        "users.jsonl",
        "pull_requests.jsonl",
        "pull_request_comments.jsonl",
    ] {
        assert_eq!(export.lines(file), Vec::<String>::new());
        assert_eq!(export.manifest.files[file].objects, Some(0));
    }
    assert!(!export.folder.join("git.bundle").exists());
}
