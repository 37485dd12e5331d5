//! Lists of children, one for each parent: comments, tasks, changes.
//!
//! What is to be read stands in the database, put there with each page of parents. So
//! such a stage runs at the heels of its parents' list, needs no memory of its own, and
//! goes on after a kill with exactly what is left.

use std::collections::{BTreeSet, VecDeque};
use std::pin::pin;

use bucketload_archive::{Parents, PendingParent, Transaction};
use bucketload_bitbucket::{Endpoint, Page, PageUrl, RequestError};
use bucketload_model::{Checkpoint, ErrorClass, RequestEstimate, Stage};
use futures::StreamExt as _;
use futures::stream::{self, FuturesUnordered};
use serde::de::DeserializeOwned;
use tokio::time::{Duration, Instant};

use super::StageContext;
use crate::failure::{StageError, gap, object_gap_reason};

/// How many parents are taken from the database at a time.
pub(super) const BATCH: u32 = 64;

/// A handful of objects can be broken; more than that in a row, each tried
/// several times, is an outage, and asking on would only burn quota.
pub(super) const FAILURES_IN_A_ROW: u32 = 5;

/// How often the counts are read anew for those who watch.
const COUNT_EVERY: Duration = Duration::from_millis(250);

/// Counting takes longer the more is stored. It rests so many times as long as
/// it took: of a large repository it never takes more than a twentieth of the
/// time.
const REST_AFTER_COUNTING: u32 = 20;

/// A kind of children, listed by parent.
pub(super) trait ChildList {
    /// A child.
    type Item: DeserializeOwned + Send + Sync;

    /// The stage that reads them.
    const STAGE: Stage;

    /// The stages that list the parents: once they have ended, none more becomes pending.
    const PARENTS: &[Stage];

    /// The first page of a parent's children.
    fn first(&self, context: &StageContext, parent: i64) -> (Endpoint, PageUrl);

    /// What a gap of one parent's children is called.
    fn object(&self, parent: i64) -> String;

    /// The first page, where it was read before for another purpose.
    fn probe(&self, _parent: i64) -> Option<Page<Self::Item>> {
        None
    }

    /// Stores the children on a page, and how many Bitbucket reported.
    fn put(
        &self,
        context: &StageContext,
        transaction: &mut Transaction,
        parent: i64,
        page: &Page<Self::Item>,
    ) -> impl Future<Output = Result<(), StageError>> + Send;
}

/// Makes those parents pending whose list was never read, for a stage that begins when
/// all of them are there; and notes, once in an import, how many requests that makes.
pub(super) async fn begin(
    context: &StageContext,
    stage: Stage,
    parents: Parents,
) -> Result<(), StageError> {
    let repository = &context.repository()?.uuid;
    let progress = context
        .importer
        .archive
        .stage_progress(context.import, stage)
        .await?;
    let mut transaction = context.begin().await?;
    transaction
        .add_pending_without_list(repository, stage, parents)
        .await?;
    if progress.is_none_or(|progress| progress.checkpoint.is_none()) {
        let pending = transaction.count_pending(repository, stage).await?;
        transaction
            .set_estimate(context.import, stage, RequestEstimate::exactly(pending))
            .await?;
        transaction
            .save_checkpoint(context.import, stage, &Checkpoint::EndOfList, None)
            .await?;
    }
    Ok(transaction.commit().await?)
}

/// What became of one parent's children.
enum Read {
    Whole,
    /// Recorded as a gap. Carries the error where it may be an outage's.
    Gap(Option<RequestError>),
}

/// Counts for those who watch, beside the reading, until it is dropped or fails.
pub(super) async fn show_counts(context: &StageContext, stage: Stage) -> StageError {
    let mut pause = COUNT_EVERY;
    loop {
        tokio::time::sleep(pause).await;
        let began = Instant::now();
        match context.count(stage).await {
            Ok(counts) => context.advanced(stage, counts.stored, counts.expected),
            Err(error) => return error,
        }
        pause = COUNT_EVERY.max(began.elapsed() * REST_AFTER_COUNTING);
    }
}

