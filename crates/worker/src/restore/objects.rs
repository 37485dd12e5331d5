//! Objects that need no columns of their own: tasks, statuses, settings.

use bucketload_archive::{ExportFolder, ExportedLine, ObjectKey, ObjectRecord, Transaction};
use bucketload_model::Stage;

use super::RestoreError;
use super::rows::{number, parts, text};
use crate::issue_export::Entry;
use crate::stages::settings::Document;

/// An object and its key.
struct Keyed {
    parent: i64,
    id: i64,
    key: String,
    line: ExportedLine,
}

/// Stores the tasks. Returns how many there are.
pub(super) async fn put_tasks(
    transaction: &mut Transaction,
    export: &ExportFolder,
) -> Result<u64, RestoreError> {
    let file = "pull_request_tasks.jsonl";
    let key = |line: ExportedLine| {
        Ok(Keyed {
            parent: number(file, &line, "pull_request")?,
            id: number(file, &line, "task")?,
            key: String::new(),
            line,
        })
    };
    put(transaction, export, file, Stage::PullRequestTasks, key).await
}

/// Stores what builds said. Returns how many there are.
pub(super) async fn put_statuses(
    transaction: &mut Transaction,
    export: &ExportFolder,
) -> Result<u64, RestoreError> {
    let file = "pull_request_statuses.jsonl";
    let key = |line: ExportedLine| {
        let (commit, status) = (text(file, &line, "commit")?, text(file, &line, "status")?);
        Ok(Keyed {
            parent: number(file, &line, "pull_request")?,
            id: 0,
            key: format!("{commit}:{status}"),
            line,
        })
    };
    put(transaction, export, file, Stage::PullRequestStatuses, key).await
}

/// Stores the settings, each in a file of its own. Returns how many there are.
pub(super) async fn put_settings(
    transaction: &mut Transaction,
    export: &ExportFolder,
) -> Result<u64, RestoreError> {
    let file = "settings";
    let mut count = 0;
    for document in Document::all() {
        let name = format!("{file}/{}.json", document.name());
        let key = |line: ExportedLine| {
            Ok(Keyed {
                parent: 0,
                id: document.number(),
                key: document.name().to_owned(),
                line,
            })
        };
        count += put(transaction, export, &name, Stage::Settings, key).await?;
    }
    Ok(count)
}

async fn put(
    transaction: &mut Transaction,
    export: &ExportFolder,
    file: &str,
    stage: Stage,
    key: impl Fn(ExportedLine) -> Result<Keyed, RestoreError>,
) -> Result<u64, RestoreError> {
    let mut count = 0;
    for part in parts(export, file)? {
        let objects: Vec<Keyed> = part?.into_iter().map(&key).collect::<Result<_, _>>()?;
        // Some are lists, which say of no time.
        let entries: Vec<_> = objects
            .iter()
            .map(|object| Entry::parse(object.line.source.get()).ok())
            .collect();
        let records: Vec<_> = objects
            .iter()
            .zip(&entries)
            .map(|(object, entry)| ObjectRecord {
                key: ObjectKey {
                    parent: object.parent,
                    id: object.id,
                    key: &object.key,
                },
                created_on: entry.as_ref().and_then(|entry| entry.text("created_on")),
                updated_on: entry.as_ref().and_then(|entry| entry.text("updated_on")),
                source: object.line.source.get(),
            })
            .collect();
        count += records.len() as u64;
        transaction
            .put_objects(export.uuid(), stage, &records)
            .await?;
    }
    Ok(count)
}
