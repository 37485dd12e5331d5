//! Every pull request in all four states, with reviewers and participants.

use std::pin::pin;

use bucketload_archive::{CoveredList, ListBegin, PullRequestRecord};
use bucketload_bitbucket::{
    Endpoint, Item, Page, PageUrl, PullRequest, PullRequestFilter, RequestErrorKind,
};
use bucketload_model::{Checkpoint, RepositoryUuid, Stage, StageState};
use chrono::{DateTime, Duration, Utc};
use futures::StreamExt as _;

use super::{Counts, OVERLAP, StageContext, account_uuid, note_people};
use crate::failure::{StageError, gap, gap_reason};
use crate::{Importer, estimate};

/// A list that was read whole is read whole again after so long: not every change
/// of an object needs to move its `updated_on` (a person's new name does not).
const WHOLE_LIST_EVERY: Duration = Duration::days(7);

/// What changed while a shorter import was at work is found by the next one.
pub(super) const SWEEP_AFTER: Duration = Duration::minutes(1);

pub(super) async fn run(context: &StageContext) -> Result<(), StageError> {
    let archive = &context.importer.archive;
    let progress = archive
        .stage_progress(context.import, Stage::PullRequests)
        .await?;
    let client = &context.importer.client;
    let (endpoint, first) = client.pull_requests(&context.name);
    match progress.and_then(|progress| progress.checkpoint) {
        Some(Checkpoint::EndOfList) => {
            // What an earlier attempt stored is not known any more.
            note_changes(context, true);
            return Ok(());
        }
        Some(Checkpoint::NextPage(url)) => {
            note_changes(context, true);
            let url = super::page_url(context, endpoint, &url)?;
            let begin = archive
                .list_begin(context.import, Stage::PullRequests)
                .await?;
            let since = begin.and_then(|begin| begin.since);
            return read(context, endpoint, url, since, Start::Midway).await;
        }
        None => {}
    }
    let repository = &context.repository()?.uuid;
    if let Some(covered) = covered(&context.importer, repository, Stage::PullRequests).await?
        && read_changes(context, covered.until, Start::First).await?
    {
        return Ok(());
    }
    read(context, endpoint, first, None, Start::First).await
}

fn note_changes(context: &StageContext, may_have_changes: bool) {
    context
        .listing
        .send_modify(|listing| listing.may_have_changes |= may_have_changes);
}

/// Up to when a list is whole in the archive, if that is recent enough.
pub(crate) async fn covered(
    importer: &Importer,
    repository: &RepositoryUuid,
    stage: Stage,
) -> Result<Option<CoveredList>, StageError> {
    if importer.whole_lists {
        return Ok(None);
    }
    let covered = importer.archive.covered_list(repository, stage).await?;
    let now = importer.clock.now();
    Ok(covered.filter(|covered| now - covered.listed_at < WHOLE_LIST_EVERY))
}

/// Reads what changed since then. `false` where Bitbucket does not understand
/// the question; then the whole list has to do.
async fn read_changes(
    context: &StageContext,
    since: DateTime<Utc>,
    start: Start,
) -> Result<bool, StageError> {
    let client = &context.importer.client;
    let filter = PullRequestFilter {
        updated_since: Some(since),
        ..PullRequestFilter::default()
    };
    let (endpoint, first) = client.pull_requests_matching(&context.name, &filter);
    match read(context, endpoint, first, Some(since), start).await {
        Ok(()) => Ok(true),
        Err(StageError::Request(error))
            if matches!(error.kind, RequestErrorKind::Status { status: 400, .. }) =>
        {
            tracing::info!(
                repository = %context.name,
                "pull requests cannot be asked for by time; the whole list is read"
            );
            Ok(false)
        }
        Err(error) => Err(error),
    }
}

/// Where in a list reading starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Start {
    /// At its first page, which tells how long it is.
    First,
    /// Anywhere, or once more.
    Midway,
}

/// Reads a list of pull requests from a page to its end. `since` is given where
/// it has only what changed since then.
async fn read(
    context: &StageContext,
    endpoint: Endpoint,
    first: PageUrl,
    since: Option<DateTime<Utc>>,
    mut start: Start,
) -> Result<(), StageError> {
    let client = &context.importer.client;
    let mut counts = context.count(Stage::PullRequests).await?;
    if since.is_some() && counts.expected.is_none() {
        let archive = &context.importer.archive;
        let repository = &context.repository()?.uuid;
        let covered = archive
            .covered_list(repository, Stage::PullRequests)
            .await?;
        counts.expected = covered.and_then(|covered| covered.expected);
    }
    let mut pages = pin!(client.pages::<PullRequest>(endpoint, first));
    while let Some(page) = pages.next().await {
        let page = match page {
            Ok(page) => page,
            Err(error) => {
                let Some(reason) = gap_reason(Stage::PullRequests, error.class()) else {
                    return Err(error.into());
                };
                let object = super::stage_object(Stage::PullRequests).to_owned();
                let gap = gap(Stage::PullRequests, object, reason, &error);
                return context
                    .record_gap(gap, endpoint.name(), error.requests)
                    .await;
            }
        };
        // Its probe's requests are noted with the page, so that both are paid once.
        let estimated = match start {
            Start::First => estimate::by_first_page(context, &page).await?,
            Start::Midway => estimate::ByFirstPage::default(),
        };
        start = Start::Midway;
        store(context, &page, since, &estimated, &mut counts).await?;
        context.advanced(Stage::PullRequests, counts.stored, counts.expected);
        context.listing.send_modify(|listing| listing.pages += 1);
    }
    Ok(())
}

