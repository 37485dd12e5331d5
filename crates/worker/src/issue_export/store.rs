//! What stood in an export, into the archive: all of it in one transaction.

use bucketload_archive::{
    AttachmentRecord, ChangeRecord, FieldRecord, IssueCommentRecord, IssueExportRecord,
    IssueOrigin, IssueRecord, PeopleMet, Transaction, provisional_repository,
};
use bucketload_model::{CommentId, IssueChangeId, IssueId, RepositoryName, RepositoryUuid};

use super::document::{Document, Entry, read};
use super::{IssueExportError, IssueExports, MissingFile, TakenExport, Unpacked, make_repository};

const ORIGIN: IssueOrigin = IssueOrigin::IssueExport;

/// Objects that are read and written at a time.
const AT_A_TIME: usize = 500;

impl IssueExports {
    pub(super) async fn store_export(
        &self,
        name: &RepositoryName,
        uuid: &RepositoryUuid,
        unpacked: &Unpacked,
        document: &Document<'_>,
    ) -> Result<TakenExport, IssueExportError> {
        let mut taken = TakenExport {
            source: name.to_string(),
            sha256: unpacked.sha256.clone(),
            issues: document.issues.len() as u64,
            comments: document.comments.len() as u64,
            changes: document.logs.len() as u64,
            attachments: document.attachments.len() as u64,
            written: 0,
            missing: Vec::new(),
            unreadable: Vec::new(),
            only_from_export: *uuid == provisional_repository(name)?,
        };
        let mut transaction = self.archive.begin().await?;
        if taken.only_from_export {
            make_repository(&mut transaction, name, uuid, ORIGIN.name()).await?;
        }
        put_issues(&mut transaction, uuid, document, &mut taken).await?;
        put_comments(&mut transaction, uuid, document, &mut taken).await?;
        put_changes(&mut transaction, uuid, document, &mut taken).await?;
        put_attachments(&mut transaction, uuid, unpacked, document, &mut taken).await?;
        put_fields(&mut transaction, uuid, document, &mut taken).await?;
        let met = people(document);
        // The names are as old as the export, which may have lain about for years.
        let seen = met.newest().unwrap_or_else(|| self.clock.now());
        transaction.put_people_met(uuid, &met, seen).await?;
        let record = IssueExportRecord {
            sha256: unpacked.sha256.clone(),
            taken_at: self.clock.now(),
            counts: taken.counts(),
        };
        transaction.put_issue_export(uuid, &record).await?;
        transaction.commit().await?;
        tracing::info!(
            repository = %name,
            issues = taken.issues,
            comments = taken.comments,
            attachments = taken.attachments,
            written = taken.written,
            "an export of issues was taken in"
        );
        Ok(taken)
    }
}

/// Everybody who is named in an export.
fn people(document: &Document<'_>) -> PeopleMet {
    let mut met = PeopleMet::default();
    let lists = [
        &document.issues,
        &document.comments,
        &document.logs,
        &document.attachments,
    ];
    for object in lists.into_iter().flatten().chain(&document.meta) {
        met.learn(object.get(), ORIGIN);
    }
    met
}

async fn put_issues(
    transaction: &mut Transaction,
    uuid: &RepositoryUuid,
    document: &Document<'_>,
    taken: &mut TakenExport,
) -> Result<(), IssueExportError> {
    for part in document.issues.chunks(AT_A_TIME) {
        let entries = read(part, "issue", &["id"]);
        let records = entries.items.iter().filter_map(|entry| {
            Some(IssueRecord {
                id: IssueId(entry.number("id")?),
                title: entry.text("title"),
                state: entry.text("status"),
                kind: entry.text("kind"),
                priority: entry.text("priority"),
                reporter: entry.person("reporter"),
                created_on: entry.text("created_on"),
                updated_on: entry.text("updated_on"),
                source: entry.source,
            })
        });
        let records: Vec<_> = records.collect();
        taken.written += transaction.put_issues(uuid, ORIGIN, &records).await?;
        taken.unreadable.extend(entries.unreadable);
    }
    Ok(())
}

