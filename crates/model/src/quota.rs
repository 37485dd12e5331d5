//! The account of a rate bucket: what was used, what is left, when to wait.
//!
//! The rules are here, as plain data and functions of the time. Where the
//! account is kept is another matter: in memory for one process, in the database
//! for all of them.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};

use chrono::{DateTime, Duration, Utc};
use serde::{Deserialize, Serialize};

/// A window is counted in so many slots; a request counts until its whole slot
/// has left the window, so the account errs on the safe side.
const SLOTS: i32 = 360;

/// A request is counted when it gets leave, and by Bitbucket when it arrives.
/// This part of a window is added for the way: 72 seconds for an hour.
const MARGIN_PARTS: i32 = 50;

/// The way takes its time however short a test's window is: less is never added.
const LEAST_MARGIN: Duration = Duration::milliseconds(500);

/// A 429 seldom says when to come back; this part of the window is the first
/// guess (one minute for an hour), and each further one doubles.
const FIRST_PAUSE_PARTS: i32 = 60;

/// No guess is longer than this part of the window (a quarter of an hour).
const LONGEST_PAUSE_PARTS: i32 = 4;

/// A probe that has not come back after this part of the window is given up, and
/// another one may go.
const PROBE_PARTS: i32 = 60;

/// How a bucket is to be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QuotaRule {
    /// Requests in a window, where the server has not said.
    pub assumed_limit: u32,
    /// The window that the server counts over.
    pub window: Duration,
    /// Requests in a hundred kept back for people who wait for an answer.
    pub reserve_percent: u32,
}

impl QuotaRule {
    /// Requests of a limit that are kept back.
    pub const fn reserve_of(&self, limit: u32) -> u32 {
        limit / 100 * self.reserve_percent + limit % 100 * self.reserve_percent / 100
    }
}

/// What an answer said about its bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct QuotaSaid {
    /// Requests in a window.
    pub limit: Option<u32>,
    /// Requests left in it.
    pub remaining: Option<u32>,
    /// How long until it begins anew.
    pub reset: Option<Duration>,
}

/// Whether a request may be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Yes, and it is counted.
    Go,
    /// Yes, as the only one: its answer tells whether a stop is over.
    Probe,
    /// Not before that time: the quota is spent.
    SpentUntil(DateTime<Utc>),
    /// Not before that time: the server said 429, and it concerns everybody.
    StoppedUntil(DateTime<Utc>),
}

/// Requests that a bucket was ever used for, by who asked. Only how much they grow says
/// something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Taken {
    /// By imports, and by commands that nobody waits for.
    #[serde(default)]
    pub imports: u64,
    /// By people who wait for an answer.
    #[serde(default)]
    pub people: u64,
    /// By others, as far as the server told.
    #[serde(default)]
    pub others: u64,
}

impl Taken {
    /// What came since.
    #[must_use]
    pub const fn since(self, before: Self) -> Self {
        Self {
            imports: self.imports.saturating_sub(before.imports),
            people: self.people.saturating_sub(before.people),
            others: self.others.saturating_sub(before.others),
        }
    }
}

/// The account of one bucket. Times are milliseconds since 1970 in UTC.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct RateBucket {
    /// Requests by the beginning of the slot in which they got leave.
    used: BTreeMap<i64, u32>,
    /// Requests in a window, as the server said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    limit: Option<u32>,
    /// Nothing is sent before.
    #[serde(default)]
    stopped_until: i64,
    /// When the last 429 came, so that those of one burst count once.
    #[serde(default)]
    refused_at: i64,
    /// Stops in a row.
    #[serde(default)]
    stops: u32,
    /// When a single request was let through to find out whether the stop is over.
    #[serde(default)]
    probe_at: i64,
    /// By whom it was ever used.
    #[serde(default)]
    taken: Taken,
}

/// How an account stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BucketState {
    /// Requests in the window that ends now.
    pub used: u32,
    /// Requests that a window may have.
    pub limit: u32,
    /// Nothing is sent before, if anything holds requests up.
    pub stopped_until: Option<DateTime<Utc>>,
}

fn parts(window: Duration, parts: i32) -> Duration {
    (window / parts).max(Duration::milliseconds(1))
}