/// Reads once more what changed while the import was at work, where that took
/// long enough to matter. Returns whether it did.
pub(super) async fn sweep(context: &StageContext) -> Result<bool, StageError> {
    let archive = &context.importer.archive;
    let Some(report) = archive.report(context.import).await? else {
        return Ok(false);
    };
    let begin = archive
        .list_begin(context.import, Stage::PullRequests)
        .await?;
    let (Some(begin), true) = (
        begin,
        context.importer.clock.now() - report.started_at > SWEEP_AFTER,
    ) else {
        return Ok(false);
    };
    read_changes(context, begin.began_on - OVERLAP, Start::Midway).await
}

/// Notes up to when the list is whole, so that the next import asks for changes
/// alone.
pub(super) async fn note_covered(context: &StageContext) -> Result<(), StageError> {
    let archive = &context.importer.archive;
    let stage = Stage::PullRequests;
    let begin = archive.list_begin(context.import, stage).await?;
    let progress = archive.stage_progress(context.import, stage).await?;
    let is_complete = progress.is_some_and(|progress| progress.state == StageState::Complete);
    let (Some(begin), true) = (begin, is_complete) else {
        return Ok(());
    };
    let repository = &context.repository()?.uuid;
    let before = archive.covered_list(repository, stage).await?;
    let listed_at = match (begin.since, before) {
        (Some(_), Some(before)) => before.listed_at,
        _ => context.importer.clock.now(),
    };
    let covered = CoveredList {
        until: begin.began_on - OVERLAP,
        listed_at,
        expected: context.count(stage).await?.expected,
    };
    let mut transaction = context.begin().await?;
    transaction
        .set_covered_list(repository, stage, covered)
        .await?;
    Ok(transaction.commit().await?)
}

/// Stores a page and counts what came.
async fn store(
    context: &StageContext,
    page: &Page<PullRequest>,
    since: Option<DateTime<Utc>>,
    estimated: &estimate::ByFirstPage,
    counts: &mut Counts,
) -> Result<(), StageError> {
    let endpoint = Endpoint::PullRequests.name();
    let repository = &context.repository()?.uuid;
    let records: Vec<_> = page.items.iter().map(record).collect();
    let begin = ListBegin {
        began_on: page
            .served_at
            .unwrap_or_else(|| context.importer.clock.now()),
        since,
    };
    let mut transaction = context.begin().await?;
    transaction
        .set_list_begin(context.import, Stage::PullRequests, begin)
        .await?;
    let stored = transaction.put_pull_requests(repository, &records).await?;
    if stored.inserted + stored.updated > 0 {
        let accounts = page.items.iter().flat_map(|item| item.value.accounts());
        note_people(context, &mut transaction, page, accounts).await?;
    }
    for (stage, estimate) in &estimated.stages {
        transaction
            .set_estimate(context.import, *stage, *estimate)
            .await?;
    }
    // Asked for in the transaction: whoever decides after this waits for its end.
    let decided = context.listing.borrow().comments_in_lists;
    if decided {
        transaction
            .expect_most(context.import, Stage::PullRequestComments)
            .await?;
    }
    transaction
        .add_requests(context.import, endpoint, estimated.requests)
        .await?;
    let gaps = super::unreadable(context, Stage::PullRequests, page, "pull requests");
    note_changes(
        context,
        stored.inserted + stored.updated > 0 || !gaps.is_empty(),
    );
    counts.stored += stored.inserted;
    counts.expected = match since {
        None => page.size,
        // The whole list was counted before; what is new in it comes on top.
        Some(_) => counts
            .expected
            .map(|expected| expected + stored.inserted + gaps.len() as u64),
    };
    super::end_page(
        context,
        transaction,
        Stage::PullRequests,
        endpoint,
        page,
        counts.expected,
        gaps,
    )
    .await
}

/// What of a pull request the archive's columns repeat.
pub(crate) fn record(item: &Item<PullRequest>) -> PullRequestRecord<'_> {
    let pull_request = &item.value;
    PullRequestRecord {
        id: pull_request.id,
        title: pull_request.title.as_deref(),
        state: pull_request.state.as_deref(),
        author: account_uuid(pull_request.author.as_ref()),
        source_branch: pull_request.source_branch(),
        destination_branch: pull_request.destination_branch(),
        comment_count: pull_request.comment_count,
        task_count: pull_request.task_count,
        created_on: pull_request.created_on.as_deref(),
        updated_on: pull_request.updated_on.as_deref(),
        source: item.source.get(),
    }
}
