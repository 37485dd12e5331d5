//! The run of an import that was claimed: its stages on a task of their own, and somebody
//! who keeps the lease and looks what others want.

use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bucketload_archive::{Claimed, LeaseFile, Release, Wanted};
use bucketload_model::{
    ErrorClass, ImportEvent, ImportReport, ImportState, Lease, ProgressEvent, Stage, StageState,
};
use chrono::{DateTime, Utc};
use tokio::sync::watch;
use tokio::task::{JoinError, JoinHandle};
use tokio::time::{Instant, MissedTickBehavior};
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;

use crate::Importer;
use crate::failure::{StageError, describe};
use crate::import::{Failure, ImportError, ImportOutcome, run_stages};
use crate::notices::{End, Refusal};
use crate::policy::{RetryPolicy, Verdict, quota_returns, remedy};
use crate::pulse::{self, Pulse};
use crate::queue::tickets;
use crate::stages::{Listing, StageContext};

/// How a lease is kept.
#[derive(Debug, Clone, Copy)]
pub struct LeaseTimes {
    /// How long it lasts. A run whose process was lost on another machine is taken up this
    /// long after its last sign of life.
    pub lease: Duration,
    /// How often it is renewed: two renewals may fail.
    pub renew: Duration,
    /// How often its holder looks whether it is to halt or to stop.
    pub look: Duration,
    /// How long a request that is under way may take when the run comes to an end.
    pub finish: Duration,
}

impl Default for LeaseTimes {
    fn default() -> Self {
        Self {
            lease: Duration::from_secs(15),
            renew: Duration::from_secs(5),
            look: Duration::from_millis(400),
            // Service managers wait for ten seconds or longer.
            finish: Duration::from_secs(5),
        }
    }
}

/// For whom an import is run.
#[derive(Debug, Clone)]
pub(crate) enum Mode {
    /// For somebody who waits for it: what fails is told at once.
    Foreground,
    /// For the queue: what may pass is tried again.
    Queue(RetryPolicy),
}

/// Why a run was stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stop {
    Wanted(Wanted),
    Lost,
}

/// What stops the stages of a run.
struct Stops {
    /// Nothing more is begun.
    ending: CancellationToken,
    /// What is under way is dropped.
    cancel: CancellationToken,
}

impl Stops {
    fn drop_all(&self) {
        self.ending.cancel();
        self.cancel.cancel();
    }
}

/// How a run ends, for the import's row.
#[derive(Debug)]
struct Ending {
    event: ImportEvent,
    error: Option<String>,
    wait_until: Option<DateTime<Utc>>,
    counts: bool,
}

/// The stages at work. They end with whoever waits for them.
struct Body(JoinHandle<Result<Option<Failure>, ImportError>>);

impl Future for Body {
    type Output = Result<Result<Option<Failure>, ImportError>, JoinError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(context)
    }
}

