//! Exports of issue trackers: real ones, made ones, and those that somebody meant ill with.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};

use bucketload_archive::mirror::BundleKind;
use bucketload_archive::{IssueCounts, export_jsonl};
use bucketload_model::RepositoryName;
use bucketload_worker::{IssueExportError, TakenExport};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use zip::write::SimpleFileOptions;
use zip::{ZipArchive, ZipWriter};

use crate::support::{Local, NAME, bench};

/// Two real exports, where this machine has them.
#[expect(clippy::print_stderr, reason = "a test that is skipped says so")]
fn recorded(name: &str) -> Option<PathBuf> {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared");
    let path = Path::new(root).join("recorded/issue-exports").join(name);
    if !path.exists() {
        eprintln!("skipped: no {name} on this machine");
    }
    path.exists().then_some(path)
}

fn name() -> RepositoryName {
    NAME.parse().unwrap()
}

async fn take(local: &Local, file: &Path) -> TakenExport {
    let taken = local.importer.take_issue_export(&name(), file).await;
    taken.unwrap()
}

async fn counts(local: &Local) -> IssueCounts {
    let archive = &local.importer.archive;
    let repository = archive.repository(&name()).await.unwrap().unwrap();
    archive.count_issues(&repository.uuid).await.unwrap()
}

