//! The discussion of every pull request that has one.
//!
//! What is to be read stands in the database, put there with each page of pull
//! requests. So this stage runs at the heels of the list, needs no memory of
//! its own, and goes on after a kill with exactly what is left.

use std::collections::{BTreeSet, VecDeque};
use std::pin::pin;
use std::sync::{Mutex, PoisonError};

use bucketload_archive::{CommentRecord, PendingParent};
use bucketload_bitbucket::{Comment, Page, RequestError};
use bucketload_model::{ErrorClass, PullRequestId, Stage};
use futures::StreamExt as _;
use futures::stream::{self, FuturesUnordered};
use tokio::time::{Duration, Instant};

use super::comment_source::{CommentSource, Probes, decide, whole_discussion};
use super::{StageContext, account_records, account_uuid};
use crate::estimate;
use crate::failure::{StageError, gap, object_gap_reason};

const STAGE: Stage = Stage::PullRequestComments;

/// How many pull requests are taken from the database at a time.
const BATCH: u32 = 64;

/// A handful of objects can be broken; more than that in a row, each tried
/// several times, is an outage, and asking on would only burn quota.
const FAILURES_IN_A_ROW: u32 = 5;

/// How often the counts are read anew for those who watch.
const COUNT_EVERY: Duration = Duration::from_millis(250);

/// Counting takes longer the more is stored. It rests so many times as long as
/// it took: of a large repository it never takes more than a twentieth of the
/// time.
const REST_AFTER_COUNTING: u32 = 20;

/// What became of one pull request's discussion.
enum Read {
    Whole,
    /// Recorded as a gap. Carries the error where it may be an outage's.
    Gap(Option<RequestError>),
}

pub(super) async fn run(context: &StageContext) -> Result<(), StageError> {
    let work = async {
        let (source, probes) = decide(context).await?;
        if source == CommentSource::Activity {
            take_from_activity(context).await?;
        } else {
            note_each_is_read(context).await?;
        }
        let probes = Mutex::new(probes);
        let result = read_pending(context, &probes).await;
        count_unused(context, probes).await?;
        result
    };
    tokio::select! {
        result = work => result,
        error = show_counts(context) => Err(error),
    }
}

/// Reads what has become pending once more, each discussion in its own list.
pub(super) async fn read_again(context: &StageContext) -> Result<(), StageError> {
    read_pending(context, &Mutex::default()).await
}

/// Every discussion takes a request, if none was read before: what was the most is the
/// least too.
async fn note_each_is_read(context: &StageContext) -> Result<(), StageError> {
    if !estimate::is_first(context).await? {
        return Ok(());
    }
    context
        .listing
        .send_modify(|listing| listing.comments_in_lists = true);
    let mut transaction = context.begin().await?;
    transaction.expect_most(context.import, STAGE).await?;
    Ok(transaction.commit().await?)
}

/// What was read to compare and not needed was paid for all the same.
async fn count_unused(context: &StageContext, probes: Mutex<Probes>) -> Result<(), StageError> {
    let probes = probes.into_inner().unwrap_or_else(PoisonError::into_inner);
    let requests = probes.values().map(|page| page.requests).sum();
    let (endpoint, _) = context
        .importer
        .client
        .pull_request_comments(&context.name, PullRequestId(0));
    let mut transaction = context.begin().await?;
    transaction
        .add_requests(context.import, endpoint.name(), requests)
        .await?;
    Ok(transaction.commit().await?)
}

/// Waits for the end of both lists and takes every discussion that the activity has
/// whole. What it has not is left pending.
async fn take_from_activity(context: &StageContext) -> Result<(), StageError> {
    let mut listing = context.listing.subscribe();
    let listing = listing.wait_for(|listing| listing.is_over && listing.feed.is_over);
    // The sender lives in the context.
    listing.await.map_err(|_| StageError::Lost)?;
    let archive = &context.importer.archive;
    let repository = &context.repository()?.uuid;
    let mut after = i64::MIN;
    loop {
        let pending = archive.pending(repository, STAGE, after, BATCH).await?;
        let Some(last) = pending.last() else {
            return Ok(());
        };
        after = last.id;
        for pull_request in pending {
            take(context, &pull_request).await?;
        }
    }
}