fn time(ms: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_millis(ms).unwrap_or(DateTime::UNIX_EPOCH)
}

impl RateBucket {
    /// Asks for leave to send one request. `is_interactive` requests may use the
    /// reserve.
    pub fn take(&mut self, rule: &QuotaRule, now: DateTime<Utc>, is_interactive: bool) -> Verdict {
        let now_ms = now.timestamp_millis();
        self.forget(rule, now_ms);
        if now_ms < self.stopped_until {
            return Verdict::StoppedUntil(time(self.stopped_until));
        }
        if self.stops > 0 {
            // Nobody knows whether the stop is over: one finds out, the others wait.
            let given_up = self.probe_at + parts(rule.window, PROBE_PARTS).num_milliseconds();
            if self.probe_at > 0 && now_ms < given_up {
                return Verdict::StoppedUntil(time(given_up));
            }
        }
        let limit = self.limit.unwrap_or(rule.assumed_limit);
        let allowed = if is_interactive {
            limit
        } else {
            limit - rule.reserve_of(limit)
        };
        if self.used() >= allowed {
            return Verdict::SpentUntil(self.free_at(rule, allowed));
        }
        *self.used.entry(slot_of(rule, now_ms)).or_default() += 1;
        if is_interactive {
            self.taken.people += 1;
        } else {
            self.taken.imports += 1;
        }
        if self.stops == 0 {
            return Verdict::Go;
        }
        self.probe_at = now_ms;
        Verdict::Probe
    }

    /// The server refused a request that got leave at `sent_at`. `told` is how long
    /// it said to wait, `jitter` a number from 0 to 1 that spreads processes.
    pub fn refused(
        &mut self,
        rule: &QuotaRule,
        sent_at: DateTime<Utc>,
        now: DateTime<Utc>,
        told: Option<Duration>,
        jitter: f64,
    ) {
        let now_ms = now.timestamp_millis();
        let is_same_burst = self.stops > 0 && sent_at.timestamp_millis() <= self.refused_at;
        self.probe_at = 0;
        if is_same_burst && told.is_none() {
            return;
        }
        if !is_same_burst {
            self.stops += 1;
            self.refused_at = now_ms;
        }
        let pause = told.unwrap_or_else(|| {
            let doublings = (self.stops - 1).min(16);
            let first = parts(rule.window, FIRST_PAUSE_PARTS);
            let longest = parts(rule.window, LONGEST_PAUSE_PARTS);
            let guess = (first * 2_i32.saturating_pow(doublings)).min(longest);
            // Between 100 and 150 percent, so that processes do not come back in step.
            #[expect(
                clippy::cast_possible_truncation,
                reason = "half a guess, in milliseconds"
            )]
            #[expect(clippy::cast_precision_loss, reason = "a guess needs no precision")]
            let extra = (guess.num_milliseconds() as f64 * jitter.clamp(0.0, 1.0) / 2.0) as i64;
            guess + Duration::milliseconds(extra)
        });
        self.stopped_until = self.stopped_until.max((now + pause).timestamp_millis());
    }

    /// The server answered a request that got leave at `sent_at`.
    pub fn answered(
        &mut self,
        rule: &QuotaRule,
        sent_at: DateTime<Utc>,
        now: DateTime<Utc>,
        said: QuotaSaid,
    ) {
        let now_ms = now.timestamp_millis();
        if self.stops > 0 && sent_at.timestamp_millis() > self.refused_at {
            self.stops = 0;
            self.probe_at = 0;
        }
        if said.limit.is_some() {
            self.limit = said.limit;
        }
        if let (Some(limit), Some(remaining)) = (said.limit, said.remaining) {
            // Somebody else uses the bucket too: what they used is not to be had.
            let used_by_all = limit.saturating_sub(remaining);
            let foreign = used_by_all.saturating_sub(self.used());
            if foreign > 0 {
                *self.used.entry(slot_of(rule, now_ms)).or_default() += foreign;
                self.taken.others += u64::from(foreign);
            }
        }
        if let (Some(0), Some(reset)) = (said.remaining, said.reset) {
            let until = (now + reset).timestamp_millis();
            self.stopped_until = self.stopped_until.max(until);
        }
    }

    /// Requests counted in the window.
    pub fn used(&self) -> u32 {
        self.used.values().sum()
    }

    /// By whom it was ever used.
    pub const fn taken(&self) -> Taken {
        self.taken
    }

    /// When the latest requests got leave, to the slot.
    pub fn latest(&self) -> Option<DateTime<Utc>> {
        self.used.keys().next_back().copied().map(time)
    }

    /// When the first requests of the window leave it, and as many can be sent again.
    pub fn next_return(&self, rule: &QuotaRule, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let mut bucket = self.clone();
        bucket.forget(rule, now.timestamp_millis());
        let first = bucket.used.keys().next()?;
        Some(time(first + life_of(rule)))
    }

    /// Requests in a window, as the server said, if it has.
    pub const fn limit(&self) -> Option<u32> {
        self.limit
    }

    /// How things stand, without asking for anything.
    pub fn state(&self, rule: &QuotaRule, now: DateTime<Utc>) -> BucketState {
        let mut bucket = self.clone();
        let now_ms = now.timestamp_millis();
        bucket.forget(rule, now_ms);
        BucketState {
            used: bucket.used(),
            limit: bucket.limit.unwrap_or(rule.assumed_limit),
            stopped_until: (now_ms < bucket.stopped_until).then(|| time(bucket.stopped_until)),
        }
    }

    fn forget(&mut self, rule: &QuotaRule, now_ms: i64) {
        // A clock that was set back leaves requests in the future: they were just now.
        let slot = slot_of(rule, now_ms);
        let future: u32 = self.used.split_off(&(slot + 1)).values().sum();
        if future > 0 {
            *self.used.entry(slot).or_default() += future;
        }
        let life = life_of(rule);
        while let Some(first) = self.used.first_entry()
            && *first.key() + life <= now_ms
        {
            first.remove();
        }
        // No stop is longer than the window, whatever a clock did.
        let latest = now_ms + rule.window.num_milliseconds();
        self.stopped_until = self.stopped_until.min(latest);
        self.probe_at = self.probe_at.min(now_ms);
    }

    /// When enough requests have left the window for one more.
    fn free_at(&self, rule: &QuotaRule, allowed: u32) -> DateTime<Utc> {
        let mut left = self.used();
        let life = life_of(rule);
        for (slot, count) in &self.used {
            left -= count;
            if left < allowed {
                return time(slot + life);
            }
        }
        time(self.used.keys().next_back().map_or(0, |slot| slot + life))
    }
}

