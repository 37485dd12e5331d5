//! The hour's quota, and the stop after a 429.
//!
//! One governor serves every request of one credential in this process. A 429
//! stops them all: a rejected request probably counts against the quota too,
//! so asking again at once only makes it worse.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bucketload_model::{Clock, ProgressEvent, ProgressSink, Wait, WaitReason};
use chrono::{DateTime, Utc};
use tokio::time::Instant;

/// Bitbucket counts requests over a rolling hour.
const WINDOW: Duration = Duration::from_hours(1);

/// A 429 usually does not say when to come back; this is the first guess.
const FIRST_PAUSE: Duration = Duration::from_mins(1);

/// No guess is longer. The window is an hour, so it may open any minute.
const LONGEST_PAUSE: Duration = Duration::from_mins(15);

/// Decides when a request may be sent.
#[derive(Debug)]
pub struct Governor {
    /// Requests in an hour; no limit of our own when absent.
    hourly_quota: Option<u32>,
    clock: Arc<dyn Clock>,
    sink: Arc<dyn ProgressSink>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// When each request of the last hour was sent, oldest first.
    sent: VecDeque<Instant>,
    /// Bitbucket said 429: nothing is sent before.
    stopped_until: Option<Instant>,
    /// Stops in a row without an answer in between.
    stops: u32,
    /// Requests that wait. The first announces the wait, the last its end.
    waiting: usize,
    announced: Option<Instant>,
}

/// Leave to send one request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Leave {
    sent_at: Instant,
}

impl Governor {
    /// A governor that allows `hourly_quota` requests in any hour; without a
    /// number only Bitbucket's own 429 is obeyed.
    pub fn new(
        hourly_quota: Option<u32>,
        clock: Arc<dyn Clock>,
        sink: Arc<dyn ProgressSink>,
    ) -> Self {
        Self {
            hourly_quota,
            clock,
            sink,
            state: Mutex::default(),
        }
    }

    /// Requests allowed in an hour; absent where there is no limit of our own.
    pub const fn hourly_quota(&self) -> Option<u32> {
        self.hourly_quota
    }

    /// Waits until a request may be sent, and counts it. With `patient` false it
    /// returns the time at which it could be sent instead of waiting.
    pub(crate) async fn leave(&self, patient: bool) -> Result<Leave, DateTime<Utc>> {
        loop {
            let (until, reason) = {
                let mut state = self.state();
                let now = Instant::now();
                match self.obstacle(&mut state, now) {
                    None => {
                        if self.hourly_quota.is_some() {
                            state.sent.push_back(now);
                        }
                        return Ok(Leave { sent_at: now });
                    }
                    Some((until, _)) if !patient => {
                        return Err(self.clock.now() + (until - now));
                    }
                    Some(obstacle) => obstacle,
                }
            };
            let _waiting = self.announce(until, reason);
            tokio::time::sleep_until(until).await;
        }
    }

    /// Bitbucket refused a request with 429. `told` is how long it said to wait.
    pub(crate) fn refused(&self, leave: Leave, told: Option<Duration>) {
        let mut state = self.state();
        // Requests that were under way together are refused together: that is one stop.
        if state
            .stopped_until
            .is_some_and(|until| leave.sent_at < until)
            && told.is_none()
        {
            return;
        }
        state.stops += 1;
        let pause = told.unwrap_or_else(|| {
            let doublings = (state.stops - 1).min(8);
            let guess = (FIRST_PAUSE * 2u32.pow(doublings)).min(LONGEST_PAUSE);
            // Between 100 and 150 percent, so that processes do not come back in step.
            guess + guess.mul_f64(jitter() / 2.0)
        });
        let until = Instant::now() + pause;
        state.stopped_until = Some(state.stopped_until.map_or(until, |old| old.max(until)));
        tracing::warn!(
            pause_seconds = pause.as_secs(),
            told = told.is_some(),
            "Bitbucket refused a request for quota; all requests wait"
        );
    }

    /// Bitbucket answered. `remaining` and `reset` are what it says of its window.
    pub(crate) fn answered(&self, remaining: Option<u64>, reset: Option<Duration>) {
        let mut state = self.state();
        state.stops = 0;
        if let (Some(0), Some(reset)) = (remaining, reset) {
            state.stopped_until = Some(Instant::now() + reset);
        }
    }

    fn obstacle(&self, state: &mut State, now: Instant) -> Option<(Instant, WaitReason)> {
        if let Some(until) = state.stopped_until {
            if now < until {
                return Some((until, WaitReason::RateLimited));
            }
            state.stopped_until = None;
        }
        let quota = usize::try_from(self.hourly_quota?).unwrap_or(usize::MAX);
        while state.sent.front().is_some_and(|sent| now - *sent >= WINDOW) {
            state.sent.pop_front();
        }
        if state.sent.len() < quota {
            return None;
        }
        let oldest = state.sent.front().copied().unwrap_or(now);
        Some((oldest + WINDOW, WaitReason::Quota))
    }

