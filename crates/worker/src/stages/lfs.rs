//! Large files that git's history names by pointers (git LFS).
//!
//! The packs that came since the last import are searched for pointers, and each object that
//! one names is a row. What is wanting is asked for, a hundred objects at a time, and brought
//! eight at a time into `lfs/objects` of the mirror, where `git lfs` finds it. What is to be
//! done is data: killed anywhere, exactly what is left is there, and an object that broke off
//! goes on in its middle.

use std::path::Path;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use bucketload_archive::mirror::{Mirror, MirrorError};
use bucketload_archive::{LfsStore, MirrorKind, StoredLfsObject};
use bucketload_bitbucket::{Endpoint, LfsBatch, RequestError, RequestErrorKind};
use bucketload_model::{
    Checkpoint, ErrorClass, Gap, GapReason, LfsObject, LfsOid, RequestEstimate, Stage,
};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use tokio::time::{Duration, Instant};
use url::Url;

use super::StageContext;
use super::children::FAILURES_IN_A_ROW;
use super::lfs_fetch::{Asked, Fetch};
use super::transfer::{StopsOnDrop, Transfer};
use crate::failure::{StageError, gap, gap_reason};

/// As many as `git lfs` asks for and fetches by default.
const BATCH: u64 = 100;
const AT_ONCE: usize = 8;

/// Objects that are noted together, and how long the first of them waits for it. A process
/// that is killed in between finds them on the disk.
const NOTED_TOGETHER: usize = 50;
const NOTED_WITHIN: Duration = Duration::from_secs(1);

pub(super) async fn run(context: &StageContext) -> Result<(), StageError> {
    context.after(Stage::Git).await?;
    context.bring_mirror(MirrorKind::Git).await?;
    let path = context.importer.data_dir.mirror(&context.name);
    let Some(mirror) = Mirror::open(&path)? else {
        // Without a history there is nothing that points anywhere.
        return end(context).await;
    };
    search(context, &mirror).await?;
    look_for_lost(context, &context.importer.data_dir.lfs(&path)).await?;
    let wanted = count_wanted(context).await?;
    if wanted > 0 {
        let estimate = RequestEstimate::exactly(wanted.div_ceil(BATCH));
        let mut transaction = context.begin().await?;
        transaction
            .set_estimate(context.import, Stage::Lfs, estimate)
            .await?;
        transaction.commit().await?;
        let missing = bring(context, &path).await?;
        name_missing(context, &mirror, missing).await?;
    }
    end(context).await
}

async fn end(context: &StageContext) -> Result<(), StageError> {
    let mut transaction = context.begin().await?;
    transaction
        .save_checkpoint(context.import, Stage::Lfs, &Checkpoint::EndOfList, None)
        .await?;
    Ok(transaction.commit().await?)
}

/// Runs something that blocks, and stops it when nobody waits any more.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce(&AtomicBool) -> Result<T, MirrorError> + Send + 'static,
) -> Result<T, StageError> {
    let stop = Arc::new(AtomicBool::new(false));
    let _stops = StopsOnDrop(stop.clone());
    let task = tokio::task::spawn_blocking(move || work(&stop));
    Ok(task.await.map_err(|_| StageError::Lost)??)
}

/// Notes the objects that are named in packs which were not searched before.
async fn search(context: &StageContext, mirror: &Mirror) -> Result<(), StageError> {
    let repository = &context.repository()?.uuid;
    let searched = context.importer.archive.lfs_packs(repository).await?;
    let (mirror, known) = (mirror.clone(), searched.clone());
    let began = Instant::now();
    let found = blocking(move |stop| mirror.pointers(&known, stop)).await?;
    if found.packs == searched {
        return Ok(());
    }
    tracing::debug!(
        repository = %context.name,
        objects = found.objects,
        pointers = found.pointers.len(),
        duration_ms = began.elapsed().as_millis(),
        "the history was searched for pointers"
    );
    let pointers: Vec<StoredLfsObject> = found
        .pointers
        .into_iter()
        .map(|pointer| StoredLfsObject {
            object: pointer.object,
            pointer: pointer.id.to_string(),
        })
        .collect();
    let mut transaction = context.begin_progress().await?;
    transaction.put_lfs_pointers(repository, &pointers).await?;
    transaction.set_lfs_packs(repository, &found.packs).await?;
    Ok(transaction.commit().await?)
}

/// Objects that were there and are no more are wanted again. An object store answers for each
/// of them, so it is asked when all is to be looked at (`import --full`).
async fn look_for_lost(context: &StageContext, store: &LfsStore) -> Result<(), StageError> {
    if store.is_shared() && !context.importer.whole_lists {
        return Ok(());
    }
    let repository = &context.repository()?.uuid;
    let archive = &context.importer.archive;
    let mut after: Option<LfsObject> = None;
    loop {
        let page = archive.lfs_objects(repository, true, after.as_ref(), 1_000);
        let page = page.await?;
        let Some(last) = page.last() else {
            return Ok(());
        };
        after = Some(last.object.clone());
        let (_, lost) = sort_out(store, page).await?;
        if lost.is_empty() {
            continue;
        }
        tracing::warn!(repository = %context.name, objects = lost.len(), "LFS objects are lost");
        let mut transaction = context.begin().await?;
        for one in lost {
            transaction
                .set_lfs_stored(repository, &one.object, false)
                .await?;
        }
        transaction.commit().await?;
    }
}