/// How long a slot counts: the window, the slot itself, and the margin.
fn life_of(rule: &QuotaRule) -> i64 {
    let margin = parts(rule.window, MARGIN_PARTS).max(LEAST_MARGIN);
    let whole = rule.window + parts(rule.window, SLOTS) + margin;
    whole.num_milliseconds()
}

fn slot_of(rule: &QuotaRule, now_ms: i64) -> i64 {
    let length = parts(rule.window, SLOTS).num_milliseconds();
    now_ms - now_ms.rem_euclid(length)
}

/// A ledger that cannot be read or written.
#[derive(Debug, thiserror::Error)]
#[error("the account of requests cannot be kept")]
pub struct LedgerError(#[source] pub Box<dyn std::error::Error + Send + Sync>);

/// What a ledger returns, sooner or later.
pub type LedgerFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T, LedgerError>> + Send + 'a>>;

/// A change of a bucket and what comes of it. It may be run more than once.
pub type BucketChange<'a, T> = Box<dyn FnMut(&mut RateBucket) -> T + Send + 'a>;

/// Keeps buckets. A change is done to the bucket as it is, with nobody in between.
pub trait QuotaLedger: Debug + Send + Sync {
    /// Asks a bucket for a verdict and keeps it as it is afterwards.
    fn decide<'a>(
        &'a self,
        bucket: &'a str,
        change: BucketChange<'a, Verdict>,
    ) -> LedgerFuture<'a, Verdict>;

    /// Changes a bucket.
    fn update<'a>(&'a self, bucket: &'a str, change: BucketChange<'a, ()>) -> LedgerFuture<'a, ()>;
}

/// Keeps buckets in memory: for one process, and for tests.
#[derive(Debug, Default)]
pub struct MemoryLedger(Mutex<BTreeMap<String, RateBucket>>);

