//! Decides when a request may be sent.
//!
//! The rules are `bucketload_model::RateBucket`'s, the account is a ledger's, in
//! memory or shared by processes. Here is the waiting: a state with an end,
//! published to whoever watches.

use std::hash::{BuildHasher as _, RandomState};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bucketload_model::{
    Clock, Leave, LedgerError, MemoryLedger, NoLeave, ProgressEvent, ProgressSink, QuotaLedger,
    QuotaRule, QuotaSaid, Verdict, Wait, WaitReason,
};
use chrono::{DateTime, Utc};
use tokio::sync::Notify;

use crate::WaitPolicy;

/// How long to sleep before the ledger is asked again: another process may have
/// found out more, and a laptop may have slept.
const LONGEST_SLEEP: Duration = Duration::from_secs(5);

/// What a governor governs.
#[derive(Debug)]
pub struct GovernorOptions {
    /// Whose requests count together.
    pub bucket: String,
    /// How the bucket is to be used; without a rule there is no limit of our
    /// own, and only the server's 429 is obeyed.
    pub rule: Option<QuotaRule>,
    /// Whether somebody waits for the answers: they may use the reserve.
    pub is_interactive: bool,
    /// Where the account is kept.
    pub ledger: Arc<dyn QuotaLedger>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Where waits are published.
    pub sink: Arc<dyn ProgressSink>,
}

/// Decides when a request may be sent.
#[derive(Debug)]
pub struct Governor {
    options: GovernorOptions,
    rule: QuotaRule,
    /// Set while this process knows of a stop: then every answer is news.
    knows_of_stop: AtomicBool,
    waits: Mutex<Waits>,
    /// Something was learned; those who wait may go sooner.
    news: Notify,
}

#[derive(Debug, Default)]
struct Waits {
    /// Requests that wait. The first announces the wait, the last its end.
    count: usize,
    announced: Option<DateTime<Utc>>,
}

impl Governor {
    /// A governor of a bucket.
    pub fn new(mut options: GovernorOptions) -> Self {
        // Without a limit of our own only a stop counts, and that of this process.
        let rule = options.rule.unwrap_or_else(|| {
            options.ledger = Arc::new(MemoryLedger::default());
            QuotaRule {
                assumed_limit: u32::MAX,
                window: chrono::Duration::hours(1),
                reserve_percent: 0,
            }
        });
        Self {
            options,
            rule,
            knows_of_stop: AtomicBool::new(false),
            waits: Mutex::default(),
            news: Notify::new(),
        }
    }

    /// Requests assumed to be allowed in an hour; absent where there is no limit
    /// of our own.
    pub fn hourly_quota(&self) -> Option<u32> {
        let rule = self.options.rule?;
        let windows =
            chrono::Duration::hours(1).num_milliseconds() / rule.window.num_milliseconds().max(1);
        let windows = u32::try_from(windows.max(1)).unwrap_or(u32::MAX);
        Some(rule.assumed_limit.saturating_mul(windows))
    }

    /// Waits until a request may be sent, and counts it; or says when it could be sent,
    /// where the caller does not wait for that.
    ///
    /// # Errors
    ///
    /// When the caller is not patient, or the account cannot be kept.
    pub async fn leave(&self, patience: WaitPolicy) -> Result<Leave, NoLeave> {
        // One wait, however often the ledger is asked meanwhile.
        let mut waiting = None;
        loop {
            // Before the ledger is asked, so that no news is missed.
            let news = self.news.notified();
            let now = self.options.clock.now();
            let (rule, is_interactive) = (self.rule, self.options.is_interactive);
            let verdict = self
                .options
                .ledger
                .decide(
                    &self.options.bucket,
                    Box::new(move |bucket| bucket.take(&rule, now, is_interactive)),
                )
                .await?;
            let (until, reason) = match verdict {
                Verdict::Go | Verdict::Probe => {
                    return Ok(Leave {
                        sent_at: now,
                        is_probe: verdict == Verdict::Probe,
                    });
                }
                Verdict::SpentUntil(until) => (until, WaitReason::Quota),
                Verdict::StoppedUntil(until) => {
                    self.knows_of_stop.store(true, Ordering::Relaxed);
                    (until, WaitReason::RateLimited)
                }
            };
            let left = (until - now).to_std().unwrap_or_default();
            if !patience.waits_for(left) {
                return Err(NoLeave::Until(until));
            }
            let waiting = waiting.get_or_insert_with(|| self.begin_to_wait());
            waiting.announce(until, reason);
            let sleep = left.clamp(Duration::from_millis(1), LONGEST_SLEEP);
            tokio::select! {
                () = tokio::time::sleep(sleep) => {}
                () = news => {}
            }
        }
    }