/// Objects that are there, and those that are not.
async fn sort_out(
    store: &LfsStore,
    objects: Vec<StoredLfsObject>,
) -> Result<(Vec<StoredLfsObject>, Vec<StoredLfsObject>), StageError> {
    let store = store.clone();
    let looking = tokio::task::spawn_blocking(move || {
        let (mut here, mut missing) = (Vec::new(), Vec::new());
        for one in objects {
            if store.has(&one.object)? {
                here.push(one);
            } else {
                missing.push(one);
            }
        }
        Ok::<_, std::io::Error>((here, missing))
    });
    Ok(looking.await.map_err(|_| StageError::Lost)??)
}

async fn count_wanted(context: &StageContext) -> Result<u64, StageError> {
    let repository = &context.repository()?.uuid;
    let tally = context.importer.archive.tally_lfs(repository).await?;
    Ok(tally.expected.saturating_sub(tally.stored))
}

/// Brings what is wanting. Returns what cannot be had.
async fn bring(context: &StageContext, mirror: &Path) -> Result<Vec<Missing>, StageError> {
    let remote = Transfer::of(context, Stage::Lfs, &[], mirror.to_owned()).remote;
    let fetch = Arc::new(Fetch {
        context: context.clone(),
        repository: remote.url,
        store: context.importer.data_dir.lfs(mirror),
    });
    let asking = Asking {
        fetch: fetch.clone(),
        after: None,
        at_a_time: BATCH,
    };
    let objects = stream::try_unfold(asking, Asking::next)
        .map_ok(|asked| stream::iter(asked.into_iter().map(Ok::<_, StageError>)))
        .try_flatten();
    let fetched = objects
        .map(|asked| {
            let fetch = fetch.clone();
            async move { fetch.one(asked?).await }
        })
        .buffer_unordered(AT_ONCE);
    let mut fetched = pin!(fetched);
    let mut notes = Notes::new(context);
    let mut missing = Vec::new();
    let mut failures = 0;
    let error = loop {
        let done = match fetched.next().await {
            Some(Ok(done)) => done,
            Some(Err(error)) => break Some(error),
            None => break None,
        };
        notes.requests += done.requests;
        let Some(why) = done.missing else {
            failures = 0;
            notes.stored.push(done.object.object);
            if notes.are_due() {
                notes.write().await?;
            }
            continue;
        };
        let mut outage = None;
        if let Some(source) = why.passing {
            failures += 1;
            if failures >= FAILURES_IN_A_ROW {
                outage = Some(StageError::Outage { failures, source });
            }
        } else {
            failures = 0;
        }
        missing.push(Missing {
            object: done.object,
            reason: why.reason,
            detail: why.detail,
        });
        if outage.is_some() {
            break outage;
        }
    };
    // Whatever was wrong in the end, what is here is noted.
    notes.write().await?;
    match error {
        None => Ok(missing),
        Some(error) => refused(context, &fetch.repository, error)
            .await
            .map(|()| missing),
    }
}

/// A question about objects that was refused as a whole.
async fn refused(
    context: &StageContext,
    repository: &Url,
    error: StageError,
) -> Result<(), StageError> {
    let StageError::Request(error) = error else {
        return Err(error);
    };
    // The repository was read with this credential, so a refusal here is a scope that is
    // wanting, not a wrong credential.
    let reason = match error.class() {
        ErrorClass::Unauthorized => Some(GapReason::NotPermitted),
        class => gap_reason(Stage::Lfs, class),
    };
    let Some(reason) = reason else {
        return Err(StageError::Request(error));
    };
    let object = super::stage_object(Stage::Lfs).to_owned();
    let mut gap = gap(Stage::Lfs, object, reason, &error);
    let wanted = count_wanted(context).await?;
    gap.detail = format!("{}; {wanted} objects are missing", gap.detail);
    gap.url = Some(repository.to_string());
    context
        .record_gap(gap, error.endpoint.name(), error.requests)
        .await
}

/// An object that cannot be had.
struct Missing {
    object: StoredLfsObject,
    reason: GapReason,
    detail: String,
}

