//! Every ref and object, into a bare mirror.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bucketload_archive::StoredRepository;
use bucketload_archive::mirror::{
    Mirror, MirrorError, MirrorUpdate, Remote, Segments, UpdateOptions,
};
use bucketload_bitbucket::Repository;
use bucketload_model::{
    Checkpoint, ErrorClass, Gap, GapReason, GitReport, GitTransfer, ProgressEvent, RepositoryName,
    Stage,
};

use tokio::sync::watch;

use super::StageContext;
use crate::Importer;
use crate::failure::{StageError, describe, gap_reason};

/// Pauses before a transfer that broke off is begun again.
const RETRY_AFTER: [Duration; 3] = [
    Duration::from_secs(1),
    Duration::from_secs(5),
    Duration::from_secs(20),
];

/// Tokens that may end during the transfers of one mirror.
const MAX_REPLACED: u32 = 5;

/// A transfer that is stopped ends within a second. One that does not is left to itself: the
/// mirror has a lock of its own.
const STOPS_WITHIN: Duration = Duration::from_secs(5);

/// Ends by itself when the import is stopped.
pub(super) async fn run(context: &StageContext) -> Result<(), StageError> {
    let repository = context.repository()?;
    let mut remote = context.importer.git_remote(&context.name);
    let url = remote.url.to_string();
    let gap = |reason, detail| Gap {
        stage: Stage::Git,
        object: super::stage_object(Stage::Git).to_owned(),
        reason,
        detail,
        url: Some(url.clone()),
    };
    if let Some(scm) = repository.scm.as_deref().filter(|scm| *scm != "git") {
        let detail = format!("the repository is kept in {scm}, not in git");
        let gap = gap(GapReason::UnsupportedScm, detail);
        return context.record_gap(gap, "", 0).await;
    }
    let mut pauses = RETRY_AFTER.into_iter();
    let credential = context.importer.client.credential();
    let mut replaced = 0;
    // Segments of a large first clone that are here.
    let arrived = watch::Sender::new(0_u64);
    let mut before = 0;
    let update = loop {
        // Fresh for each transfer: a token of an hour should outlast it.
        let signed = context.unless_stopped(credential.current()).await??;
        remote.authorization = signed.credential.git_authorization();
        let error = match transfer(context, &remote, &arrived).await {
            Ok(update) => break update,
            Err(StageError::Mirror(error)) => error,
            Err(error) => return Err(error),
        };
        // One that was refused while it lived has a successor that is taken, or none.
        // One that ended while git waited for its turn says nothing.
        let may_replace = replaced == 0
            || (replaced < MAX_REPLACED && signed.has_ended(context.importer.clock.now()));
        if error.class() == ErrorClass::Unauthorized && may_replace {
            replaced += 1;
            let successor = credential.after_refusal(&signed);
            if context.unless_stopped(successor).await??.is_some() {
                continue;
            }
        }
        // The repository was read with this credential, so a refusal here is a
        // scope that is wanting, not a wrong credential.
        let reason = match error.class() {
            ErrorClass::Unauthorized => Some(GapReason::NotPermitted),
            class => gap_reason(Stage::Git, class),
        };
        if let Some(reason) = reason {
            return context
                .record_gap(gap(reason, describe(&error)), "", 0)
                .await;
        }
        // The bucket has stopped: the next request waits, and with it this stage.
        if matches!(error, MirrorError::RateLimited { .. }) {
            continue;
        }
        // With a segment more than last time it came along, and may break off again.
        let now = *arrived.borrow();
        if now > before {
            before = now;
            pauses = RETRY_AFTER.into_iter();
        }
        let pause = (error.class() == ErrorClass::Transient).then(|| pauses.next());
        let Some(pause) = pause.flatten() else {
            return Err(error.into());
        };
        tracing::info!(
            repository = %context.name,
            problem = describe(&error),
            pause_ms = pause.as_millis(),
            "the git transfer broke off and is tried again"
        );
        context.unless_stopped(tokio::time::sleep(pause)).await?;
    };
    store(context, &remote, &update).await
}

impl Importer {
    /// Where git finds a repository.
    pub(crate) fn git_remote(&self, name: &RepositoryName) -> Remote {
        let mut url = self.web_url.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty()
                .push(name.workspace.as_str())
                .push(&format!("{}.git", name.slug));
        }
        Remote {
            url,
            authorization: None,
        }
    }
}