    /// The server refused a request with 429. `told` is how long it said to wait.
    ///
    /// # Errors
    ///
    /// When the account cannot be kept.
    pub async fn refused(&self, leave: Leave, told: Option<Duration>) -> Result<(), LedgerError> {
        tracing::warn!(
            bucket = self.options.bucket,
            told_seconds = told.map(|told| told.as_secs()),
            "Bitbucket refused a request for quota; all requests of the bucket wait"
        );
        self.knows_of_stop.store(true, Ordering::Relaxed);
        let told = told.and_then(|told| chrono::Duration::from_std(told).ok());
        let (rule, now, jitter) = (self.rule, self.options.clock.now(), jitter());
        self.change(Box::new(move |bucket| {
            bucket.refused(&rule, leave.sent_at, now, told, jitter);
        }))
        .await
    }

    /// The server answered, and said this of the bucket.
    ///
    /// # Errors
    ///
    /// When the account cannot be kept.
    pub async fn answered(&self, leave: Leave, said: QuotaSaid) -> Result<(), LedgerError> {
        // Where no limit of our own is wanted, the server's is none either.
        let said = match self.options.rule {
            Some(_) => said,
            None => QuotaSaid::default(),
        };
        let knew_of_stop = self.knows_of_stop.swap(false, Ordering::Relaxed);
        if !leave.is_probe && !knew_of_stop && said == QuotaSaid::default() {
            return Ok(());
        }
        let (rule, now) = (self.rule, self.options.clock.now());
        self.change(Box::new(move |bucket| {
            bucket.answered(&rule, leave.sent_at, now, said);
        }))
        .await
    }

    async fn change(
        &self,
        change: bucketload_model::BucketChange<'_, ()>,
    ) -> Result<(), LedgerError> {
        let done = self
            .options
            .ledger
            .update(&self.options.bucket, change)
            .await;
        self.news.notify_waiters();
        done
    }

    fn begin_to_wait(&self) -> Waiting<'_> {
        self.waits().count += 1;
        Waiting { governor: self }
    }

    fn waits(&self) -> MutexGuard<'_, Waits> {
        self.waits.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Ends the announced wait when the last one that waits goes on or is dropped.
struct Waiting<'a> {
    governor: &'a Governor,
}

impl Waiting<'_> {
    /// Publishes the wait, unless its end is known already.
    fn announce(&self, until: DateTime<Utc>, reason: WaitReason) {
        let mut waits = self.governor.waits();
        if waits.announced != Some(until) {
            waits.announced = Some(until);
            drop(waits);
            let wait = Wait { reason, until };
            let sink = &self.governor.options.sink;
            sink.emit(ProgressEvent::WaitStarted(wait));
        }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let mut waits = self.governor.waits();
        waits.count -= 1;
        if waits.count == 0 && waits.announced.take().is_some() {
            drop(waits);
            self.governor.options.sink.emit(ProgressEvent::WaitEnded);
        }
    }
}

/// A number from 0 to 1 that differs between processes and calls.
fn jitter() -> f64 {
    let bits = u32::try_from(RandomState::new().hash_one(0u8) >> 32).unwrap_or_default();
    f64::from(bits) / f64::from(u32::MAX)
}

#[cfg(test)]
mod tests {
    use bucketload_model::{NullSink, RecordingSink};
    use tokio::time::Instant;

    use super::*;

    const HOUR: Duration = Duration::from_hours(1);

    /// A clock that goes with tokio's, which tests can move.
    #[derive(Debug)]
    struct TokioClock(Instant);