impl Drop for Body {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Importer {
    /// Runs a claimed import until it ends, fails, is stopped or is lost.
    pub(crate) async fn run(
        &self,
        claimed: Claimed,
        life: LeaseFile,
        mode: Mode,
    ) -> Result<ImportOutcome, ImportError> {
        let import = claimed.lease.import;
        self.sink.emit(ProgressEvent::ImportStarted {
            repository: claimed.name.clone(),
            stages: claimed.stages.clone(),
            resumed: claimed.is_resumed,
        });
        let mut importer = self.clone();
        importer.whole_lists |= claimed.whole_lists;
        let pulse = Arc::new(Pulse::new(self.sink.clone()));
        importer.sink = pulse.clone();
        let cancel = CancellationToken::new();
        // Heard at once, however long anybody waits for the database meanwhile.
        let ending = self.cancel.child_token();
        importer.client = self.client.until(ending.clone());
        let context = StageContext {
            importer,
            import,
            fence: claimed.lease.fence,
            name: claimed.name.clone(),
            repository: None,
            listing: watch::Sender::new(Listing::default()),
            before: self.archive.stage_states(import).await?,
            brought: Arc::default(),
            ending: ending.clone(),
            cancel: cancel.clone(),
        };
        let span = tracing::info_span!("import", import.id = %import, repository = %claimed.name);
        let stops = Stops { ending, cancel };
        let mut body = Body(tokio::spawn(run_stages(context).instrument(span)));
        let mut lease = claimed.lease.clone();
        let (result, stop) = self.attend(&mut lease, &mut body, &stops, &pulse).await;
        let failure = match result {
            Ok(failure) => failure?,
            // It panicked: a defect of ours, which costs nobody the other imports.
            Err(error) => {
                tracing::error!(import.id = %import, %error, "the run of an import broke off");
                let stage = self.stage_at_work(&lease).await?;
                Some(Failure {
                    stage,
                    error: StageError::Lost,
                })
            }
        };
        let failure = match stop {
            Some(Stop::Lost) => Some(Failure {
                stage: failure.map_or(Stage::Finish, |failure| failure.stage),
                error: StageError::LeaseLost,
            }),
            _ => failure,
        };
        if stop != Some(Stop::Lost) {
            self.record_end(&claimed, &mode, stop, failure.as_ref())
                .await?;
        }
        life.end();
        let report = self.report_of(&lease).await?;
        self.sink.emit(ProgressEvent::ImportFinished {
            repository: claimed.name,
            report: Box::new(report.clone()),
        });
        Ok(ImportOutcome { report, failure })
    }

    /// Ends an import whose process died again and again before it brought anything forward:
    /// one more attempt would cost the next process its life, too.
    pub(crate) async fn give_up(
        &self,
        claimed: &Claimed,
        life: LeaseFile,
    ) -> Result<(), ImportError> {
        let why = format!(
            "{} processes in a row ended while they ran it, and nothing was brought forward. What \
             to do: see what ended them (memory, disk, the log), then retry",
            claimed.stalled_attempts
        );
        self.refuse(claimed, life, &why, Refusal::Other).await
    }

    /// Ends an import that was claimed and cannot be begun.
    pub(crate) async fn refuse(
        &self,
        claimed: &Claimed,
        life: LeaseFile,
        why: &str,
        refusal: Refusal,
    ) -> Result<(), ImportError> {
        tracing::error!(import.id = %claimed.lease.import, why, "an import is not begun");
        let now = self.clock.now();
        let release = Release {
            event: ImportEvent::Failed,
            error: Some(why),
            wait_until: None,
            counts: true,
            now,
        };
        let mut transaction = self.archive.begin().await?;
        if transaction.release(&claimed.lease, &release).await? == Some(ImportState::Failed) {
            let end = End::NotBegun { why, refusal };
            self.tell(&mut transaction, claimed, end, now).await?;
        }
        transaction.commit().await?;
        life.end();
        Ok(())
    }

    async fn report_of(&self, lease: &Lease) -> Result<ImportReport, ImportError> {
        let report = self.archive.report(lease.import).await?;
        report.ok_or(ImportError::Vanished(lease.import))
    }

    async fn stage_at_work(&self, lease: &Lease) -> Result<Stage, ImportError> {
        let states = self.archive.stage_states(lease.import).await?;
        let at_work = states
            .into_iter()
            .find(|(_, state)| *state == StageState::Running);
        Ok(at_work.map_or(Stage::Repository, |(stage, _)| stage))
    }