/// Names what cannot be had, with a file of the history that needs it.
async fn name_missing(
    context: &StageContext,
    mirror: &Mirror,
    missing: Vec<Missing>,
) -> Result<(), StageError> {
    if missing.is_empty() {
        return Ok(());
    }
    let pointers = missing.iter().map(|one| one.object.pointer.clone());
    let pointers: Vec<String> = pointers.collect();
    let mirror = mirror.clone();
    let paths = blocking(move |stop| mirror.paths_of(&pointers, stop)).await?;
    let gaps: Vec<Gap> = missing
        .into_iter()
        .map(|one| {
            let path = paths.get(&one.object.pointer);
            let path = path.map_or_else(String::new, |path| format!(", of {path}"));
            let LfsObject { oid, size_bytes } = one.object.object;
            Gap {
                stage: Stage::Lfs,
                object: object_name(&oid),
                reason: one.reason,
                detail: format!("{}; {size_bytes} bytes{path}", one.detail),
                url: None,
            }
        })
        .collect();
    let mut transaction = context.begin().await?;
    for gap in &gaps {
        transaction.add_gap(context.import, gap).await?;
    }
    transaction.commit().await?;
    for gap in gaps {
        context.announce_gap(gap);
    }
    Ok(())
}

fn object_name(oid: &LfsOid) -> String {
    format!("LFS object {oid}")
}

/// Asks for what is wanting, page by page.
struct Asking {
    fetch: Arc<Fetch>,
    after: Option<LfsObject>,
    /// Fewer after a server has said that it was too much.
    at_a_time: u64,
}

impl Asking {
    async fn next(mut self) -> Result<Option<(Vec<Asked>, Self)>, StageError> {
        let fetch = self.fetch.clone();
        let context = &fetch.context;
        let repository = &context.repository()?.uuid;
        let archive = &context.importer.archive;
        let (page, batch) = loop {
            let after = self.after.as_ref();
            let page = archive.lfs_objects(repository, false, after, self.at_a_time);
            let page = page.await?;
            if page.is_empty() {
                return Ok(None);
            }
            // Brought by a process that was killed before it noted so.
            let (here, wanted) = sort_out(&self.fetch.store, page).await?;
            let objects: Vec<LfsObject> = wanted.iter().map(|one| one.object.clone()).collect();
            if objects.is_empty() {
                break ((here, wanted), LfsBatch::default());
            }
            let client = &context.importer.client;
            match client.lfs_batch(&self.fetch.repository, &objects).await {
                Ok(batch) => break ((here, wanted), batch),
                Err(error) if is_too_much(&error) && objects.len() > 1 => {
                    self.at_a_time = (objects.len() as u64 / 2).max(1);
                    tracing::debug!(objects = self.at_a_time, "fewer objects are asked for");
                    let mut transaction = context.begin().await?;
                    transaction
                        .add_requests(context.import, error.endpoint.name(), error.requests)
                        .await?;
                    transaction.commit().await?;
                }
                Err(error) => return Err(error.into()),
            }
        };
        let (here, wanted) = page;
        self.after = here
            .iter()
            .chain(&wanted)
            .map(|one| &one.object)
            .max()
            .cloned();
        let mut requests = batch.requests;
        let here = here.into_iter().map(|object| Asked {
            object,
            action: None,
            requests: 0,
        });
        let answers = wanted.into_iter().zip(batch.answers);
        let answers = answers.map(|(object, answer)| Asked {
            object,
            action: Some(answer.action),
            // What they cost together is counted with the first.
            requests: std::mem::take(&mut requests),
        });
        Ok(Some((here.chain(answers).collect(), self)))
    }
}

fn is_too_much(error: &RequestError) -> bool {
    matches!(error.kind, RequestErrorKind::Status { status: 413, .. })
}

/// What is here, and not yet said so in the database.
struct Notes<'a> {
    context: &'a StageContext,
    stored: Vec<LfsObject>,
    requests: u64,
    last: Instant,
}

impl<'a> Notes<'a> {
    fn new(context: &'a StageContext) -> Self {
        Self {
            context,
            stored: Vec::new(),
            requests: 0,
            last: Instant::now(),
        }
    }

    fn are_due(&self) -> bool {
        self.stored.len() >= NOTED_TOGETHER || self.last.elapsed() >= NOTED_WITHIN
    }

    async fn write(&mut self) -> Result<(), StageError> {
        let context = self.context;
        let repository = &context.repository()?.uuid;
        let mut transaction = if self.stored.is_empty() {
            context.begin().await?
        } else {
            context.begin_progress().await?
        };
        for object in self.stored.drain(..) {
            transaction
                .set_lfs_stored(repository, &object, true)
                .await?;
            transaction
                .clear_gap(context.import, Stage::Lfs, &object_name(&object.oid))
                .await?;
        }
        let requests = std::mem::take(&mut self.requests);
        transaction
            .add_requests(context.import, Endpoint::LfsBatch.name(), requests)
            .await?;
        transaction.commit().await?;
        self.last = Instant::now();
        let tally = context.importer.archive.tally_lfs(repository).await?;
        context.advanced(Stage::Lfs, tally.stored, Some(tally.expected));
        Ok(())
    }
}
