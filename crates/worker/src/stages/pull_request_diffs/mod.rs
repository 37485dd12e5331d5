//! Commits, diff and patch of the pull requests whose commits the clone lacks.
//!
//! A pull request whose source commit is in the clone costs nothing: git has all of it. Of
//! the others, the list of commits has the whole hashes; where the repository or the fork
//! still gives the commit by its hash, it is kept in the mirror; where not, the diff and the
//! patch are all that there will ever be.

mod heads;
mod sort_out;

use std::collections::{BTreeSet, VecDeque};

use bucketload_archive::mirror::{Mirror, MirrorError};
use bucketload_archive::{
    Blob, BlobError, MirrorKind, ObjectKey, ObjectRecord, Parents, PendingParent, Transaction,
};
use bucketload_bitbucket::{Commit, Endpoint, Page, PullRequest, RawAnswer, RequestError};
use bucketload_model::{
    Checkpoint, ErrorClass, Gap, GapReason, PullRequestId, RequestEstimate, Stage, StageState,
};
use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use serde_json::json;

use self::heads::Heads;
use self::sort_out::sort_out;
use super::{StageContext, account_records};
use crate::failure::{StageError, describe, object_gap_reason};

const STAGE: Stage = Stage::PullRequestDiffs;

/// More failures in a row, each tried several times, are an outage.
const FAILURES_IN_A_ROW: u32 = 5;

/// The number of commits in the database; files have 0.
pub(crate) const COMMIT: i64 = 1;

/// A pull request that the clone does not cover.
#[derive(Debug)]
struct Lacking {
    parent: PendingParent,
    pull_request: PullRequest,
}

impl Lacking {
    fn id(&self) -> PullRequestId {
        self.pull_request.id
    }
}

/// What became of one.
enum Read {
    /// All is there, or it is known for good what is not.
    Ended,
    /// Something may come yet. Carries the error where it may be an outage's.
    Left(Option<RequestError>),
}

pub(super) async fn run(context: &StageContext) -> Result<(), StageError> {
    context.wait_for(&[Stage::Git, Stage::PullRequests]).await?;
    context.bring_mirror(MirrorKind::Git).await?;
    if !is_git_here(context).await? {
        return Ok(());
    }
    begin(context).await?;
    let lacking = sort_out(context).await?;
    note_estimate(context, &lacking).await?;
    name_what_is_lost(context, &lacking).await?;
    let read = read_all(context, lacking).await;
    // Commits that were asked for by their hash are new in it, however the others went.
    context.copy_mirror(MirrorKind::Git).await?;
    read
}

/// Those that are new or have changed become pending; where lists are read whole on request,
/// once in an import, those too of which something was lost.
async fn begin(context: &StageContext) -> Result<(), StageError> {
    let archive = &context.importer.archive;
    let repository = &context.repository()?.uuid;
    let progress = archive.stage_progress(context.import, STAGE).await?;
    let is_first = progress.is_none_or(|progress| progress.checkpoint.is_none());
    let lost = if context.importer.whole_lists && is_first {
        archive.missing_diffs(repository).await?
    } else {
        Vec::new()
    };
    let lost: BTreeSet<i64> = lost.into_iter().map(|(id, _, _)| id).collect();
    let lost: Vec<i64> = lost.into_iter().collect();
    let mut transaction = context.begin().await?;
    transaction.add_pending(repository, STAGE, &lost).await?;
    transaction
        .add_pending_without_list(repository, STAGE, Parents::PullRequests)
        .await?;
    Ok(transaction.commit().await?)
}

/// Whether git has ended well, or a mirror is there from before. What a clone lacks that
/// could not be made is not known.
async fn is_git_here(context: &StageContext) -> Result<bool, StageError> {
    let archive = &context.importer.archive;
    let progress = archive.stage_progress(context.import, Stage::Git).await?;
    let has_ended = match progress.map(|progress| progress.state) {
        Some(StageState::Complete | StageState::CompleteWithGaps) => true,
        Some(StageState::Skipped) => has_refs(context).await?,
        _ => false,
    };
    let gaps = archive.gaps(context.import).await?;
    let is_whole =
        |gap: &Gap| gap.stage != Stage::Git || gap.object != super::stage_object(Stage::Git);
    Ok(has_ended && gaps.iter().all(is_whole))
}