impl MemoryLedger {
    fn with<T>(&self, bucket: &str, mut change: BucketChange<'_, T>) -> T {
        let mut buckets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        change(buckets.entry(bucket.to_owned()).or_default())
    }
}

impl QuotaLedger for MemoryLedger {
    fn decide<'a>(
        &'a self,
        bucket: &'a str,
        change: BucketChange<'a, Verdict>,
    ) -> LedgerFuture<'a, Verdict> {
        Box::pin(std::future::ready(Ok(self.with(bucket, change))))
    }

    fn update<'a>(&'a self, bucket: &'a str, change: BucketChange<'a, ()>) -> LedgerFuture<'a, ()> {
        self.with(bucket, change);
        Box::pin(std::future::ready(Ok(())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: QuotaRule = QuotaRule {
        assumed_limit: 10,
        window: Duration::hours(1),
        reserve_percent: 0,
    };

    fn start() -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000, 0).unwrap()
    }

    fn seconds(seconds: i64) -> Duration {
        Duration::seconds(seconds)
    }

    #[test]
    fn the_state_tells_what_counts_now() {
        let mut bucket = RateBucket::default();
        for _ in 0..3 {
            assert_eq!(bucket.take(&HOUR, start(), false), Verdict::Go);
        }
        let state = |bucket: &RateBucket, now| {
            let state = bucket.state(&HOUR, now);
            (state.used, state.limit, state.stopped_until)
        };
        assert_eq!(state(&bucket, start()), (3, 10, None));
        let later = start() + Duration::hours(2);
        assert_eq!(state(&bucket, later), (0, 10, None));
        bucket.refused(&HOUR, start(), start(), Some(seconds(60)), 0.0);
        let until = start() + seconds(60);
        assert_eq!(state(&bucket, start()), (3, 10, Some(until)));
        assert_eq!(state(&bucket, until), (3, 10, None));
    }

    #[test]
    fn who_took_what_is_known_for_ever() {
        let mut bucket = RateBucket::default();
        assert_eq!(bucket.next_return(&HOUR, start()), None);
        bucket.take(&HOUR, start(), false);
        bucket.take(&HOUR, start() + seconds(60), true);
        let said = QuotaSaid {
            limit: Some(10),
            remaining: Some(5),
            reset: None,
        };
        let before = bucket.taken();
        bucket.answered(&HOUR, start(), start() + seconds(61), said);
        let since = bucket.taken().since(before);
        assert_eq!((since.imports, since.people, since.others), (0, 0, 3));
        let taken = bucket.taken();
        assert_eq!((taken.imports, taken.people), (1, 1));
        assert_eq!(bucket.latest(), Some(start() + seconds(60)));
        let returns = bucket.next_return(&HOUR, start() + seconds(61)).unwrap();
        assert!(returns > start() + HOUR.window && returns < start() + seconds(3_700));
        let text = serde_json::to_string(&bucket).unwrap();
        let read: RateBucket = serde_json::from_str(&text).unwrap();
        assert_eq!(read, bucket);
        // An account of a version that did not count by whom.
        let old: RateBucket = serde_json::from_str(r#"{"used":{}}"#).unwrap();
        assert_eq!(old.taken(), Taken::default());
    }

    #[test]
    fn a_window_never_holds_more_than_the_limit() {
        // Asked again and again for three hours: whatever the moment, the hour
        // before it has at most ten.
        let mut bucket = RateBucket::default();
        let mut sent: Vec<DateTime<Utc>> = Vec::new();
        let mut now = start();
        while now < start() + Duration::hours(3) {
            if bucket.take(&HOUR, now, false) == Verdict::Go {
                sent.push(now);
                let hour = sent.iter().filter(|time| now - **time < HOUR.window);
                assert!(hour.count() <= 10);
            }
            now += seconds(7);
        }
        assert!(sent.len() >= 20, "{} were sent in three hours", sent.len());
    }

    #[test]
    fn a_spent_bucket_says_when_it_is_free_and_then_is() {
        let mut bucket = RateBucket::default();
        for _ in 0..10 {
            assert_eq!(bucket.take(&HOUR, start(), false), Verdict::Go);
        }
        let Verdict::SpentUntil(until) = bucket.take(&HOUR, start(), false) else {
            panic!("the quota is spent");
        };
        assert!(until >= start() + HOUR.window && until < start() + seconds(3700));
        assert_eq!(bucket.take(&HOUR, until, false), Verdict::Go);
    }

    #[test]
    fn the_reserve_is_for_people_who_wait() {
        let rule = QuotaRule {
            reserve_percent: 30,
            ..HOUR
        };
        let mut bucket = RateBucket::default();
        for _ in 0..7 {
            assert_eq!(bucket.take(&rule, start(), false), Verdict::Go);
        }
        assert!(matches!(
            bucket.take(&rule, start(), false),
            Verdict::SpentUntil(_)
        ));
        for _ in 0..3 {
            assert_eq!(bucket.take(&rule, start(), true), Verdict::Go);
        }
        assert!(matches!(
            bucket.take(&rule, start(), true),
            Verdict::SpentUntil(_)
        ));
    }

    #[test]
    fn a_burst_of_refusals_is_one_stop_and_one_probe_finds_out() {
        let mut bucket = RateBucket::default();
        for _ in 0..4 {
            bucket.take(&HOUR, start(), false);
        }
        let refused_at = start() + seconds(1);
        for _ in 0..4 {
            bucket.refused(&HOUR, start(), refused_at, None, 0.0);
        }
        let Verdict::StoppedUntil(until) = bucket.take(&HOUR, refused_at, false) else {
            panic!("everybody stops");
        };
        assert_eq!(until, refused_at + seconds(60));
        // One goes, the others wait for what it finds.
        assert_eq!(bucket.take(&HOUR, until, false), Verdict::Probe);
        assert!(matches!(
            bucket.take(&HOUR, until, false),
            Verdict::StoppedUntil(_)
        ));
        // It is refused: twice as long.
        let later = until + seconds(1);
        bucket.refused(&HOUR, until, later, None, 0.0);
        assert_eq!(
            bucket.take(&HOUR, later, false),
            Verdict::StoppedUntil(later + seconds(120))
        );
        // The next probe is answered: everybody goes on.
        let probe = later + seconds(120);
        assert_eq!(bucket.take(&HOUR, probe, false), Verdict::Probe);
        bucket.answered(&HOUR, probe, probe, QuotaSaid::default());
        assert_eq!(bucket.take(&HOUR, probe, false), Verdict::Go);
    }

    #[test]
    fn what_the_server_says_counts_more_than_what_is_assumed() {
        let mut bucket = RateBucket::default();
        assert_eq!(bucket.take(&HOUR, start(), false), Verdict::Go);
        let said = QuotaSaid {
            limit: Some(60),
            remaining: Some(55),
            reset: Some(seconds(880)),
        };
        bucket.answered(&HOUR, start(), start(), said);
        // One was ours, four are somebody else's.
        assert_eq!((bucket.limit(), bucket.used()), (Some(60), 5));
        let said = QuotaSaid {
            remaining: Some(0),
            ..said
        };
        bucket.answered(&HOUR, start(), start(), said);
        assert_eq!(
            bucket.take(&HOUR, start(), false),
            Verdict::StoppedUntil(start() + seconds(880))
        );
    }

    #[test]
    fn a_clock_that_jumps_neither_frees_the_quota_nor_locks_it_up() {
        let mut bucket = RateBucket::default();
        for _ in 0..10 {
            bucket.take(&HOUR, start(), false);
        }
        let back = start() - Duration::days(30);
        let Verdict::SpentUntil(until) = bucket.take(&HOUR, back, false) else {
            panic!("the quota is still spent");
        };
        assert!(until < back + Duration::hours(2));
        bucket.refused(&HOUR, back, back, Some(Duration::days(400)), 0.0);
        let Verdict::StoppedUntil(until) = bucket.take(&HOUR, back, false) else {
            panic!("everybody stops");
        };
        assert!(until <= back + Duration::hours(1));
    }

    #[test]
    fn the_stored_form_keeps_everything() {
        let mut bucket = RateBucket::default();
        bucket.take(&HOUR, start(), false);
        bucket.refused(&HOUR, start(), start(), None, 0.5);
        let text = serde_json::to_string(&bucket).unwrap();
        assert_eq!(serde_json::from_str::<RateBucket>(&text).unwrap(), bucket);
    }
}
