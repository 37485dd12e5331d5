//! What happened to pull requests: the feed of the whole repository, newest first.

use std::collections::BTreeSet;
use std::pin::pin;

use bucketload_archive::{ActivityRecord, CommentShape, CoveredList, ListBegin};
use bucketload_bitbucket::{Activity, InlineAnchor, Item, Page, PageUrl};
use bucketload_model::{Checkpoint, CommentId, Stage, StageState};
use chrono::{DateTime, Duration, Utc};
use futures::StreamExt as _;
use sha2::{Digest as _, Sha256};

use super::{Counts, OVERLAP, StageContext, note_people};
use crate::failure::{StageError, gap, gap_reason};

const STAGE: Stage = Stage::PullRequestActivity;

/// Where no pull request has changed, the feed is still looked at so often: that
/// everything in it moves a pull request's `updated_on` is not documented.
const ALSO_UNCHANGED_EVERY: Duration = Duration::days(1);

/// So many old and known entries at the end of a page tell that nothing new comes after
/// it. One says little: entries need not be in strict order. In the recorded activity a
/// comment stands up to a week from its place, but only a few entries.
const KNOWN_AT_THE_END: usize = 20;

pub(super) async fn run(context: &StageContext) -> Result<(), StageError> {
    let archive = &context.importer.archive;
    let progress = archive.stage_progress(context.import, STAGE).await?;
    let since = since(context).await?;
    let (endpoint, first) = context.importer.client.activity(&context.name);
    let first = match progress.and_then(|progress| progress.checkpoint) {
        Some(Checkpoint::EndOfList) => return Ok(()),
        Some(Checkpoint::NextPage(url)) => super::page_url(context, endpoint, &url)?,
        // Whether it is worth a request shows when the list of changes is there.
        None if since.is_some() && !is_worth_it(context).await? => return Ok(()),
        None => first,
    };
    read(context, first, since).await
}

/// Since when the feed is read; absent where it is read whole.
pub(crate) async fn since(context: &StageContext) -> Result<Option<DateTime<Utc>>, StageError> {
    let archive = &context.importer.archive;
    if let Some(begin) = archive.list_begin(context.import, STAGE).await? {
        return Ok(begin.since);
    }
    if context.importer.whole_lists {
        return Ok(None);
    }
    let repository = &context.repository()?.uuid;
    let covered = archive.covered_list(repository, STAGE).await?;
    Ok(covered.map(|covered| covered.until))
}

/// Waits for the list of changed pull requests, and tells whether the feed can have
/// anything new. Waiting also means that nobody reads a discussion twice, once for the
/// feed and once for the list.
async fn is_worth_it(context: &StageContext) -> Result<bool, StageError> {
    let mut listing = context.listing.subscribe();
    let listing = listing
        .wait_for(|listing| listing.ended.contains(Stage::PullRequests))
        .await;
    // The sender lives in the context.
    if listing.map_err(|_| StageError::Lost)?.may_have_changes {
        return Ok(true);
    }
    let repository = &context.repository()?.uuid;
    let archive = &context.importer.archive;
    let covered = archive.covered_list(repository, STAGE).await?;
    let now = context.importer.clock.now();
    Ok(covered.is_none_or(|covered| now - covered.listed_at >= ALSO_UNCHANGED_EVERY))
}

/// After an interruption, those who wait for comments in the feed learn of those that
/// are stored.
async fn known_shapes(context: &StageContext) -> Result<BTreeSet<CommentShape>, StageError> {
    let repository = &context.repository()?.uuid;
    let archive = &context.importer.archive;
    let newest = archive.newest_comments_in_activity(repository).await?;
    Ok(newest.into_iter().map(|comment| comment.shape).collect())
}

fn show_shapes(context: &StageContext, shapes: &BTreeSet<CommentShape>) {
    context
        .listing
        .send_modify(|listing| listing.shapes = shapes.len());
}

/// Reads the feed from a page to its end, or to a page with nothing new.
async fn read(
    context: &StageContext,
    first: PageUrl,
    since: Option<DateTime<Utc>>,
) -> Result<(), StageError> {
    let client = &context.importer.client;
    let (endpoint, _) = client.activity(&context.name);
    let mut counts = context.count(STAGE).await?;
    let mut shapes = known_shapes(context).await?;
    show_shapes(context, &shapes);
    let mut pages = pin!(client.pages::<Activity>(endpoint, first));
    while let Some(page) = pages.next().await {
        let page = match page {
            Ok(page) => page,
            Err(error) => {
                let Some(reason) = gap_reason(STAGE, error.class()) else {
                    return Err(error.into());
                };
                let object = super::stage_object(STAGE).to_owned();
                let gap = gap(STAGE, object, reason, &error);
                return context
                    .record_gap(gap, endpoint.name(), error.requests)
                    .await;
            }
        };
        shapes.extend(page.items.iter().filter_map(shape));
        let is_last = store(context, endpoint.name(), page, since, &mut counts).await?;
        show_shapes(context, &shapes);
        context.advanced(STAGE, counts.stored, counts.expected);
        if is_last {
            break;
        }
    }
    Ok(())
}