async fn has_refs(context: &StageContext) -> Result<bool, StageError> {
    let path = context.importer.data_dir.mirror(&context.name);
    let task = tokio::task::spawn_blocking(move || match Mirror::open(&path)? {
        Some(mirror) => Ok::<_, MirrorError>(!mirror.refs()?.is_empty()),
        None => Ok(false),
    });
    Ok(task.await.map_err(|_| StageError::Lost)??)
}

/// Notes, once in an import, how many requests it may take: for each a list of commits, and
/// a diff and a patch where there is one.
async fn note_estimate(context: &StageContext, lacking: &[Lacking]) -> Result<(), StageError> {
    let archive = &context.importer.archive;
    let progress = archive.stage_progress(context.import, STAGE).await?;
    if progress.is_some_and(|progress| progress.checkpoint.is_some()) {
        return Ok(());
    }
    let count = lacking.len() as u64;
    let estimate = RequestEstimate {
        min: count,
        max: 3 * count,
    };
    let mut transaction = context.begin().await?;
    transaction
        .set_estimate(context.import, STAGE, estimate)
        .await?;
    transaction
        .save_checkpoint(context.import, STAGE, &Checkpoint::EndOfList, None)
        .await?;
    Ok(transaction.commit().await?)
}

/// What an earlier import learnt to be lost is missing in this one, too.
async fn name_what_is_lost(
    context: &StageContext,
    asked_again: &[Lacking],
) -> Result<(), StageError> {
    let archive = &context.importer.archive;
    let repository = &context.repository()?.uuid;
    for (id, what, source) in archive.missing_diffs(repository).await? {
        if asked_again.iter().any(|one| one.parent.id == id) {
            continue;
        }
        let known: serde_json::Value = serde_json::from_str(&source).unwrap_or_default();
        let text = |name: &str| known[name].as_str().map(str::to_owned);
        let reason = text("missing").and_then(|reason| reason.parse().ok());
        let gap = Gap {
            stage: STAGE,
            object: object(&what, PullRequestId(id)),
            reason: reason.unwrap_or(GapReason::NotFound),
            detail: text("detail").unwrap_or_default(),
            url: text("url"),
        };
        context.record_gap(gap, "", 0).await?;
    }
    Ok(())
}

/// What a gap is called.
fn object(what: &str, id: PullRequestId) -> String {
    format!("{what} of pull request #{id}")
}

/// Reads them, as many at a time as requests may be under way.
async fn read_all(context: &StageContext, lacking: Vec<Lacking>) -> Result<(), StageError> {
    let heads = Heads::new(context);
    let places = context.importer.client.max_in_flight();
    let mut waiting = VecDeque::from(lacking);
    let mut in_flight = FuturesUnordered::new();
    let mut failures_in_a_row = 0;
    // The stage fails, but what is under way was paid for and comes home first.
    let mut failed = None;
    loop {
        while failed.is_none()
            && in_flight.len() < places
            && let Some(one) = waiting.pop_front()
        {
            in_flight.push(read(context, &heads, one));
        }
        match in_flight.next().await {
            None => return failed.map_or(Ok(()), Err),
            Some(Err(error)) => failed = failed.or(Some(error)),
            Some(Ok(Read::Ended | Read::Left(None))) => failures_in_a_row = 0,
            Some(Ok(Read::Left(Some(error)))) => {
                failures_in_a_row += 1;
                if failures_in_a_row >= FAILURES_IN_A_ROW {
                    failed = failed.or(Some(StageError::Outage {
                        failures: failures_in_a_row,
                        // Its requests stand with its gap already.
                        source: Box::new(RequestError {
                            requests: 0,
                            ..error
                        }),
                    }));
                }
            }
        }
    }
}

async fn read(context: &StageContext, heads: &Heads<'_>, one: Lacking) -> Result<Read, StageError> {
    let id = one.id();
    let commits = match read_commits(context, &one).await? {
        Ok(commits) => commits,
        Err(error) => {
            let is_gone = error.class() == ErrorClass::NotFound;
            // Without a hash and without a list, there is nothing that Bitbucket reports.
            if is_gone && source_hash(&one.pull_request).is_none() {
                return end(context, &one, error.requests, Endpoint::PullRequestCommits).await;
            }
            return left(context, "commits", id, error).await;
        }
    };
    let Some(newest) = commits.first() else {
        return end(context, &one, 0, Endpoint::PullRequestCommits).await;
    };
    if heads.bring(&one.pull_request, newest).await? {
        return end(context, &one, 0, Endpoint::PullRequestCommits).await;
    }
    let client = &context.importer.client;
    let diff = client.pull_request_diff(&one.pull_request).await;
    if let Some(left) = keep(context, "diff", id, Endpoint::Diff, diff).await? {
        return Ok(left);
    }
    let patch = client.pull_request_patch(&one.pull_request).await;
    if let Some(left) = keep(context, "patch", id, Endpoint::Patch, patch).await? {
        return Ok(left);
    }
    end(context, &one, 0, Endpoint::PullRequestCommits).await
}