/// Reads the children of every pending parent, and of those that become pending meanwhile.
pub(super) async fn read_pending<L: ChildList>(
    context: &StageContext,
    list: &L,
) -> Result<(), StageError> {
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
            let pending = archive
                .pending(repository, L::STAGE, i64::MIN, limit)
                .await?;
            waiting.extend(pending.into_iter().filter(|one| !taken.contains(&one.id)));
        }
        while failed.is_none()
            && in_flight.len() < places
            && let Some(parent) = waiting.pop_front()
        {
            taken.insert(parent.id);
            in_flight.push(read(context, list, parent));
        }
        if in_flight.is_empty() {
            if let Some(error) = failed {
                return Err(error);
            }
            if L::PARENTS.iter().all(|stage| seen.ended.contains(*stage)) {
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

/// Reads one parent's children from the first or next page to the end.
async fn read<L: ChildList>(
    context: &StageContext,
    list: &L,
    parent: PendingParent,
) -> (i64, Result<Read, StageError>) {
    let probe = list.probe(parent.id);
    // Where reading goes on midway, the first page is there already.
    let probe = probe.filter(|_| parent.next_page.is_none());
    (parent.id, read_pages(context, list, parent, probe).await)
}

async fn read_pages<L: ChildList>(
    context: &StageContext,
    list: &L,
    parent: PendingParent,
    probe: Option<Page<L::Item>>,
) -> Result<Read, StageError> {
    let client = &context.importer.client;
    let (endpoint, first) = list.first(context, parent.id);
    let first = match &parent.next_page {
        Some(url) => super::page_url(context, endpoint, url)?,
        None => first,
    };
    let mut is_whole = true;
    let rest = match &probe {
        Some(page) => page.next.clone(),
        None => Some(first),
    };
    let rest = rest.map(|first| client.pages::<L::Item>(endpoint, first));
    let rest = stream::iter(rest).flatten();
    let mut pages = pin!(stream::iter(probe.map(Ok)).chain(rest));
    while let Some(page) = pages.next().await {
        let page = match page {
            Ok(page) => page,
            Err(error) => {
                let Some(reason) = object_gap_reason(L::STAGE, error.class()) else {
                    return Err(error.into());
                };
                let gap = gap(L::STAGE, list.object(parent.id), reason, &error);
                context
                    .record_gap(gap, endpoint.name(), error.requests)
                    .await?;
                let passing = error.class() == ErrorClass::Transient;
                return Ok(Read::Gap(passing.then_some(error)));
            }
        };
        is_whole &= page.unreadable.is_empty();
        store(context, list, endpoint.name(), &parent, &page, is_whole).await?;
    }
    Ok(if is_whole {
        Read::Whole
    } else {
        Read::Gap(None)
    })
}

async fn store<L: ChildList>(
    context: &StageContext,
    list: &L,
    endpoint: &str,
    parent: &PendingParent,
    page: &Page<L::Item>,
    is_whole: bool,
) -> Result<(), StageError> {
    let repository = &context.repository()?.uuid;
    let mut transaction = context.begin_progress().await?;
    list.put(context, &mut transaction, parent.id, page).await?;
    let object = list.object(parent.id);
    if page.next.is_none() && is_whole {
        transaction
            .finish_pending(repository, L::STAGE, parent)
            .await?;
        transaction
            .clear_gaps_of(context.import, L::STAGE, &object)
            .await?;
    } else {
        // What could not be read is read again by the next import, also if this
        // one is killed before it comes to the end.
        let next = page.next.as_ref().filter(|_| is_whole);
        let next = next.map(ToString::to_string);
        transaction
            .advance_pending(repository, L::STAGE, parent, next.as_deref())
            .await?;
    }
    transaction
        .add_requests(context.import, endpoint, page.requests)
        .await?;
    let gaps = super::unreadable(context, L::STAGE, page, &object);
    for gap in &gaps {
        transaction.add_gap(context.import, gap).await?;
    }
    transaction.commit().await?;
    for gap in gaps {
        context.announce_gap(gap);
    }
    Ok(())
}