async fn take(context: &StageContext, pull_request: &PendingParent) -> Result<(), StageError> {
    let archive = &context.importer.archive;
    let repository = &context.repository()?.uuid;
    let id = PullRequestId(pull_request.id);
    let comments = archive.comments_in_activity(repository, id).await?;
    let count = archive.comment_count(repository, id).await?;
    let Some(comments) = whole_discussion(&comments, count) else {
        return Ok(());
    };
    let records: Vec<_> = comments
        .iter()
        .map(|(comment, source)| record(comment, source))
        .collect();
    let mut transaction = context.begin_progress().await?;
    // The people in it were met in the activity.
    transaction.put_comments(repository, id, &records).await?;
    transaction
        .finish_pending(repository, STAGE, pull_request)
        .await?;
    Ok(transaction.commit().await?)
}

fn record<'a>(comment: &'a Comment, source: &'a str) -> CommentRecord<'a> {
    let inline = comment.inline.as_ref();
    CommentRecord {
        id: comment.id,
        parent: comment.parent.as_ref().map(|parent| parent.id),
        author: account_uuid(comment.user.as_ref()),
        inline_path: inline.and_then(|inline| inline.path.as_deref()),
        is_deleted: comment.deleted == Some(true),
        created_on: comment.created_on.as_deref(),
        updated_on: comment.updated_on.as_deref(),
        source,
    }
}

/// Counts for those who watch, beside the reading, until it is dropped or fails.
async fn show_counts(context: &StageContext) -> StageError {
    let mut pause = COUNT_EVERY;
    loop {
        tokio::time::sleep(pause).await;
        let began = Instant::now();
        match context.count(STAGE).await {
            Ok(counts) => context.advanced(STAGE, counts.stored, counts.expected),
            Err(error) => return error,
        }
        pause = COUNT_EVERY.max(began.elapsed() * REST_AFTER_COUNTING);
    }
}

/// Reads every discussion that is pending, and those that become so meanwhile.
async fn read_pending(context: &StageContext, probes: &Mutex<Probes>) -> Result<(), StageError> {
    let archive = &context.importer.archive;
    let repository = &context.repository()?.uuid;
    let mut listing = context.listing.subscribe();
    let places = context.importer.client.max_in_flight();
    let mut waiting = VecDeque::new();
    let mut in_flight = FuturesUnordered::new();
    // Under way, or given up in this run: not to be taken again.
    let mut taken = BTreeSet::new();
    let mut failures_in_a_row = 0;
    // The stage fails, but what is under way was paid for and comes home first.
    let mut failed = None;
    loop {
        // Read before the database is, so that nothing slips in between unseen.
        let seen = *listing.borrow_and_update();
        if waiting.is_empty() && failed.is_none() {
            let limit = BATCH + u32::try_from(taken.len()).unwrap_or_default();
            let pending = archive.pending(repository, STAGE, i64::MIN, limit).await?;
            waiting.extend(pending.into_iter().filter(|one| !taken.contains(&one.id)));
        }
        while failed.is_none()
            && in_flight.len() < places
            && let Some(pull_request) = waiting.pop_front()
        {
            taken.insert(pull_request.id);
            in_flight.push(read(context, pull_request, probes));
        }
        if in_flight.is_empty() {
            if let Some(error) = failed {
                return Err(error);
            }
            if seen.is_over && seen.feed.is_over {
                return Ok(());
            }
            // The sender lives in the context, so this ends only with news.
            if listing.changed().await.is_err() {
                return Err(StageError::Lost);
            }
            continue;
        }
        tokio::select! {
            Some((id, result)) = in_flight.next() => match result {
                Err(error) => failed = failed.or(Some(error)),
                Ok(Read::Whole) => {
                    failures_in_a_row = 0;
                    // It may have changed while it was read: then it is pending again.
                    taken.remove(&id);
                }
                Ok(Read::Gap(None)) => failures_in_a_row = 0,
                Ok(Read::Gap(Some(error))) => {
                    failures_in_a_row += 1;
                    if failures_in_a_row >= FAILURES_IN_A_ROW {
                        failed = failed.or(Some(StageError::Outage {
                            failures: failures_in_a_row,
                            // Its requests stand with its gap already.
                            source: Box::new(RequestError { requests: 0, ..error }),
                        }));
                    }
                }
            },
            // More to read may have come in, and places may be free.
            Ok(()) = listing.changed(), if in_flight.len() < places && waiting.is_empty() => {}
        }
    }
}