async fn put_comments(
    transaction: &mut Transaction,
    uuid: &RepositoryUuid,
    document: &Document<'_>,
    taken: &mut TakenExport,
) -> Result<(), IssueExportError> {
    for part in document.comments.chunks(AT_A_TIME) {
        let entries = read(part, "comment", &["id", "issue"]);
        let records = entries.items.iter().filter_map(|entry| {
            Some(IssueCommentRecord {
                id: CommentId(entry.number("id")?),
                issue: IssueId(entry.number("issue")?),
                author: entry.person("user"),
                created_on: entry.text("created_on"),
                updated_on: entry.text("updated_on"),
                source: entry.source,
            })
        });
        let records: Vec<_> = records.collect();
        taken.written += transaction
            .put_issue_comments(uuid, ORIGIN, &records)
            .await?;
        taken.unreadable.extend(entries.unreadable);
    }
    Ok(())
}

/// All at once, and in an order of their own: lists of an export are in none.
async fn put_changes(
    transaction: &mut Transaction,
    uuid: &RepositoryUuid,
    document: &Document<'_>,
    taken: &mut TakenExport,
) -> Result<(), IssueExportError> {
    let mut entries = read(&document.logs, "change", &["comment", "issue"]);
    entries.items.sort_by(|one, other| {
        fn order<'a>(entry: &'a Entry<'_>) -> (Option<&'a str>, &'a str) {
            (entry.text("created_on"), entry.source)
        }
        order(one).cmp(&order(other))
    });
    let records = entries.items.iter().filter_map(|entry| {
        Some(ChangeRecord {
            id: IssueChangeId(entry.number("comment")?),
            issue: IssueId(entry.number("issue")?),
            field: entry.text("field").unwrap_or_default(),
            created_on: entry.text("created_on"),
            source: entry.source,
        })
    });
    let records: Vec<_> = records.collect();
    taken.written += transaction
        .put_issue_changes(uuid, ORIGIN, &records)
        .await?;
    taken.unreadable.extend(entries.unreadable);
    Ok(())
}

async fn put_attachments(
    transaction: &mut Transaction,
    uuid: &RepositoryUuid,
    unpacked: &Unpacked,
    document: &Document<'_>,
    taken: &mut TakenExport,
) -> Result<(), IssueExportError> {
    for blob in unpacked.blobs.values() {
        transaction.put_blob(blob).await?;
    }
    let entries = document.attachments();
    let mut records = Vec::new();
    for entry in &entries.items {
        let Some(issue) = entry.number("issue") else {
            continue;
        };
        let name = entry.text("filename").unwrap_or_default();
        let path = entry.path().unwrap_or_default();
        let blob = unpacked.blobs.get(path);
        if blob.is_none() {
            let problem = unpacked.problems.get(path).cloned();
            taken.missing.push(MissingFile {
                issue,
                name: name.to_owned(),
                problem: problem.unwrap_or_else(|| "the export names no file".to_owned()),
            });
        }
        records.push(AttachmentRecord {
            issue: IssueId(issue),
            name,
            blob: blob.map(|blob| blob.sha256.as_str()),
            source: entry.source,
        });
    }
    taken.written += transaction
        .put_issue_attachments(uuid, ORIGIN, &records)
        .await?;
    taken.unreadable.extend(entries.unreadable);
    Ok(())
}

async fn put_fields(
    transaction: &mut Transaction,
    uuid: &RepositoryUuid,
    document: &Document<'_>,
    taken: &mut TakenExport,
) -> Result<(), IssueExportError> {
    let lists = [
        ("component", &document.components),
        ("milestone", &document.milestones),
        ("version", &document.versions),
    ];
    for (kind, list) in lists {
        let entries = read(list, kind, &[]);
        let records = entries.items.iter().map(|entry| FieldRecord {
            kind,
            name: entry.text("name").unwrap_or_default(),
            source: entry.source,
        });
        let records: Vec<_> = records.collect();
        taken.written += transaction.put_issue_fields(uuid, ORIGIN, &records).await?;
        taken.unreadable.extend(entries.unreadable);
    }
    if let Some(meta) = document.meta {
        let record = FieldRecord {
            kind: "meta",
            name: "",
            source: meta.get(),
        };
        taken.written += transaction
            .put_issue_fields(uuid, ORIGIN, &[record])
            .await?;
    }
    Ok(())
}