    impl Clock for TokioClock {
        fn now(&self) -> DateTime<Utc> {
            let start = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
            start + chrono::Duration::from_std(self.0.elapsed()).unwrap()
        }
    }

    fn governor(limit: Option<u32>, sink: Arc<dyn ProgressSink>) -> Governor {
        Governor::new(GovernorOptions {
            bucket: "rest:test".to_owned(),
            rule: limit.map(|assumed_limit| QuotaRule {
                assumed_limit,
                window: chrono::Duration::hours(1),
                reserve_percent: 0,
            }),
            is_interactive: false,
            ledger: Arc::new(MemoryLedger::default()),
            clock: Arc::new(TokioClock(Instant::now())),
            sink,
        })
    }

    #[tokio::test(start_paused = true)]
    async fn a_spent_quota_is_one_announced_wait() {
        let sink = Arc::new(RecordingSink::default());
        let governor = governor(Some(3), sink.clone());
        let start = Instant::now();
        for _ in 0..3 {
            governor.leave(WaitPolicy::Wait).await.unwrap();
        }
        assert_eq!(start.elapsed(), Duration::ZERO);
        governor.leave(WaitPolicy::Wait).await.unwrap();
        assert!(start.elapsed() >= HOUR && start.elapsed() < HOUR.mul_f64(1.1));
        let starts = sink.events().into_iter().filter(|event| {
            matches!(event, ProgressEvent::WaitStarted(wait) if wait.reason == WaitReason::Quota)
        });
        assert!(starts.count() >= 1);
        assert_eq!(sink.events().last(), Some(&ProgressEvent::WaitEnded));
    }

    #[tokio::test(start_paused = true)]
    async fn one_refusal_stops_everybody_for_as_long_as_told() {
        let governor = governor(None, Arc::new(NullSink));
        let start = Instant::now();
        let leave = governor.leave(WaitPolicy::Wait).await.unwrap();
        let told = Duration::from_secs(745);
        governor.refused(leave, Some(told)).await.unwrap();
        let everybody = (0..8).map(|_| async {
            let leave = governor.leave(WaitPolicy::Wait).await.unwrap();
            assert!(start.elapsed() >= told);
            governor
                .answered(leave, QuotaSaid::default())
                .await
                .unwrap();
        });
        futures::future::join_all(everybody).await;
        assert!(start.elapsed() < told + Duration::from_secs(10));
    }

    #[tokio::test(start_paused = true)]
    async fn who_does_not_want_to_wait_is_told_until_when() {
        let governor = governor(Some(1), Arc::new(NullSink));
        governor.leave(WaitPolicy::GiveUp).await.unwrap();
        let Err(NoLeave::Until(until)) = governor.leave(WaitPolicy::GiveUp).await else {
            panic!("the quota is spent");
        };
        assert!(until.timestamp() >= 1_800_000_000 + 3600);
    }

    #[tokio::test(start_paused = true)]
    async fn patience_has_a_measure() {
        let governor = governor(Some(1), Arc::new(NullSink));
        governor.leave(WaitPolicy::GiveUp).await.unwrap();
        let start = Instant::now();
        let short = WaitPolicy::AtMost(HOUR / 2);
        let Err(NoLeave::Until(_)) = governor.leave(short).await else {
            panic!("it takes an hour");
        };
        assert_eq!(start.elapsed(), Duration::ZERO);
        let long = WaitPolicy::AtMost(HOUR * 2);
        governor.leave(long).await.unwrap();
        assert!(start.elapsed() >= HOUR);
    }

    #[tokio::test(start_paused = true)]
    async fn an_exhausted_window_announced_by_an_answer_is_waited_out() {
        let governor = governor(Some(60), Arc::new(NullSink));
        let start = Instant::now();
        let leave = governor.leave(WaitPolicy::Wait).await.unwrap();
        let said = QuotaSaid {
            limit: Some(60),
            remaining: Some(0),
            reset: Some(chrono::Duration::seconds(30)),
        };
        governor.answered(leave, said).await.unwrap();
        governor.leave(WaitPolicy::Wait).await.unwrap();
        assert!(start.elapsed() >= Duration::from_secs(30));
    }
}