/// The beginning of the hash that a pull request comes from.
fn source_hash(pull_request: &PullRequest) -> Option<&str> {
    let commit = pull_request.source.as_ref()?.commit.as_ref()?;
    Some(&commit.hash)
}

/// Reads the list of commits, newest first, and stores it page by page. Returns their
/// hashes.
async fn read_commits(
    context: &StageContext,
    one: &Lacking,
) -> Result<Result<Vec<String>, RequestError>, StageError> {
    let client = &context.importer.client;
    let (endpoint, first) = client.pull_request_commits(&context.name, one.id());
    let mut pages = std::pin::pin!(client.pages::<Commit>(endpoint, first));
    let mut hashes = Vec::new();
    while let Some(page) = pages.next().await {
        let page = match page {
            Ok(page) => page,
            Err(error) => return Ok(Err(error)),
        };
        let items = page.items.iter();
        hashes.extend(items.map(|item| item.value.hash.as_str().to_owned()));
        put_commits(context, one.id(), endpoint, &page).await?;
    }
    Ok(Ok(hashes))
}

async fn put_commits(
    context: &StageContext,
    id: PullRequestId,
    endpoint: Endpoint,
    page: &Page<Commit>,
) -> Result<(), StageError> {
    let repository = &context.repository()?.uuid;
    let items = page.items.iter();
    let records: Vec<_> = items
        .map(|item| ObjectRecord {
            key: ObjectKey {
                parent: id.0,
                id: COMMIT,
                key: item.value.hash.as_str(),
            },
            created_on: item.value.date.as_deref(),
            updated_on: None,
            source: item.source.get(),
        })
        .collect();
    let mut transaction = context.begin_progress().await?;
    transaction.put_objects(repository, STAGE, &records).await?;
    let accounts = page.items.iter().flat_map(|item| item.value.accounts());
    transaction
        .put_accounts(repository, context.import, account_records(accounts))
        .await?;
    transaction
        .add_requests(context.import, endpoint.name(), page.requests)
        .await?;
    let gaps = super::unreadable(context, STAGE, page, &object("commits", id));
    for gap in &gaps {
        transaction.add_gap(context.import, gap).await?;
    }
    transaction.commit().await?;
    for gap in gaps {
        context.announce_gap(gap);
    }
    Ok(())
}

/// Keeps a diff or a patch, or that Bitbucket will never give it. What is left for later
/// comes back.
async fn keep(
    context: &StageContext,
    what: &'static str,
    id: PullRequestId,
    endpoint: Endpoint,
    answer: Result<Option<RawAnswer>, RequestError>,
) -> Result<Option<Read>, StageError> {
    let answer = match answer {
        Ok(Some(answer)) => answer,
        // It links to none.
        Ok(None) => return Ok(None),
        Err(error) => {
            return match error.class() {
                // Asking again would change nothing: the commits are gone, or it takes
                // Bitbucket too long.
                ErrorClass::NotFound | ErrorClass::Gone | ErrorClass::Permanent => {
                    put_lost(context, what, id, &error).await.map(|()| None)
                }
                _ => left(context, what, id, error).await.map(Some),
            };
        }
    };
    let requests = answer.requests;
    match store(context, answer).await? {
        Ok((blob, described)) => {
            let mut transaction = context.begin_progress().await?;
            transaction.put_blob(&blob).await?;
            put_file(context, &mut transaction, what, id, &described, Some(&blob)).await?;
            transaction
                .add_requests(context.import, endpoint.name(), requests)
                .await?;
            transaction
                .clear_gap(context.import, STAGE, &object(what, id))
                .await?;
            transaction.commit().await?;
        }
        Err(detail) => {
            let described = json!({ "missing": GapReason::NotArchivable, "detail": detail });
            lose(context, what, id, described, endpoint, requests).await?;
        }
    }
    Ok(None)
}