    /// Keeps the lease while the stages are at work, and stops them when somebody wants it
    /// or the lease is lost.
    async fn attend(
        &self,
        lease: &mut Lease,
        body: &mut Body,
        stops: &Stops,
        pulse: &Pulse,
    ) -> (
        Result<Result<Option<Failure>, ImportError>, JoinError>,
        Option<Stop>,
    ) {
        let mut stop = None;
        let mut renewed_at = self.clock.now();
        let mut beat_at = Instant::now();
        let mut look = tokio::time::interval(self.times.look);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        look.tick().await;
        let Stops { ending, cancel } = stops;
        let mut patience = pin!(async {
            ending.cancelled().await;
            tokio::time::sleep(self.times.finish).await;
        });
        loop {
            tokio::select! {
                biased;
                result = &mut *body => return (result, stop),
                () = &mut patience, if !cancel.is_cancelled() => {
                    tracing::info!(import.id = %lease.import, "what is under way takes too long");
                    stops.drop_all();
                    continue;
                }
                _ = look.tick() => {}
            }
            if beat_at.elapsed() >= pulse::EVERY {
                beat_at = Instant::now();
                self.beat(lease, pulse).await;
            }
            let seen = self.look(lease, &mut renewed_at).await;
            let seen = seen.unwrap_or_else(|error| {
                let is_over = self.clock.now() > lease.until;
                tracing::warn!(
                    import.id = %lease.import,
                    problem = describe(&error),
                    is_over,
                    "the lease of an import cannot be renewed"
                );
                is_over.then_some(Stop::Lost)
            });
            if let Some(seen) = seen {
                if stop != Some(seen) {
                    tracing::info!(import.id = %lease.import, why = ?seen, "a run is stopped");
                }
                stop = Some(seen);
                match seen {
                    Stop::Wanted(Wanted::Pause) => ending.cancel(),
                    Stop::Wanted(Wanted::Cancel) | Stop::Lost => stops.drop_all(),
                }
            }
        }
    }

    /// Writes how far the stages are. What cannot be written is told by the next one: the
    /// stages themselves write what they store.
    async fn beat(&self, lease: &Lease, pulse: &Pulse) {
        let Some(beat) = pulse.take() else { return };
        let written = async {
            let mut transaction = self.archive.begin().await?;
            let (import, fence) = (lease.import, lease.fence);
            if transaction.check_fence(import, fence, false).await? {
                beat.write(&mut transaction, lease, self.clock.now())
                    .await?;
            }
            transaction.commit().await
        };
        if let Err(error) = written.await {
            tracing::debug!(
                import.id = %lease.import,
                problem = describe(&error),
                "how far an import is cannot be written"
            );
        }
    }

    async fn look(
        &self,
        lease: &mut Lease,
        renewed_at: &mut DateTime<Utc>,
    ) -> Result<Option<Stop>, bucketload_archive::DatabaseError> {
        let now = self.clock.now();
        if now - *renewed_at >= of_std(self.times.renew) {
            let until = now + self.times.lease;
            let mut transaction = self.archive.begin().await?;
            let is_kept = transaction.renew(lease, until).await?;
            transaction.commit().await?;
            if !is_kept {
                return Ok(Some(Stop::Lost));
            }
            *renewed_at = now;
            lease.until = until;
        }
        Ok(match self.archive.wanted(lease).await? {
            None => Some(Stop::Lost),
            Some(wanted) => wanted.map(Stop::Wanted),
        })
    }

