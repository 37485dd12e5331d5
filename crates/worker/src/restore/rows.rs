//! The objects of an export, by the same code that reads them from Bitbucket.

use std::collections::BTreeMap;

use bucketload_archive::{
    ExportFolder, ExportedLine, LinkedImage, ObjectKey, ObjectRecord, RepositoryRecord, Transaction,
};
use bucketload_bitbucket::{
    Account, Activity, Comment, Download, Item, Loose, PullRequest, Repository,
};
use bucketload_model::{ImportId, PullRequestId, Stage};
use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use url::Url;

use super::{RestoreError, RestoredDiff, issues, objects};
use crate::stages::{account_records, activity_record, comment_record, pull_request_record};

/// Objects that are read and written at a time.
const AT_A_TIME: usize = 500;

/// What the export of a repository says of its default branch.
pub(super) fn main_branch(export: &ExportFolder) -> Result<Option<String>, RestoreError> {
    let file = "repository.json";
    let Some(line) = export.lines(file)?.next().transpose()? else {
        return Ok(None);
    };
    let repository = repository(&line);
    Ok(repository.and_then(|it| Some(it.mainbranch?.name)))
}

/// The repository, where Bitbucket sent it: one that was made for an export of issues is
/// known by its name alone.
fn repository(line: &ExportedLine) -> Option<Repository> {
    serde_json::from_str(line.source.get()).ok()
}

/// Stores all objects. Returns how many each stage has.
pub(super) async fn put(
    transaction: &mut Transaction,
    export: &ExportFolder,
    diffs: &[RestoredDiff],
    import: ImportId,
    now: DateTime<Utc>,
) -> Result<BTreeMap<Stage, u64>, RestoreError> {
    let mut counts = BTreeMap::new();
    put_repository(transaction, export).await?;
    counts.insert("repository", 1);
    let people = put_users(transaction, export, import).await?;
    counts.insert("users", people);
    let pull_requests = put_pull_requests(transaction, export).await?;
    counts.insert("pull_requests", pull_requests);
    let comments = put_comments(transaction, export).await?;
    counts.insert("pull_request_comments", comments);
    let activity = put_activity(transaction, export).await?;
    counts.insert("pull_request_activity", activity);
    objects::put(transaction, export, diffs, &mut counts).await?;
    issues::put(transaction, export, &mut counts).await?;
    let downloads = put_downloads(transaction, export).await?;
    counts.insert("downloads", downloads);
    let images = put_images(transaction, export, now).await?;
    counts.insert("images", images);
    // What is not there says nothing about what should be.
    let counts = counts.into_iter().filter(|(_, count)| *count > 0);
    Ok(counts
        .filter_map(|(stage, count)| Some((stage.parse().ok()?, count)))
        .collect())
}

/// Parts of a file, each at most so many lines long.
pub(super) fn parts(
    export: &ExportFolder,
    file: &str,
) -> Result<impl Iterator<Item = Result<Vec<ExportedLine>, RestoreError>>, RestoreError> {
    let mut lines = export.lines(file)?;
    Ok(std::iter::from_fn(move || {
        let part: Result<Vec<_>, _> = lines.by_ref().take(AT_A_TIME).collect();
        match part {
            Ok(part) if part.is_empty() => None,
            part => Some(part.map_err(Into::into)),
        }
    }))
}

pub(super) fn parse<T: DeserializeOwned>(
    file: &'static str,
    line: &ExportedLine,
) -> Result<T, RestoreError> {
    serde_json::from_str(line.source.get()).map_err(|source| RestoreError::Object {
        file,
        key: line.key.to_string(),
        source,
    })
}

/// The objects on lines, with what was sent.
fn items<T: DeserializeOwned>(
    file: &'static str,
    part: &[ExportedLine],
) -> Result<Vec<Item<T>>, RestoreError> {
    let items = part.iter().map(|line| {
        Ok(Item {
            value: parse(file, line)?,
            source: line.source.clone(),
        })
    });
    items.collect()
}

fn broken_key(file: &'static str, line: &ExportedLine) -> RestoreError {
    RestoreError::Key {
        file,
        key: line.key.to_string(),
    }
}

pub(super) fn number(
    file: &'static str,
    line: &ExportedLine,
    part: &str,
) -> Result<i64, RestoreError> {
    let number = line.key.get(part).and_then(serde_json::Value::as_i64);
    number.ok_or_else(|| broken_key(file, line))
}

pub(super) fn text<'a>(
    file: &'static str,
    line: &'a ExportedLine,
    part: &str,
) -> Result<&'a str, RestoreError> {
    let text = line.key.get(part).and_then(serde_json::Value::as_str);
    text.ok_or_else(|| broken_key(file, line))
}