/// Puts the bytes into the store. One that is larger than a file may be stays outside, with
/// the reason.
async fn store(
    context: &StageContext,
    answer: RawAnswer,
) -> Result<Result<(Blob, serde_json::Value), String>, StageError> {
    let importer = &context.importer;
    let store = importer.data_dir.blobs(importer.max_blob_bytes);
    let described = json!({
        "content_type": answer.content_type,
        "size_bytes": answer.bytes.len(),
    });
    let task = tokio::task::spawn_blocking(move || store.store(&answer.bytes[..]));
    match task.await.map_err(|_| StageError::Lost)? {
        Ok(blob) => Ok(Ok((blob, described))),
        Err(error @ BlobError::TooLarge { .. }) => Ok(Err(error.to_string())),
        Err(
            BlobError::DiskFull(source) | BlobError::Read(source) | BlobError::Write { source, .. },
        ) => Err(StageError::File(source)),
    }
}

async fn put_file(
    context: &StageContext,
    transaction: &mut Transaction,
    what: &str,
    id: PullRequestId,
    described: &serde_json::Value,
    blob: Option<&Blob>,
) -> Result<(), StageError> {
    let repository = &context.repository()?.uuid;
    let key = ObjectKey {
        parent: id.0,
        id: 0,
        key: what,
    };
    let record = ObjectRecord {
        key,
        created_on: None,
        updated_on: None,
        source: &described.to_string(),
    };
    transaction
        .put_objects(repository, STAGE, &[record])
        .await?;
    if let Some(blob) = blob {
        transaction
            .set_object_blob(repository, STAGE, key, Some(&blob.sha256))
            .await?;
    }
    Ok(())
}

/// Notes that Bitbucket will not give a file. One that was given before stays.
async fn put_lost(
    context: &StageContext,
    what: &str,
    id: PullRequestId,
    error: &RequestError,
) -> Result<(), StageError> {
    // A diff that takes Bitbucket too long is status 555.
    let reason = match object_gap_reason(STAGE, error.class()) {
        Some(GapReason::Unreadable) | None => GapReason::SourceError,
        Some(reason) => reason,
    };
    let described = json!({
        "missing": reason,
        "detail": describe(&error.kind),
        "url": error.url.as_str(),
    });
    lose(context, what, id, described, error.endpoint, error.requests).await
}

async fn lose(
    context: &StageContext,
    what: &str,
    id: PullRequestId,
    described: serde_json::Value,
    endpoint: Endpoint,
    requests: u64,
) -> Result<(), StageError> {
    let text = |name: &str| described[name].as_str().map(str::to_owned);
    let reason = text("missing").and_then(|reason| reason.parse().ok());
    let gap = Gap {
        stage: STAGE,
        object: object(what, id),
        reason: reason.unwrap_or(GapReason::NotFound),
        detail: text("detail").unwrap_or_default(),
        url: text("url"),
    };
    let mut transaction = context.begin_progress().await?;
    put_file(context, &mut transaction, what, id, &described, None).await?;
    transaction
        .add_requests(context.import, endpoint.name(), requests)
        .await?;
    transaction.add_gap(context.import, &gap).await?;
    transaction.commit().await?;
    context.announce_gap(gap);
    Ok(())
}

/// Leaves the rest of a pull request to the next import.
async fn left(
    context: &StageContext,
    what: &str,
    id: PullRequestId,
    error: RequestError,
) -> Result<Read, StageError> {
    let Some(reason) = object_gap_reason(STAGE, error.class()) else {
        return Err(error.into());
    };
    let gap = crate::failure::gap(STAGE, object(what, id), reason, &error);
    context
        .record_gap(gap, error.endpoint.name(), error.requests)
        .await?;
    let passing = error.class() == ErrorClass::Transient;
    Ok(Read::Left(passing.then_some(error)))
}

/// Ends a pull request: there is nothing more to ask.
async fn end(
    context: &StageContext,
    one: &Lacking,
    requests: u64,
    endpoint: Endpoint,
) -> Result<Read, StageError> {
    let repository = &context.repository()?.uuid;
    let mut transaction = context.begin_progress().await?;
    transaction
        .set_reported(repository, STAGE, one.id().0, None)
        .await?;
    transaction
        .finish_pending(repository, STAGE, &one.parent)
        .await?;
    transaction
        .add_requests(context.import, endpoint.name(), requests)
        .await?;
    transaction
        .clear_gap(context.import, STAGE, &object("commits", one.id()))
        .await?;
    transaction.commit().await?;
    Ok(Read::Ended)
}