/// Stores a page. Returns whether nothing new can come after it.
async fn store(
    context: &StageContext,
    endpoint: &str,
    mut page: Page<Activity>,
    since: Option<DateTime<Utc>>,
    counts: &mut Counts,
) -> Result<bool, StageError> {
    let repository = &context.repository()?.uuid;
    let keys: Vec<String> = page.items.iter().map(key).collect();
    let records: Vec<_> = page
        .items
        .iter()
        .zip(&keys)
        .map(|(item, key)| record(item, key))
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
    let stored = transaction.put_activity(repository, &records).await?;
    let is_news = !stored.written.is_empty();
    if is_news {
        let accounts = page.items.iter().flat_map(|item| item.value.accounts());
        note_people(context, &mut transaction, &page, accounts).await?;
    }
    let wants_comments =
        context.before.get(&Stage::PullRequestComments) != Some(&StageState::Skipped);
    if since.is_some() && is_news && wants_comments {
        let comments: Vec<CommentId> = records.iter().filter_map(|one| one.comment).collect();
        transaction
            .add_pending_discussions(repository, &comments)
            .await?;
    }
    let is_known_and_old = |(item, key): (&Item<Activity>, &String)| {
        let date = item.value.date().and_then(|date| date.parse().ok());
        let is_old = date
            .zip(since)
            .is_some_and(|(date, since): (DateTime<Utc>, _)| date < since);
        is_old
            && !stored
                .written
                .contains(&(item.value.pull_request(), key.clone()))
    };
    let entries = page.items.iter().zip(&keys).rev();
    let known = entries.map(is_known_and_old).take_while(|known| *known);
    let is_last = known.count() >= KNOWN_AT_THE_END;
    if is_last {
        page.next = None;
    }
    let gaps = super::unreadable(context, STAGE, &page, "activity");
    counts.stored += stored.inserted;
    counts.expected = page.size.or(counts.expected);
    super::end_page(
        context,
        transaction,
        STAGE,
        endpoint,
        &page,
        counts.expected,
        gaps,
    )
    .await?;
    Ok(is_last)
}

/// What nothing but its text tells apart is told apart by that.
fn key(item: &Item<Activity>) -> String {
    item.value.key().unwrap_or_else(|| {
        let hash = Sha256::digest(item.source.get().as_bytes());
        let hash = hash
            .iter()
            .take(16)
            .fold(0, |number: u128, byte| number << 8 | u128::from(*byte));
        format!("{}:{hash:032x}", item.value.kind().name())
    })
}

fn shape(item: &Item<Activity>) -> Option<CommentShape> {
    let comment = item.value.comment()?;
    Some(CommentShape {
        is_inline: item.value.inline_anchor() != InlineAnchor::None,
        is_reply: comment.parent.is_some(),
    })
}

/// What of an entry the archive's columns repeat.
pub(crate) fn record<'a>(item: &'a Item<Activity>, key: &'a str) -> ActivityRecord<'a> {
    let entry = &item.value;
    ActivityRecord {
        pull_request: entry.pull_request(),
        key,
        kind: entry.kind().name(),
        comment: entry.comment().map(|comment| comment.id),
        parent: entry
            .comment()
            .and_then(|comment| Some(comment.parent.as_ref()?.id)),
        is_inline: entry.inline_anchor() != InlineAnchor::None,
        occurred_on: entry.date(),
        source: item.source.get(),
    }
}

/// Reads what happened while the import was at work.
pub(super) async fn sweep(context: &StageContext) -> Result<(), StageError> {
    let archive = &context.importer.archive;
    let Some(begin) = archive.list_begin(context.import, STAGE).await? else {
        return Ok(());
    };
    let (_, first) = context.importer.client.activity(&context.name);
    read(context, first, Some(begin.began_on - OVERLAP)).await
}

/// Notes up to when the feed is whole, so that the next import reads only its end.
pub(super) async fn note_covered(context: &StageContext) -> Result<(), StageError> {
    let archive = &context.importer.archive;
    let begin = archive.list_begin(context.import, STAGE).await?;
    let progress = archive.stage_progress(context.import, STAGE).await?;
    let is_complete = progress.is_some_and(|progress| progress.state == StageState::Complete);
    let (Some(begin), true) = (begin, is_complete) else {
        return Ok(());
    };
    let repository = &context.repository()?.uuid;
    let covered = CoveredList {
        until: begin.began_on - OVERLAP,
        listed_at: context.importer.clock.now(),
        expected: context.count(STAGE).await?.expected,
    };
    let mut transaction = context.begin().await?;
    transaction
        .set_covered_list(repository, STAGE, covered)
        .await?;
    Ok(transaction.commit().await?)
}
