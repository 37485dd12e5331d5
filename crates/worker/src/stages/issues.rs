//! Every issue, where the tracker still answers, and what issues refer to: components,
//! milestones and versions.
//!
//! How many people voted for an issue or watch it stands in the issue. Who they are is told
//! nowhere: Bitbucket answers that to each person about themself.

use std::pin::pin;

use bucketload_archive::{CoveredList, FieldRecord, IssueOrigin, IssueRecord, ListBegin};
use bucketload_bitbucket::{
    Account, Endpoint, Issue, IssueField, Loose, Page, PageUrl, RequestError, RequestErrorKind,
};
use bucketload_model::{
    Checkpoint, ErrorClass, Gap, GapReason, RequestEstimate, Stage, StageState,
};
use chrono::{DateTime, Utc};
use futures::StreamExt as _;

use super::pull_requests::SWEEP_AFTER;
use super::{Counts, OVERLAP, StageContext, covered, issue_tracker, note_people};
use crate::estimate;
use crate::failure::{StageError, describe, gap, gap_reason, object_gap_reason};

const STAGE: Stage = Stage::Issues;

/// Components, milestones and versions are a list each.
pub(crate) const FIELD_LISTS: u64 = 3;

pub(super) async fn run(context: &StageContext) -> Result<(), StageError> {
    let archive = &context.importer.archive;
    let progress = archive.stage_progress(context.import, STAGE).await?;
    let client = &context.importer.client;
    let (endpoint, first) = client.issues(&context.name);
    match progress.and_then(|progress| progress.checkpoint) {
        Some(Checkpoint::EndOfList) => {
            note_they_come(context);
            return Ok(());
        }
        Some(Checkpoint::NextPage(url)) => {
            note_they_come(context);
            let url = super::page_url(context, endpoint, &url)?;
            let begin = archive.list_begin(context.import, STAGE).await?;
            let since = begin.and_then(|begin| begin.since);
            return read(context, endpoint, url, since).await;
        }
        None => {}
    }
    if !issue_tracker::is_worth_asking(context).await? {
        return note_missing_of_exports(context).await;
    }
    let repository = &context.repository()?.uuid;
    if let Some(covered) = covered(&context.importer, repository, STAGE).await?
        && read_changes(context, covered.until).await?
    {
        return Ok(());
    }
    read(context, endpoint, first, None).await
}

/// Tells those at the heels of the list that it is there.
fn note_they_come(context: &StageContext) {
    context
        .listing
        .send_modify(|listing| listing.issues_come = true);
}

/// Reads a list of issues from a page to its end. `since` is given where it has only what
/// changed since then.
async fn read(
    context: &StageContext,
    endpoint: Endpoint,
    first: PageUrl,
    since: Option<DateTime<Utc>>,
) -> Result<(), StageError> {
    let archive = &context.importer.archive;
    let mut counts = context.count(STAGE).await?;
    if since.is_some() && counts.expected.is_none() {
        let repository = &context.repository()?.uuid;
        let covered = archive.covered_list(repository, STAGE).await?;
        counts.expected = covered.and_then(|covered| covered.expected);
    }
    let mut has_news = false;
    let mut pages = pin!(context.importer.client.pages::<Issue>(endpoint, first));
    while let Some(page) = pages.next().await {
        let page = match page {
            Ok(page) => page,
            Err(error) => return refused(context, error).await,
        };
        has_news |= !page.items.is_empty();
        // With the last page, so that they are read again if that is not stored.
        if page.next.is_none() && (has_news || since.is_none()) {
            read_fields(context).await?;
        }
        store(context, &page, since, &mut counts).await?;
        note_they_come(context);
        context.advanced(STAGE, counts.stored, counts.expected);
    }
    Ok(())
}

/// A list that cannot be read is a gap, unless an export has brought all that there was.
async fn refused(context: &StageContext, error: RequestError) -> Result<(), StageError> {
    let Some(reason) = gap_reason(STAGE, error.class()) else {
        return Err(error.into());
    };
    let object = super::stage_object(STAGE).to_owned();
    let mut gap = gap(STAGE, object, reason, &error);
    let endpoint = error.endpoint.name();
    if error.class() == ErrorClass::Gone {
        let mut transaction = context.begin().await?;
        transaction
            .set_estimate(context.import, STAGE, RequestEstimate::exactly(1))
            .await?;
        transaction.commit().await?;
        match issue_tracker::missing_of_exports(context).await? {
            Some(0) => return no_gap(context, endpoint, error.requests).await,
            Some(missing) => {
                let detail = gap.detail;
                gap.detail = format!(
                    "{detail}; {missing} objects of the export that was taken in are missing"
                );
            }
            None => {
                let (detail, name) = (gap.detail, &context.name);
                gap.detail = format!(
                    "{detail}; an export from before August 2026 can be taken in with \
                     “bucketload import {name} --issues-export FILE”"
                );
            }
        }
    }
    context.record_gap(gap, endpoint, error.requests).await
}