async fn put_repository(
    transaction: &mut Transaction,
    export: &ExportFolder,
) -> Result<(), RestoreError> {
    let file = "repository.json";
    for line in export.lines(file)? {
        let line = line?;
        let repository = repository(&line);
        let repository = repository.as_ref();
        let main_branch = repository.and_then(|it| it.mainbranch.as_ref());
        let record = RepositoryRecord {
            uuid: export.uuid(),
            name: export.name(),
            display_name: repository.and_then(|it| it.name.as_deref()),
            scm: repository.and_then(|it| it.scm.as_deref()),
            is_private: repository.and_then(|it| it.is_private),
            main_branch: main_branch.map(|branch| branch.name.as_str()),
            size_bytes: repository.and_then(|it| it.size),
            updated_on: repository.and_then(|it| it.updated_on.as_deref()),
            source: line.source.get(),
        };
        transaction.put_repository(&record).await?;
    }
    Ok(())
}

async fn put_users(
    transaction: &mut Transaction,
    export: &ExportFolder,
    import: ImportId,
) -> Result<u64, RestoreError> {
    let file = "users.jsonl";
    let mut count = 0;
    for part in parts(export, file)? {
        let part = part?;
        let accounts: Vec<Loose<Account>> = part
            .iter()
            .map(|line| parse(file, line))
            .collect::<Result<_, _>>()?;
        count += accounts.len() as u64;
        transaction
            .put_accounts(export.uuid(), import, account_records(accounts.iter()))
            .await?;
    }
    Ok(count)
}

async fn put_pull_requests(
    transaction: &mut Transaction,
    export: &ExportFolder,
) -> Result<u64, RestoreError> {
    let file = "pull_requests.jsonl";
    let mut count = 0;
    for part in parts(export, file)? {
        let items = items::<PullRequest>(file, &part?)?;
        let records: Vec<_> = items.iter().map(pull_request_record).collect();
        count += records.len() as u64;
        transaction
            .put_pull_requests(export.uuid(), &records)
            .await?;
    }
    Ok(count)
}

async fn put_comments(
    transaction: &mut Transaction,
    export: &ExportFolder,
) -> Result<u64, RestoreError> {
    let file = "pull_request_comments.jsonl";
    let mut count = 0;
    for part in parts(export, file)? {
        let part = part?;
        let items = items::<Comment>(file, &part)?;
        let mut by_parent: BTreeMap<PullRequestId, Vec<_>> = BTreeMap::new();
        for (line, item) in part.iter().zip(&items) {
            let parent = PullRequestId(number(file, line, "pull_request")?);
            let record = comment_record(&item.value, item.source.get());
            by_parent.entry(parent).or_default().push(record);
        }
        for (parent, records) in by_parent {
            count += records.len() as u64;
            transaction
                .put_comments(export.uuid(), parent, &records)
                .await?;
        }
    }
    Ok(count)
}

async fn put_activity(
    transaction: &mut Transaction,
    export: &ExportFolder,
) -> Result<u64, RestoreError> {
    let file = "pull_request_activity.jsonl";
    let mut count = 0;
    for part in parts(export, file)? {
        let part = part?;
        let items = items::<Activity>(file, &part)?;
        let mut records = Vec::new();
        for (line, item) in part.iter().zip(&items) {
            let mut record = activity_record(item, text(file, line, "activity")?);
            record.pull_request = PullRequestId(number(file, line, "pull_request")?);
            records.push(record);
        }
        count += records.len() as u64;
        transaction.put_activity(export.uuid(), &records).await?;
    }
    Ok(count)
}

async fn put_downloads(
    transaction: &mut Transaction,
    export: &ExportFolder,
) -> Result<u64, RestoreError> {
    let (file, stage) = ("downloads.jsonl", Stage::Downloads);
    let mut count = 0;
    for part in parts(export, file)? {
        let part = part?;
        let items = items::<Download>(file, &part)?;
        let mut records = Vec::new();
        for (line, item) in part.iter().zip(&items) {
            records.push(ObjectRecord {
                key: ObjectKey {
                    parent: 0,
                    id: 0,
                    key: text(file, line, "download")?,
                },
                created_on: item.value.created_on.as_deref(),
                updated_on: None,
                source: item.source.get(),
            });
        }
        count += records.len() as u64;
        let uuid = export.uuid();
        transaction.put_objects(uuid, stage, &records).await?;
        for (line, record) in part.iter().zip(&records) {
            transaction
                .set_object_blob(uuid, stage, record.key, line.blob.as_deref())
                .await?;
        }
    }
    Ok(count)
}

/// Stores the images, and counts those that are there.
async fn put_images(
    transaction: &mut Transaction,
    export: &ExportFolder,
    now: DateTime<Utc>,
) -> Result<u64, RestoreError> {
    #[derive(Deserialize)]
    struct Addressed {
        url: Url,
    }
    let file = "images.jsonl";
    let mut count = 0;
    for line in export.lines(file)? {
        let line = line?;
        let Addressed { url } = parse(file, &line)?;
        let image = LinkedImage {
            host: url.host_str().unwrap_or_default().to_owned(),
            url: url.into(),
        };
        let (source, blob) = (line.source.get(), line.blob.as_deref());
        transaction
            .restore_image(export.uuid(), &image, source, blob, now)
            .await?;
        count += u64::from(blob.is_some());
    }
    Ok(count)
}
