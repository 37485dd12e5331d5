//! Brings a git mirror up to date, and tries again what may pass.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bucketload_archive::mirror::{
    Mirror, MirrorError, MirrorUpdate, Remote, Segments, TransportKind, UpdateOptions,
};
use bucketload_model::{ErrorClass, GitTransfer, ProgressEvent, Stage};
use tokio::sync::watch;

use super::StageContext;
use crate::failure::{StageError, describe};

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

/// What is brought, and where to.
#[derive(Debug, Clone)]
pub(super) struct Transfer {
    pub(super) stage: Stage,
    pub(super) remote: Remote,
    /// The mirror.
    pub(super) path: PathBuf,
    pub(super) transport: TransportKind,
    pub(super) segments: Option<Segments>,
    /// The default branch, where it is known.
    pub(super) head: Option<String>,
}

impl Transfer {
    /// A transfer of what lies at the repository's address with this added to it.
    pub(super) fn of(context: &StageContext, stage: Stage, below: &[&str], path: PathBuf) -> Self {
        let mut remote = context.importer.git_remote(&context.name);
        if let Ok(mut segments) = remote.url.path_segments_mut() {
            segments.extend(below);
        }
        Self {
            stage,
            remote,
            path,
            transport: context.importer.transport,
            segments: None,
            head: None,
        }
    }

    /// Runs it. What remains wrong after all attempts is for the stage to judge; only what
    /// is wrong with all of the import is an error.
    pub(super) async fn run(
        &mut self,
        context: &StageContext,
    ) -> Result<Result<MirrorUpdate, MirrorError>, StageError> {
        let mut pauses = RETRY_AFTER.into_iter();
        let credential = context.importer.client.credential();
        let mut replaced = 0;
        // Segments of a large first clone that are here.
        let arrived = watch::Sender::new(0_u64);
        let mut before = 0;
        loop {
            // Fresh for each transfer: a token of an hour should outlast it.
            let signed = context.unless_stopped(credential.current()).await??;
            self.remote.authorization = signed.credential.git_authorization();
            let error = match self.attempt(context, &arrived).await {
                Ok(update) => return Ok(Ok(update)),
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
                return Ok(Err(error));
            };
            tracing::info!(
                repository = %context.name,
                problem = describe(&error),
                pause_ms = pause.as_millis(),
                "the git transfer broke off and is tried again"
            );
            context.unless_stopped(tokio::time::sleep(pause)).await?;
        }
    }

    /// Runs the blocking transfer on a thread of its own, and stops it when the
    /// import stops.
    async fn attempt(
        &self,
        context: &StageContext,
        arrived: &watch::Sender<u64>,
    ) -> Result<MirrorUpdate, StageError> {
        let stop = Arc::new(AtomicBool::new(false));
        // Set when this future is dropped, too: nobody would be left to do it.
        let _stops = StopsOnDrop(stop.clone());
        let cancel = context.ending.clone();
        let of_task = (context.clone(), self.clone(), stop.clone());
        let mut segments = arrived.subscribe();
        let arrived = arrived.clone();
        let gate = context.importer.client.git_gate();
        let mut task = tokio::task::spawn_blocking(move || {
            let (context, transfer, stopped) = of_task;
            let importer = &context.importer;
            let progress = |done: GitTransfer| {
                // The wiki is small, and its bar the number of its refs.
                if transfer.stage == Stage::Git {
                    context.emit(ProgressEvent::Git {
                        repository: context.name.clone(),
                        transfer: done,
                    });
                }
            };
            let mut options = UpdateOptions::new(importer.clock.now(), &progress, &stopped);
            options.transport = transfer.transport;
            options.segments = transfer.segments;
            let has_arrived = || arrived.send_modify(|count| *count += 1);
            options.arrived = Some(&has_arrived);
            options.gate = Some(&gate);
            options.head = transfer.head.as_deref();
            let mirror = Mirror::open_or_init(&transfer.path)?;
            mirror.update(&transfer.remote, &options)
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
}

/// Stops a thread when nobody waits for it any more.
pub(super) struct StopsOnDrop(pub(super) Arc<AtomicBool>);

impl Drop for StopsOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