    /// Writes how a run ended, lets go of the import, and has somebody wake up where it is
    /// to go on: all of it in one transaction.
    async fn record_end(
        &self,
        claimed: &Claimed,
        mode: &Mode,
        stop: Option<Stop>,
        failure: Option<&Failure>,
    ) -> Result<(), ImportError> {
        let lease = &claimed.lease;
        let report = self.report_of(lease).await?;
        let now = self.clock.now();
        let mut transaction = self.archive.begin().await?;
        let fruitless = if transaction.has_progressed(lease.import).await? {
            0
        } else {
            claimed.stalled_attempts + 1
        };
        let ending = match failure {
            None => ended(&report),
            Some(failure) => broken_off(failure, mode, stop, fruitless, now),
        };
        let release = Release {
            event: ending.event,
            error: ending.error.as_deref(),
            wait_until: ending.wait_until,
            counts: ending.counts,
            now,
        };
        let state = transaction.release(lease, &release).await?;
        if let Some(end) = end_to_tell(state, &ending, &report, failure) {
            self.tell(&mut transaction, claimed, end, now).await?;
        }
        let goes_on = matches!(
            ending.event,
            ImportEvent::HandedBack | ImportEvent::WaitBegan
        );
        if state.is_some() && goes_on && matches!(mode, Mode::Queue(_)) {
            tickets::push(&mut transaction, ending.wait_until, 1).await?;
        }
        for removal in self.client.announced_removals() {
            transaction.put_announced_removal(&removal, now).await?;
        }
        Ok(transaction.commit().await?)
    }
}

/// What of an end is told to those who do not watch, if any of it is.
fn end_to_tell<'a>(
    state: Option<ImportState>,
    ending: &'a Ending,
    report: &'a ImportReport,
    failure: Option<&'a Failure>,
) -> Option<End<'a>> {
    match (state?, failure) {
        (ImportState::Complete | ImportState::CompleteWithGaps, _) => Some(End::Reached(report)),
        (ImportState::Failed, Some(failure)) => Some(End::Failed {
            why: ending.error.as_deref().unwrap_or_default(),
            failure,
        }),
        _ => None,
    }
}

fn ended(report: &ImportReport) -> Ending {
    let event = if report.gaps.is_empty() && report.missing() == 0 {
        ImportEvent::Completed
    } else {
        ImportEvent::CompletedWithGaps
    };
    Ending {
        event,
        error: None,
        wait_until: None,
        counts: false,
    }
}

fn broken_off(
    failure: &Failure,
    mode: &Mode,
    stop: Option<Stop>,
    fruitless: u64,
    now: DateTime<Utc>,
) -> Ending {
    let error = &failure.error;
    let why = format!("{}: {}", failure.stage, describe(error));
    let ending = |event, error, wait_until, counts| Ending {
        event,
        error: Some(error),
        wait_until,
        counts,
    };
    if error.class() == ErrorClass::Cancelled {
        return match (stop, mode) {
            (Some(Stop::Wanted(Wanted::Pause)), _) => ending(ImportEvent::Paused, why, None, false),
            (Some(Stop::Wanted(Wanted::Cancel)), _) | (_, Mode::Foreground) => {
                ending(ImportEvent::Cancelled, why, None, false)
            }
            // The worker ends, and another goes on.
            (_, Mode::Queue(_)) => Ending {
                event: ImportEvent::HandedBack,
                error: None,
                wait_until: None,
                counts: false,
            },
        };
    }
    let Mode::Queue(policy) = mode else {
        return match error.class() {
            ErrorClass::RateLimited => {
                ending(ImportEvent::WaitBegan, why, quota_returns(error), false)
            }
            _ => ending(ImportEvent::Failed, why, None, true),
        };
    };
    match policy.decide(error, fruitless) {
        Verdict::WaitUntil(until) => {
            let until = until.unwrap_or(now + UNKNOWN_WAIT);
            ending(ImportEvent::WaitBegan, why, Some(until), false)
        }
        Verdict::RetryAfter(pause) => {
            let until = now + pause;
            ending(ImportEvent::HandedBack, why, Some(until), true)
        }
        Verdict::Fail if fruitless > 1 => {
            let why = format!(
                "{why}; {fruitless} attempts in a row brought nothing forward. What to do: {}",
                remedy(error)
            );
            ending(ImportEvent::Failed, why, None, true)
        }
        Verdict::Fail => {
            let why = format!("{why}. What to do: {}", remedy(error));
            ending(ImportEvent::Failed, why, None, true)
        }
    }
}

/// Where nobody says when the quota is there again.
const UNKNOWN_WAIT: chrono::Duration = chrono::Duration::minutes(5);

fn of_std(duration: Duration) -> chrono::Duration {
    chrono::Duration::from_std(duration).unwrap_or(chrono::Duration::MAX)
}