/// Runs the blocking transfer on a thread of its own, and stops it when the
/// import stops.
async fn transfer(
    context: &StageContext,
    remote: &Remote,
    arrived: &watch::Sender<u64>,
) -> Result<MirrorUpdate, StageError> {
    let stop = Arc::new(AtomicBool::new(false));
    // Set when this future is dropped, too: nobody would be left to do it.
    let _stops = StopsOnDrop(stop.clone());
    let cancel = context.ending.clone();
    let of_task = context.clone();
    let remote = remote.clone();
    let gate = context.importer.client.git_gate();
    let stopped = stop.clone();
    let mut segments = arrived.subscribe();
    let arrived = arrived.clone();
    let mut task = tokio::task::spawn_blocking(move || {
        let context = of_task;
        let importer = &context.importer;
        let progress = |transfer: GitTransfer| {
            context.emit(ProgressEvent::Git {
                repository: context.name.clone(),
                transfer,
            });
        };
        let main_branch = context
            .repository
            .as_ref()
            .and_then(|repository| repository.main_branch.clone());
        let mut options = UpdateOptions::new(importer.clock.now(), &progress, &stopped);
        options.transport = importer.transport;
        let size = context.repository.as_ref().and_then(size_bytes);
        options.segments = Segments::for_size(size, importer.segment_above_bytes);
        let has_arrived = || arrived.send_modify(|count| *count += 1);
        options.arrived = Some(&has_arrived);
        options.gate = Some(&gate);
        options.head = main_branch.as_deref();
        let mirror = Mirror::open_or_init(&importer.data_dir.mirror(&context.name))?;
        mirror.update(&remote, &options)
    });
    let result = loop {
        tokio::select! {
            result = &mut task => break result,
            Ok(()) = segments.changed() => context.begin_progress().await?.commit().await?,
            () = cancel.cancelled() => {
                stop.store(true, Ordering::Relaxed);
                // The import is not let go of while a program of it still runs.
                let ended = tokio::time::timeout(STOPS_WITHIN, task).await;
                return match ended {
                    Ok(Ok(Ok(update))) => Ok(update),
                    _ => Err(StageError::Cancelled),
                };
            }
        }
    };
    match result {
        Ok(result) => Ok(result?),
        Err(_) => Err(StageError::Lost),
    }
}

/// How large the repository is, by Bitbucket's own count.
fn size_bytes(repository: &StoredRepository) -> Option<u64> {
    let repository: Repository = serde_json::from_str(&repository.source).ok()?;
    repository.size?.try_into().ok()
}

struct StopsOnDrop(Arc<AtomicBool>);

impl Drop for StopsOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

async fn store(
    context: &StageContext,
    remote: &Remote,
    update: &MirrorUpdate,
) -> Result<(), StageError> {
    tracing::debug!(
        repository = %context.name,
        refs = update.refs,
        created = update.created,
        changed = update.changed,
        archived = update.archived.len(),
        segments = update.segments,
        received_bytes = update.bytes_received,
        "the mirror is up to date"
    );
    let gaps = update.skipped.iter().map(|name| Gap {
        stage: Stage::Git,
        object: format!("ref {name}"),
        reason: GapReason::NotArchivable,
        detail: "its name is unsafe or belongs to the archive's own refs".to_owned(),
        url: Some(remote.url.to_string()),
    });
    let gaps: Vec<Gap> = gaps.collect();
    let listed = update.refs + gaps.len() as u64;
    let mut transaction = context.begin().await?;
    transaction
        .add_git_result(
            context.import,
            GitReport {
                refs: update.refs,
                bytes_received: update.bytes_received,
            },
        )
        .await?;
    transaction
        .save_checkpoint(
            context.import,
            Stage::Git,
            &Checkpoint::EndOfList,
            Some(listed),
        )
        .await?;
    transaction
        .clear_gap(context.import, Stage::Git, super::stage_object(Stage::Git))
        .await?;
    for gap in &gaps {
        transaction.add_gap(context.import, gap).await?;
    }
    transaction.commit().await?;
    for gap in gaps {
        context.announce_gap(gap);
    }
    Ok(())
}