/// Nothing is missing, though an earlier attempt may have thought so.
async fn no_gap(context: &StageContext, endpoint: &str, requests: u64) -> Result<(), StageError> {
    let mut transaction = context.begin().await?;
    transaction
        .clear_gap(context.import, STAGE, super::stage_object(STAGE))
        .await?;
    transaction
        .add_requests(context.import, endpoint, requests)
        .await?;
    Ok(transaction.commit().await?)
}

/// Where nobody is asked, what an export promised and did not bring is still missing.
async fn note_missing_of_exports(context: &StageContext) -> Result<(), StageError> {
    match issue_tracker::missing_of_exports(context).await? {
        None => Ok(()),
        Some(0) => no_gap(context, Endpoint::Issues.name(), 0).await,
        Some(missing) => {
            let gap = Gap {
                stage: STAGE,
                object: super::stage_object(STAGE).to_owned(),
                reason: GapReason::Unreadable,
                detail: format!("{missing} objects of the export that was taken in are missing"),
                url: None,
            };
            context.record_gap(gap, "", 0).await
        }
    }
}

/// Stores a page and counts what came.
async fn store(
    context: &StageContext,
    page: &Page<Issue>,
    since: Option<DateTime<Utc>>,
    counts: &mut Counts,
) -> Result<(), StageError> {
    let repository = &context.repository()?.uuid;
    let records: Vec<_> = page
        .items
        .iter()
        .map(|item| record(&item.value, item.source.get()))
        .collect();
    let begin = ListBegin {
        began_on: page
            .served_at
            .unwrap_or_else(|| context.importer.clock.now()),
        since,
    };
    let mut transaction = context.begin().await?;
    transaction
        .set_list_begin(context.import, STAGE, begin)
        .await?;
    let stored = transaction.put_listed_issues(repository, &records).await?;
    if stored.inserted + stored.updated > 0 {
        let accounts = page.items.iter().flat_map(|item| item.value.accounts());
        note_people(context, &mut transaction, page, accounts).await?;
    }
    for (stage, estimate) in estimates(page) {
        if context.before.get(&stage) != Some(&StageState::Skipped) {
            transaction
                .set_estimate(context.import, stage, estimate)
                .await?;
        }
    }
    let gaps = super::unreadable(context, STAGE, page, "issues");
    counts.stored += stored.inserted;
    counts.expected = match since {
        None => page.size,
        // The whole list was counted before; what is new in it comes on top.
        Some(_) => counts
            .expected
            .map(|expected| expected + stored.inserted + gaps.len() as u64),
    };
    let endpoint = Endpoint::Issues.name();
    let expected = counts.expected;
    super::end_page(context, transaction, STAGE, endpoint, page, expected, gaps).await
}

fn record<'a>(issue: &'a Issue, source: &'a str) -> IssueRecord<'a> {
    IssueRecord {
        id: issue.id,
        title: issue.title.as_deref(),
        state: issue.state.as_deref(),
        kind: issue.kind.as_deref(),
        priority: issue.priority.as_deref(),
        reporter: display_name(issue.reporter.as_ref()),
        created_on: issue.created_on.as_deref(),
        updated_on: issue.updated_on.as_deref(),
        source,
    }
}

/// The name shown of a person.
pub(super) fn display_name(account: Option<&Loose<Account>>) -> Option<&str> {
    account?.value.as_ref()?.display_name.as_deref()
}

/// What a list of so many issues takes, and what is in them.
fn estimates(page: &Page<Issue>) -> Vec<(Stage, RequestEstimate)> {
    let Some(size) = page.size else {
        return Vec::new();
    };
    [
        STAGE,
        Stage::IssueComments,
        Stage::IssueChanges,
        Stage::IssueAttachments,
    ]
    .map(|stage| (stage, estimate::issues(stage, size)))
    .into()
}

/// Reads components, milestones and versions.
async fn read_fields(context: &StageContext) -> Result<(), StageError> {
    let client = &context.importer.client;
    for (kind, (endpoint, first)) in [
        ("component", client.components(&context.name)),
        ("milestone", client.milestones(&context.name)),
        ("version", client.versions(&context.name)),
    ] {
        let mut pages = pin!(client.pages::<IssueField>(endpoint, first));
        while let Some(page) = pages.next().await {
            match page {
                Ok(page) => store_fields(context, kind, endpoint, &page).await?,
                Err(error) => {
                    no_fields(context, kind, &error).await?;
                    // Also if it was for now only, such as the end of all requests.
                    if object_gap_reason(STAGE, error.class()).is_none() {
                        return Err(error.into());
                    }
                    break;
                }
            }
        }
    }
    Ok(())
}

