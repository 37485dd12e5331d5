//! Issues and what belongs to them, from Bitbucket or from an export of issues.

use std::collections::BTreeMap;

use bucketload_archive::{
    ExportFolder, ExportedLine, FieldRecord, IssueCommentRecord, IssueOrigin, IssueRecord,
    RestoredAttachment, RestoredChange, Transaction,
};
use bucketload_model::{CommentId, IssueId};

use super::RestoreError;
use super::rows::{number, parts, text};
use crate::issue_export::Entry;

const ORIGINS: [IssueOrigin; 2] = [IssueOrigin::Bitbucket, IssueOrigin::IssueExport];

pub(super) fn origin(line: &ExportedLine) -> IssueOrigin {
    match line.origin.as_deref() {
        Some(name) if name == IssueOrigin::IssueExport.name() => IssueOrigin::IssueExport,
        _ => IssueOrigin::Bitbucket,
    }
}

/// Which of those with the same key.
fn which(line: &ExportedLine) -> i64 {
    let number = line.key.get("number");
    number
        .and_then(serde_json::Value::as_i64)
        .unwrap_or_default()
}

/// The fields of an object, whatever it came from.
fn entry<'a>(file: &'static str, line: &'a ExportedLine) -> Result<Entry<'a>, RestoreError> {
    Entry::parse(line.source.get()).map_err(|source| RestoreError::Object {
        file,
        key: line.key.to_string(),
        source,
    })
}

/// Stores all of it, and counts what each stage has.
pub(super) async fn put(
    transaction: &mut Transaction,
    export: &ExportFolder,
    counts: &mut BTreeMap<&'static str, u64>,
) -> Result<(), RestoreError> {
    let issues = put_issues(transaction, export).await?;
    counts.insert("issues", issues);
    put_fields(transaction, export).await?;
    let comments = put_comments(transaction, export).await?;
    counts.insert("issue_comments", comments);
    let changes = put_changes(transaction, export).await?;
    counts.insert("issue_changes", changes);
    let attachments = put_attachments(transaction, export).await?;
    counts.insert("issue_attachments", attachments);
    Ok(())
}

async fn put_issues(
    transaction: &mut Transaction,
    export: &ExportFolder,
) -> Result<u64, RestoreError> {
    let file = "issues.jsonl";
    let mut count = 0;
    for part in parts(export, file)? {
        let part = part?;
        count += part.len() as u64;
        for of in ORIGINS {
            let lines = part.iter().filter(|line| origin(line) == of);
            let entries: Vec<_> = lines
                .map(|line| Ok((number(file, line, "issue")?, entry(file, line)?)))
                .collect::<Result<_, RestoreError>>()?;
            let records: Vec<_> = entries
                .iter()
                .map(|(id, entry)| IssueRecord {
                    id: IssueId(*id),
                    title: entry.text("title"),
                    // An export calls it `status`.
                    state: entry.text("state").or_else(|| entry.text("status")),
                    kind: entry.text("kind"),
                    priority: entry.text("priority"),
                    reporter: entry.person("reporter"),
                    created_on: entry.text("created_on"),
                    updated_on: entry.text("updated_on"),
                    source: entry.source,
                })
                .collect();
            transaction.put_issues(export.uuid(), of, &records).await?;
        }
    }
    Ok(count)
}

async fn put_fields(
    transaction: &mut Transaction,
    export: &ExportFolder,
) -> Result<(), RestoreError> {
    let file = "issue_fields.jsonl";
    for part in parts(export, file)? {
        for line in part? {
            let entry = entry(file, &line)?;
            let kinds = ["component", "milestone", "version", "meta"];
            let kind = kinds.into_iter().find(|kind| line.key.get(*kind).is_some());
            let record = FieldRecord {
                kind: kind.unwrap_or_default(),
                name: match kind {
                    Some("meta") => "",
                    kind => {
                        let key = text(file, &line, kind.unwrap_or_default())?;
                        // A long name stands there as its hash.
                        entry.text("name").unwrap_or(key)
                    }
                },
                source: entry.source,
            };
            transaction
                .put_issue_fields(export.uuid(), origin(&line), &[record])
                .await?;
        }
    }
    Ok(())
}

async fn put_comments(
    transaction: &mut Transaction,
    export: &ExportFolder,
) -> Result<u64, RestoreError> {
    let file = "issue_comments.jsonl";
    let mut count = 0;
    for part in parts(export, file)? {
        let part = part?;
        count += part.len() as u64;
        for of in ORIGINS {
            let lines = part.iter().filter(|line| origin(line) == of);
            let entries: Vec<_> = lines
                .map(|line| Ok((line, entry(file, line)?)))
                .collect::<Result<_, RestoreError>>()?;
            let records: Vec<_> = entries
                .iter()
                .map(|(line, entry)| {
                    Ok(IssueCommentRecord {
                        id: CommentId(number(file, line, "comment")?),
                        issue: IssueId(number(file, line, "issue")?),
                        author: entry.person("user"),
                        created_on: entry.text("created_on"),
                        updated_on: entry.text("updated_on"),
                        source: entry.source,
                    })
                })
                .collect::<Result<_, RestoreError>>()?;
            transaction
                .put_issue_comments(export.uuid(), of, &records)
                .await?;
        }
    }
    Ok(count)
}

async fn put_changes(
    transaction: &mut Transaction,
    export: &ExportFolder,
) -> Result<u64, RestoreError> {
    let file = "issue_changes.jsonl";
    let mut count = 0;
    for part in parts(export, file)? {
        let part = part?;
        count += part.len() as u64;
        for line in &part {
            let entry = entry(file, line)?;
            let field = line.key.get("field").and_then(serde_json::Value::as_str);
            let change = RestoredChange {
                issue: number(file, line, "issue")?,
                change: number(file, line, "change")?,
                field: field.unwrap_or_default(),
                number: which(line),
                origin: origin(line),
                created_on: entry.text("created_on"),
                source: entry.source,
            };
            transaction
                .restore_issue_change(export.uuid(), change)
                .await?;
        }
    }
    Ok(count)
}

async fn put_attachments(
    transaction: &mut Transaction,
    export: &ExportFolder,
) -> Result<u64, RestoreError> {
    let file = "issue_attachments.jsonl";
    let mut count = 0;
    for part in parts(export, file)? {
        let part = part?;
        count += part.len() as u64;
        for line in &part {
            let entry = entry(file, line)?;
            let key = text(file, line, "attachment")?;
            let attachment = RestoredAttachment {
                issue: number(file, line, "issue")?,
                key,
                number: which(line),
                origin: origin(line),
                // An export calls it `filename`.
                name: entry
                    .text("name")
                    .or_else(|| entry.text("filename"))
                    .unwrap_or(key),
                blob: line.blob.as_deref(),
                source: entry.source,
            };
            transaction
                .restore_issue_attachment(export.uuid(), attachment)
                .await?;
        }
    }
    Ok(count)
}