    fn announce(&self, until: Instant, reason: WaitReason) -> Waiting<'_> {
        let mut state = self.state();
        state.waiting += 1;
        if state.announced != Some(until) {
            state.announced = Some(until);
            let left = until.saturating_duration_since(Instant::now());
            let until = self.clock.now() + left;
            drop(state);
            self.sink
                .emit(ProgressEvent::WaitStarted(Wait { reason, until }));
        }
        Waiting { governor: self }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Ends the announced wait when the last one that waits goes on or is dropped.
struct Waiting<'a> {
    governor: &'a Governor,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let mut state = self.governor.state();
        state.waiting -= 1;
        if state.waiting == 0 && state.announced.take().is_some() {
            drop(state);
            self.governor.sink.emit(ProgressEvent::WaitEnded);
        }
    }
}

/// A number from 0 to 1 that differs between processes and calls.
fn jitter() -> f64 {
    use std::hash::{BuildHasher as _, RandomState};
    let bits = u32::try_from(RandomState::new().hash_one(0u8) >> 32).unwrap_or_default();
    f64::from(bits) / f64::from(u32::MAX)
}

#[cfg(test)]
mod tests {
    use bucketload_model::{ManualClock, NullSink, RecordingSink};

    use super::*;

    fn governor(quota: Option<u32>, sink: Arc<dyn ProgressSink>) -> Governor {
        let clock = ManualClock::new(DateTime::from_timestamp(1_800_000_000, 0).unwrap());
        Governor::new(quota, Arc::new(clock), sink)
    }

    #[tokio::test(start_paused = true)]
    async fn the_quota_of_an_hour_is_spent_at_once_and_then_waited_for() {
        let sink = Arc::new(RecordingSink::default());
        let governor = governor(Some(3), sink.clone());
        let start = Instant::now();
        for _ in 0..3 {
            governor.leave(true).await.unwrap();
        }
        assert_eq!(start.elapsed(), Duration::ZERO);
        governor.leave(true).await.unwrap();
        assert!(start.elapsed() >= WINDOW);
        assert!(start.elapsed() < WINDOW + Duration::from_secs(1));
        assert!(matches!(
            sink.events().as_slice(),
            [
                ProgressEvent::WaitStarted(Wait {
                    reason: WaitReason::Quota,
                    ..
                }),
                ProgressEvent::WaitEnded,
            ]
        ));
    }

    #[tokio::test(start_paused = true)]
    async fn one_refusal_stops_everybody_for_as_long_as_told() {
        let governor = governor(None, Arc::new(NullSink));
        let start = Instant::now();
        let leave = governor.leave(true).await.unwrap();
        governor.refused(leave, Some(Duration::from_secs(745)));
        futures::future::join_all((0..8).map(|_| governor.leave(true))).await;
        assert!(start.elapsed() >= Duration::from_secs(745));
        assert!(start.elapsed() < Duration::from_secs(747));
    }

    #[tokio::test(start_paused = true)]
    async fn refusals_of_one_burst_are_one_stop_and_later_ones_wait_longer() {
        let governor = governor(None, Arc::new(NullSink));
        let start = Instant::now();
        let mut burst = Vec::new();
        for _ in 0..8 {
            burst.push(governor.leave(true).await.unwrap());
        }
        for leave in burst {
            governor.refused(leave, None);
        }
        let leave = governor.leave(true).await.unwrap();
        let first = start.elapsed();
        assert!(first >= FIRST_PAUSE && first <= FIRST_PAUSE * 3 / 2 + Duration::from_secs(1));

        governor.refused(leave, None);
        governor.leave(true).await.unwrap();
        assert!(start.elapsed() >= first + FIRST_PAUSE * 2);
    }

    #[tokio::test(start_paused = true)]
    async fn who_does_not_want_to_wait_is_told_until_when() {
        let governor = governor(Some(1), Arc::new(NullSink));
        governor.leave(false).await.unwrap();
        let until = governor.leave(false).await.unwrap_err();
        assert_eq!(until.timestamp(), 1_800_000_000 + 3600);
    }

    #[tokio::test(start_paused = true)]
    async fn an_exhausted_window_announced_by_an_answer_is_waited_out() {
        let governor = governor(None, Arc::new(NullSink));
        let start = Instant::now();
        governor.leave(true).await.unwrap();
        governor.answered(Some(0), Some(Duration::from_secs(30)));
        governor.leave(true).await.unwrap();
        assert!(start.elapsed() >= Duration::from_secs(30));
    }
}