async fn no_fields(
    context: &StageContext,
    kind: &str,
    error: &RequestError,
) -> Result<(), StageError> {
    let endpoint = error.endpoint.name();
    match object_gap_reason(STAGE, error.class()) {
        None => Ok(()),
        // A tracker without any: issues name those they have themselves.
        Some(GapReason::NotFound) => {
            tracing::debug!(repository = %context.name, kind, "there is no such list");
            let mut transaction = context.begin().await?;
            transaction
                .add_requests(context.import, endpoint, error.requests)
                .await?;
            Ok(transaction.commit().await?)
        }
        Some(reason) => {
            let gap = Gap {
                stage: STAGE,
                object: fields_object(kind),
                reason,
                detail: describe(&error.kind),
                url: Some(error.url.to_string()),
            };
            context.record_gap(gap, endpoint, error.requests).await
        }
    }
}

fn fields_object(kind: &str) -> String {
    format!("{kind}s of issues")
}

async fn store_fields(
    context: &StageContext,
    kind: &str,
    endpoint: Endpoint,
    page: &Page<IssueField>,
) -> Result<(), StageError> {
    let repository = &context.repository()?.uuid;
    let records: Vec<_> = page
        .items
        .iter()
        .map(|item| FieldRecord {
            kind,
            name: &item.value.name,
            source: item.source.get(),
        })
        .collect();
    let mut transaction = context.begin().await?;
    let origin = IssueOrigin::Bitbucket;
    transaction
        .put_issue_fields(repository, origin, &records)
        .await?;
    let object = fields_object(kind);
    transaction
        .clear_gaps_of(context.import, STAGE, &object)
        .await?;
    let gaps = super::unreadable(context, STAGE, page, &object);
    for gap in &gaps {
        transaction.add_gap(context.import, gap).await?;
    }
    transaction
        .add_requests(context.import, endpoint.name(), page.requests)
        .await?;
    transaction.commit().await?;
    for gap in gaps {
        context.announce_gap(gap);
    }
    Ok(())
}

/// Reads once more what changed while the import was at work, where that took long enough to
/// matter. Returns whether it did.
pub(super) async fn sweep(context: &StageContext) -> Result<bool, StageError> {
    let archive = &context.importer.archive;
    let report = archive.report(context.import).await?;
    let begin = archive.list_begin(context.import, STAGE).await?;
    let (Some(report), Some(begin)) = (report, begin) else {
        return Ok(false);
    };
    if context.importer.clock.now() - report.started_at <= SWEEP_AFTER {
        return Ok(false);
    }
    let since = begin.began_on - OVERLAP;
    read_changes(context, since).await
}

/// Reads what changed since then. `false` where Bitbucket does not understand the question;
/// then the whole list has to do.
async fn read_changes(context: &StageContext, since: DateTime<Utc>) -> Result<bool, StageError> {
    let client = &context.importer.client;
    let (endpoint, first) = client.issues_changed_since(&context.name, since);
    match read(context, endpoint, first, Some(since)).await {
        Ok(()) => Ok(true),
        Err(StageError::Request(error))
            if matches!(error.kind, RequestErrorKind::Status { status: 400, .. }) =>
        {
            tracing::info!(
                repository = %context.name,
                "issues cannot be asked for by time; the whole list is read"
            );
            Ok(false)
        }
        Err(error) => Err(error),
    }
}

/// Notes up to when the list is whole, so that the next import asks for changes alone.
pub(super) async fn note_covered(context: &StageContext) -> Result<(), StageError> {
    let archive = &context.importer.archive;
    let begin = archive.list_begin(context.import, STAGE).await?;
    let progress = archive.stage_progress(context.import, STAGE).await?;
    let is_complete = progress.is_some_and(|progress| progress.state == StageState::Complete);
    let (Some(begin), true) = (begin, is_complete) else {
        return Ok(());
    };
    let repository = &context.repository()?.uuid;
    let before = archive.covered_list(repository, STAGE).await?;
    let listed_at = match (begin.since, before) {
        (Some(_), Some(before)) => before.listed_at,
        _ => context.importer.clock.now(),
    };
    let covered = CoveredList {
        until: begin.began_on - OVERLAP,
        listed_at,
        expected: context.count(STAGE).await?.expected,
    };
    let mut transaction = context.begin().await?;
    transaction
        .set_covered_list(repository, STAGE, covered)
        .await?;
    Ok(transaction.commit().await?)
}