/// The lines of an exported file, without what is around them.
fn lines(export: &Path, file: &str) -> Vec<Value> {
    let text = std::fs::read_to_string(export.join(file)).unwrap();
    let lines = text.lines();
    lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn sorted(mut values: Vec<Value>) -> Vec<String> {
    let mut texts: Vec<String> = values.iter_mut().map(|value| value.to_string()).collect();
    texts.sort_unstable();
    texts
}

/// What is exported is what stood in the lists, each object whole.
fn assert_round_trip(export: &Path, document: &Value) {
    for (file, list) in [
        ("issues.jsonl", "issues"),
        ("issue_comments.jsonl", "comments"),
        ("issue_changes.jsonl", "logs"),
        ("issue_attachments.jsonl", "attachments"),
    ] {
        let lines = lines(export, file);
        let is_marked = |line: &&Value| line["origin"] == "issue_export";
        assert_eq!(lines.iter().filter(is_marked).count(), lines.len());
        let sources = lines.into_iter().map(|mut line| line["source"].take());
        let expected = document[list].as_array().unwrap().clone();
        assert_eq!(sorted(sources.collect()), sorted(expected), "{file}");
    }
}

async fn exported(local: &Local) -> PathBuf {
    let importer = &local.importer;
    let repository = importer.archive.repository(&name()).await.unwrap().unwrap();
    let output = local.folder.path().join("export");
    let kind = BundleKind::Reproducible;
    let export = export_jsonl(
        &importer.archive,
        &importer.data_dir,
        &repository,
        &output,
        kind,
    );
    export.await.unwrap().0
}

#[tokio::test]
async fn a_real_zip_comes_home_whole_without_a_request() {
    let Some(file) = recorded("quest-issues.zip") else {
        return;
    };
    let (remote, local) = bench().await;
    let taken = take(&local, &file).await;
    assert!(taken.is_whole() && taken.only_from_export, "{taken:?}");
    assert_eq!(
        (
            taken.issues,
            taken.comments,
            taken.changes,
            taken.attachments
        ),
        (116, 100, 96, 6)
    );
    assert_eq!(remote.rest(), [""; 0]);
    let again = take(&local, &file).await;
    assert_eq!(again.written, 0);

    let mut zip = ZipArchive::new(File::open(&file).unwrap()).unwrap();
    let mut read = |name: &str| {
        let mut bytes = Vec::new();
        zip.by_name(name).unwrap().read_to_end(&mut bytes).unwrap();
        bytes
    };
    let document: Value = serde_json::from_slice(&read("db-2.0.json")).unwrap();
    let export = exported(&local).await;
    assert_round_trip(&export, &document);
    for line in lines(&export, "issue_attachments.jsonl") {
        let content = read(line["source"]["path"].as_str().unwrap());
        let blob = std::fs::read(export.join("blobs").join(line["blob"].as_str().unwrap()));
        assert_eq!(Sha256::digest(blob.unwrap()), Sha256::digest(content));
    }
    let repository = &lines(&export, "repository.json")[0]["source"];
    assert_eq!(repository["origin"], "issue_export");
}

#[tokio::test]
async fn an_old_list_alone_has_all_but_its_files() {
    let Some(file) = recorded("issue-renderer-db-1.0.json") else {
        return;
    };
    let (_remote, local) = bench().await;
    let taken = take(&local, &file).await;
    assert_eq!(taken.unreadable, [""; 0]);
    assert_eq!(taken.missing.len(), 31);
    let expected = IssueCounts {
        issues: 274,
        comments: 1130,
        changes: 1047,
        attachments: 0,
    };
    assert_eq!(counts(&local).await, expected);
    let document = std::fs::read(&file).unwrap();
    let document = serde_json::from_slice(&document).unwrap();
    assert_round_trip(&exported(&local).await, &document);
}

#[tokio::test]
async fn an_import_gives_the_issues_to_the_repository_it_finds() {
    let (_remote, local) = bench().await;
    let file = local.folder.path().join("db-2.0.json");
    std::fs::write(&file, made(3, 2).to_string()).unwrap();
    let taken = take(&local, &file).await;
    assert!(taken.only_from_export);
    local.import().await;
    let archive = &local.importer.archive;
    assert_eq!(archive.repositories().await.unwrap().len(), 1);
    assert_eq!(counts(&local).await.comments, 6);
    let taken = take(&local, &file).await;
    assert_eq!((taken.written, taken.only_from_export), (0, false));
}

/// An export of issues with so many comments each.
fn made(issues: i64, comments: i64) -> Value {
    let person = json!({ "display_name": "Ada", "account_id": "557058:x" });
    let text = "The kettle boils over as soon as it is filled to the brim. ".repeat(6);
    let issue = |id: i64| {
        json!({
            "id": id, "title": format!("Issue {id}"), "content": text, "status": "new",
            "kind": "bug", "priority": "major", "reporter": person, "assignee": null,
            "created_on": "2013-04-19T15:59:32.714225+00:00",
            "updated_on": "2013-05-01T16:37:22.384506+00:00", "watchers": [person], "voters": [],
        })
    };
    let comment = |id: i64| {
        json!({
            "id": id, "issue": id % issues + 1, "content": { "raw": text }, "user": person,
            "created_on": "2013-04-19T15:59:32.714225+00:00", "updated_on": null,
        })
    };
    let change = |id: i64| {
        json!({
            "comment": id, "issue": id % issues + 1, "field": "responsible", "user": null,
            "changed_from": "None", "changed_to": "ada",
            "created_on": "2013-04-19T15:59:32.714225+00:00",
        })
    };
    let comments = 0..issues * comments;
    json!({
        "issues": (1..=issues).map(issue).collect::<Vec<_>>(),
        "comments": comments.clone().map(comment).collect::<Vec<_>>(),
        "logs": comments.step_by(3).map(change).collect::<Vec<_>>(),
        "attachments": [], "components": [], "milestones": [], "versions": [{ "name": "1.0" }],
        "meta": { "default_kind": "bug" },
    })
}

/// A zip of these files.
fn zip(local: &Local, files: &[(&str, &[u8])]) -> PathBuf {
    let path = local.folder.path().join("export.zip");
    let mut zip = ZipWriter::new(File::create(&path).unwrap());
    for (name, content) in files {
        zip.start_file(*name, SimpleFileOptions::default()).unwrap();
        zip.write_all(content).unwrap();
    }
    zip.finish().unwrap();
    path
}

async fn refused(local: &Local, file: &Path) -> IssueExportError {
    let taken = local.importer.take_issue_export(&name(), file).await;
    let error = taken.unwrap_err();
    let archive = &local.importer.archive;
    assert_eq!(archive.repositories().await.unwrap().len(), 0, "{error}");
    error
}

#[tokio::test]
async fn a_large_tracker_comes_home_whole() {
    let (_remote, local) = bench().await;
    let document = made(5_000, 6).to_string();
    let file = zip(&local, &[("db-2.0.json", document.as_bytes())]);
    let taken = take(&local, &file).await;
    assert_eq!((taken.issues, taken.comments), (5_000, 30_000));
    assert_eq!(counts(&local).await.comments, 30_000);
}

#[tokio::test]
async fn a_bomb_and_two_files_of_one_name_are_refused() {
    let (_remote, local) = bench().await;
    let zeros = vec![b' '; 80 * 1024 * 1024];
    let file = zip(&local, &[("db-2.0.json", &zeros)]);
    let error = refused(&local, &file).await;
    assert!(matches!(error, IssueExportError::Bomb { .. }), "{error:?}");

    let document = made(1, 0).to_string();
    let files: [(&str, &[u8]); 2] = [("db-2.0.json", document.as_bytes()), ("db-2.0.jsom", b"{}")];
    let file = zip(&local, &files);
    let mut bytes = std::fs::read(&file).unwrap();
    for at in 0..bytes.len() - 4 {
        if &bytes[at..at + 4] == b"jsom" {
            bytes[at + 3] = b'n';
        }
    }
    std::fs::write(&file, &bytes).unwrap();
    let error = refused(&local, &file).await;
    assert!(matches!(error, IssueExportError::SameName), "{error:?}");
}

#[tokio::test]
async fn what_is_no_export_is_refused() {
    let (_remote, local) = bench().await;
    let file = local.folder.path().join("file");
    for content in [
        "",
        "PK",
        "PK\u{3}\u{4} and no more",
        "{}",
        "[]",
        "{\"issues\":3}",
        "\u{0}",
    ] {
        std::fs::write(&file, content).unwrap();
        let error = refused(&local, &file).await;
        let is_expected = matches!(
            error,
            IssueExportError::Zip(_) | IssueExportError::Document(_)
        );
        assert!(is_expected, "{content:?}: {error:?}");
    }
    let error = refused(&local, &zip(&local, &[("readme", b"")])).await;
    assert!(matches!(error, IssueExportError::NoDocument), "{error:?}");
    let error = refused(&local, Path::new("/nowhere/export.zip")).await;
    assert!(matches!(error, IssueExportError::Read { .. }), "{error:?}");
    // More files than any tracker has, or so it says.
    let file = zip(&local, &[("db-2.0.json", b"{}")]);
    let mut bytes = std::fs::read(&file).unwrap();
    let end = bytes.len() - 22;
    bytes[end + 8..end + 12].copy_from_slice(&[0xfe, 0xff, 0xfe, 0xff]);
    std::fs::write(&file, &bytes).unwrap();
    refused(&local, &file).await;
}

#[tokio::test]
async fn names_are_text_and_one_bad_object_costs_nobody_the_rest() {
    let (_remote, local) = bench().await;
    let long = "n".repeat(4000);
    let names = [
        "../../../outside",
        "/etc/passwd",
        "a\0b",
        "\u{202e}gpj.exe",
        &long,
    ];
    let mut document = made(2, 1);
    let mut attachments: Vec<Value> = names
        .iter()
        .map(|name| json!({ "issue": 1, "filename": name, "path": "attachments/00" }))
        .collect();
    attachments.push(json!({ "issue": 1, "filename": "gone", "path": "attachments/11" }));
    attachments.push(json!({ "issue": 2, "filename": "out", "path": "../../secret" }));
    attachments.push(json!({ "issue": 2, "filename": "db", "path": "db-2.0.json" }));
    attachments.push(json!({ "issue": 2, "filename": "large", "path": "attachments/22" }));
    attachments.push(json!({ "issue": "two", "filename": "x" }));
    document["attachments"] = attachments.into();
    document["issues"]
        .as_array_mut()
        .unwrap()
        .push(json!({ "title": "no number" }));
    document["comments"]
        .as_array_mut()
        .unwrap()
        .push(json!(null));
    let document = document.to_string();
    let large = vec![b'x'; 1024 * 1024 + 1];
    let files: [(&str, &[u8]); 4] = [
        ("db-2.0.json", document.as_bytes()),
        ("attachments/00", b"content"),
        ("attachments/22", &large),
        ("../../outside", b"evil"),
    ];
    let taken = take(&local, &zip(&local, &files)).await;
    assert_eq!(taken.unreadable.len(), 3, "{:?}", taken.unreadable);
    let missing: Vec<_> = taken.missing.iter().map(|one| one.name.as_str()).collect();
    assert_eq!(missing, ["gone", "db", "large", "out"]);
    let kept = counts(&local).await;
    assert_eq!((kept.issues, kept.comments, kept.attachments), (2, 2, 5));
    let export = exported(&local).await;
    assert_eq!(std::fs::read_dir(export.join("blobs")).unwrap().count(), 1);
    assert_eq!(lines(&export, "issue_attachments.jsonl").len(), 9);
    let above = local.folder.path().parent().unwrap();
    assert!(!above.join("outside").exists());
}

#[tokio::test]
async fn a_damaged_file_is_missing_and_a_stop_stops() {
    let (_remote, local) = bench().await;
    let mut document = made(1, 0);
    document["attachments"] =
        json!([{ "issue": 1, "filename": "a.txt", "path": "attachments/00" }]);
    let document = document.to_string();
    let content: &[u8] = b"a content that is long enough to be found in the zip";
    let path = local.folder.path().join("export.zip");
    let mut zip = ZipWriter::new(File::create(&path).unwrap());
    let stored = SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    for (name, content) in [
        ("db-2.0.json", document.as_bytes()),
        ("attachments/00", content),
    ] {
        zip.start_file(name, stored).unwrap();
        zip.write_all(content).unwrap();
    }
    zip.finish().unwrap();
    let mut bytes = std::fs::read(&path).unwrap();
    let at = bytes
        .windows(content.len())
        .position(|part| part == content);
    bytes[at.unwrap()] = b'X';
    std::fs::write(&path, &bytes).unwrap();
    let taken = take(&local, &path).await;
    assert_eq!(taken.missing.len(), 1, "{taken:?}");
    assert_eq!(counts(&local).await.attachments, 0);

    local.importer.cancel.cancel();
    let taken = local.importer.take_issue_export(&name(), &path).await;
    assert!(matches!(taken, Err(IssueExportError::Stopped)), "{taken:?}");
}
