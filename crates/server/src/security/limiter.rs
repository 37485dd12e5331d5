//! So many attempts in a while, and no more.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use chrono::{DateTime, Duration, Utc};

/// Counts attempts, by address unless something else is said. It is forgotten with the process:
/// it slows guessing down, and what is guessed at is too long to be guessed.
#[derive(Debug)]
pub(crate) struct Limiter<K = IpAddr> {
    most: u32,
    window: Duration,
    counts: Mutex<HashMap<K, (DateTime<Utc>, u32)>>,
}

/// Beyond so many, those whose window has ended are forgotten.
const MANY: usize = 10_000;

impl<K: Eq + Hash> Limiter<K> {
    pub(crate) fn new(most: u32, window: Duration) -> Self {
        Self {
            most,
            window,
            counts: Mutex::default(),
        }
    }

    /// Counts an attempt and says whether it is allowed.
    pub(crate) fn counts(&self, who: K, now: DateTime<Utc>) -> bool {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        if counts.len() >= MANY {
            counts.retain(|_, (began, _)| *began + self.window > now);
        }
        let entry = counts.entry(who).or_insert((now, 0));
        if entry.0 + self.window <= now {
            *entry = (now, 0);
        }
        entry.1 = entry.1.saturating_add(1);
        entry.1 <= self.most
    }
}

impl Limiter {
    /// The same, by address.
    pub(crate) fn allows(&self, address: IpAddr, now: DateTime<Utc>) -> bool {
        self.counts(network(address), now)
    }
}

/// A household has 2^64 addresses of version 6: it counts as one.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6((address.to_bits() >> 64 << 64).into()),
        IpAddr::V4(_) => address.to_canonical(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attempts_are_counted_by_address_and_window() {
        let limiter = Limiter::new(2, Duration::minutes(1));
        let now = DateTime::UNIX_EPOCH;
        let (one, other) = ([127, 0, 0, 1].into(), [127, 0, 0, 2].into());
        assert!(limiter.allows(one, now) && limiter.allows(one, now));
        assert!(!limiter.allows(one, now));
        assert!(limiter.allows(other, now));
        assert!(limiter.allows(one, now + Duration::minutes(1)));
    }

    #[test]
    fn a_household_counts_as_one() {
        let limiter = Limiter::new(1, Duration::minutes(1));
        let address = |text: &str| text.parse().unwrap();
        let now = DateTime::UNIX_EPOCH;
        assert!(limiter.allows(address("2001:db8::1"), now));
        assert!(!limiter.allows(address("2001:db8::2"), now));
        assert!(limiter.allows(address("2001:db8:0:1::1"), now));
    }
}
