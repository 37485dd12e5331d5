//! Whom the objects of an export name beside its accounts, and the names that accounts had.

use bucketload_archive::{ExportFolder, IssueOrigin, PeopleMet, Transaction};
use bucketload_model::{AccountUuid, ImportId};

use super::RestoreError;
use super::issues::origin;
use super::rows::text;

/// The files whose objects tell of people.
const FILES: [&str; 9] = [
    "pull_requests.jsonl",
    "pull_request_comments.jsonl",
    "pull_request_activity.jsonl",
    "pull_request_tasks.jsonl",
    "issues.jsonl",
    "issue_fields.jsonl",
    "issue_comments.jsonl",
    "issue_changes.jsonl",
    "issue_attachments.jsonl",
];

/// Learns from the objects what an import learned from them, once their rows are there.
pub(super) async fn put(
    transaction: &mut Transaction,
    export: &ExportFolder,
    import: ImportId,
) -> Result<(), RestoreError> {
    let (mut online, mut exported) = (PeopleMet::default(), PeopleMet::default());
    for file in FILES {
        for line in export.lines(file)? {
            let line = line?;
            let source = line.source.get();
            match origin(&line) {
                of @ IssueOrigin::Bitbucket => online.learn(source, of),
                of @ IssueOrigin::IssueExport => exported.learn(source, of),
            }
        }
    }
    let (uuid, now) = (export.uuid(), import.began_at());
    transaction.put_people_met(uuid, &online, now).await?;
    let seen = exported.newest().unwrap_or(now);
    transaction.put_people_met(uuid, &exported, seen).await?;
    put_names(transaction, export).await
}

/// The names that an account had over time. Those that it always had are in its object.
async fn put_names(
    transaction: &mut Transaction,
    export: &ExportFolder,
) -> Result<(), RestoreError> {
    let file = "users.jsonl";
    for line in export.lines(file)? {
        let line = line?;
        let Some(names) = &line.names else { continue };
        let broken = |_| RestoreError::Key {
            file,
            key: line.key.to_string(),
        };
        let account = text(file, &line, "account")?.parse::<AccountUuid>();
        let account = account.map_err(broken)?;
        transaction
            .restore_names(export.uuid(), &account, names)
            .await?;
    }
    Ok(())
}
