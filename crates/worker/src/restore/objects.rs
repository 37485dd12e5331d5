//! The objects of an export that have no columns of their own.

use std::collections::BTreeMap;

use bucketload_archive::{ExportFolder, ExportedLine, ObjectKey, ObjectRecord, Transaction};
use bucketload_model::Stage;
use serde::Deserialize;
use serde_json::json;

use super::rows::{number, parse, parts, text};
use super::{RestoreError, RestoredDiff};
use crate::stages::{COMMIT, Document};

/// When an object was made and changed.
#[derive(Deserialize)]
struct Times {
    #[serde(default)]
    created_on: Option<String>,
    #[serde(default)]
    updated_on: Option<String>,
    /// When a commit was made.
    #[serde(default)]
    date: Option<String>,
}

/// What tells an object apart, by the key on its line.
type Key = (i64, i64, String);

/// Stores all of them, and counts those of each stage.
pub(super) async fn put(
    transaction: &mut Transaction,
    export: &ExportFolder,
    diffs: &[RestoredDiff],
    counts: &mut BTreeMap<&'static str, u64>,
) -> Result<(), RestoreError> {
    let file = "pull_request_tasks.jsonl";
    let task = |line: &ExportedLine| {
        let parent = number(file, line, "pull_request")?;
        Ok((parent, number(file, line, "task")?, String::new()))
    };
    let stage = Stage::PullRequestTasks;
    let tasks = put_file(transaction, export, file, stage, task).await?;
    counts.insert("pull_request_tasks", tasks);
    let file = "pull_request_statuses.jsonl";
    let status = |line: &ExportedLine| {
        let commit = text(file, line, "commit")?;
        let key = format!("{commit}:{}", text(file, line, "status")?);
        Ok((number(file, line, "pull_request")?, 0, key))
    };
    let stage = Stage::PullRequestStatuses;
    let statuses = put_file(transaction, export, file, stage, status).await?;
    counts.insert("pull_request_statuses", statuses);
    let file = "pull_request_commits.jsonl";
    let commit = |line: &ExportedLine| {
        let key = text(file, line, "commit")?.to_owned();
        Ok((number(file, line, "pull_request")?, COMMIT, key))
    };
    let stage = Stage::PullRequestDiffs;
    let commits = put_file(transaction, export, file, stage, commit).await?;
    let diffs = put_diffs(transaction, export, diffs).await?;
    counts.insert("pull_request_diffs", commits + diffs);
    let settings = put_settings(transaction, export).await?;
    counts.insert("settings", settings);
    Ok(())
}

async fn put_file(
    transaction: &mut Transaction,
    export: &ExportFolder,
    file: &'static str,
    stage: Stage,
    key: impl Fn(&ExportedLine) -> Result<Key, RestoreError>,
) -> Result<u64, RestoreError> {
    let mut count = 0;
    for part in parts(export, file)? {
        let part = part?;
        let keys: Vec<Key> = part.iter().map(&key).collect::<Result<_, _>>()?;
        let times: Vec<Times> = part
            .iter()
            .map(|line| parse(file, line))
            .collect::<Result<_, _>>()?;
        let rows = part.iter().zip(&keys).zip(&times);
        let records: Vec<_> = rows
            .map(|((line, (parent, id, key)), times)| ObjectRecord {
                key: ObjectKey {
                    parent: *parent,
                    id: *id,
                    key,
                },
                created_on: times.created_on.as_deref().or(times.date.as_deref()),
                updated_on: times.updated_on.as_deref(),
                source: line.source.get(),
            })
            .collect();
        count += records.len() as u64;
        transaction
            .put_objects(export.uuid(), stage, &records)
            .await?;
    }
    Ok(count)
}

/// Stores which diffs and patches there are.
async fn put_diffs(
    transaction: &mut Transaction,
    export: &ExportFolder,
    diffs: &[RestoredDiff],
) -> Result<u64, RestoreError> {
    let stage = Stage::PullRequestDiffs;
    for diff in diffs {
        let key = ObjectKey {
            parent: diff.pull_request,
            id: 0,
            key: &diff.what,
        };
        let record = ObjectRecord {
            key,
            created_on: None,
            updated_on: None,
            source: &json!({ "size_bytes": diff.blob.size_bytes }).to_string(),
        };
        transaction
            .put_objects(export.uuid(), stage, &[record])
            .await?;
        transaction
            .set_object_blob(export.uuid(), stage, key, Some(&diff.blob.sha256))
            .await?;
    }
    Ok(diffs.len() as u64)
}

/// Stores the settings. One of a name that this program does not know is kept beside the
/// others, with the number 0.
async fn put_settings(
    transaction: &mut Transaction,
    export: &ExportFolder,
) -> Result<u64, RestoreError> {
    let mut count = 0;
    for name in export.settings() {
        let file = format!("settings/{name}.json");
        for line in export.lines(&file)? {
            let line = line?;
            let known = Document::all().find(|document| document.name() == name);
            let record = ObjectRecord {
                key: ObjectKey {
                    parent: 0,
                    id: known.map_or(0, Document::number),
                    key: name,
                },
                created_on: None,
                updated_on: None,
                source: line.source.get(),
            };
            transaction
                .put_objects(export.uuid(), Stage::Settings, &[record])
                .await?;
            count += 1;
        }
    }
    Ok(count)
}