/// What a gap of one discussion is called.
pub(super) fn object(id: PullRequestId) -> String {
    format!("comments of pull request #{id}")
}

/// Reads one pull request's discussion from its first or next page to its end.
async fn read(
    context: &StageContext,
    pull_request: PendingParent,
    probes: &Mutex<Probes>,
) -> (i64, Result<Read, StageError>) {
    let id = pull_request.id;
    let probe = {
        let mut probes = probes.lock().unwrap_or_else(PoisonError::into_inner);
        probes.remove(&PullRequestId(id))
    };
    // Where reading goes on midway, its first page is there already.
    let probe = probe.filter(|_| pull_request.next_page.is_none());
    (id, read_pages(context, pull_request, probe).await)
}

async fn read_pages(
    context: &StageContext,
    pull_request: PendingParent,
    probe: Option<Page<Comment>>,
) -> Result<Read, StageError> {
    let client = &context.importer.client;
    let id = PullRequestId(pull_request.id);
    let (endpoint, first) = client.pull_request_comments(&context.name, id);
    let first = match &pull_request.next_page {
        Some(url) => super::page_url(context, endpoint, url)?,
        None => first,
    };
    let mut is_whole = true;
    let rest = match &probe {
        Some(page) => page.next.clone(),
        None => Some(first),
    };
    let rest = rest.map(|first| client.pages::<Comment>(endpoint, first));
    let rest = stream::iter(rest).flatten();
    let mut pages = pin!(stream::iter(probe.map(Ok)).chain(rest));
    while let Some(page) = pages.next().await {
        let page = match page {
            Ok(page) => page,
            Err(error) => {
                let Some(reason) = object_gap_reason(STAGE, error.class()) else {
                    return Err(error.into());
                };
                let gap = gap(STAGE, object(id), reason, &error);
                context
                    .record_gap(gap, endpoint.name(), error.requests)
                    .await?;
                let passing = error.class() == ErrorClass::Transient;
                return Ok(Read::Gap(passing.then_some(error)));
            }
        };
        is_whole &= page.unreadable.is_empty();
        store(context, endpoint.name(), &pull_request, &page, is_whole).await?;
    }
    Ok(if is_whole {
        Read::Whole
    } else {
        Read::Gap(None)
    })
}

async fn store(
    context: &StageContext,
    endpoint: &str,
    pull_request: &PendingParent,
    page: &Page<Comment>,
    is_whole: bool,
) -> Result<(), StageError> {
    let repository = &context.repository()?.uuid;
    let id = PullRequestId(pull_request.id);
    let records: Vec<_> = page
        .items
        .iter()
        .map(|item| record(&item.value, item.source.get()))
        .collect();
    let mut transaction = context.begin_progress().await?;
    let written = transaction.put_comments(repository, id, &records).await?;
    if written > 0 {
        let accounts = page.items.iter().flat_map(|item| item.value.accounts());
        transaction
            .put_accounts(repository, context.import, account_records(accounts))
            .await?;
    }
    if let Some(size) = page.size {
        transaction
            .set_comments_reported(repository, id, size)
            .await?;
    }
    if page.next.is_none() && is_whole {
        transaction
            .finish_pending(repository, STAGE, pull_request)
            .await?;
        transaction
            .clear_gaps_of(context.import, STAGE, &object(id))
            .await?;
    } else {
        // What could not be read is read again by the next import, also if this
        // one is killed before it comes to the end.
        let next = page.next.as_ref().filter(|_| is_whole);
        let next = next.map(ToString::to_string);
        transaction
            .advance_pending(repository, STAGE, pull_request, next.as_deref())
            .await?;
    }
    transaction
        .add_requests(context.import, endpoint, page.requests)
        .await?;
    let gaps = super::unreadable(context, STAGE, page, &object(id));
    for gap in &gaps {
        transaction.add_gap(context.import, gap).await?;
    }
    transaction.commit().await?;
    for gap in gaps {
        context.announce_gap(gap);
    }
    Ok(())
}
