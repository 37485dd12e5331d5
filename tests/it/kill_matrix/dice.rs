//! What a seed chooses: the same every time.

use std::time::Duration;

/// Numbers that look as if by chance (`SplitMix64`; Steele, Lea and Flood 2014).
#[derive(Debug)]
pub(super) struct Dice(u64);

impl Dice {
    pub(super) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// From 0 to below the end.
    pub(super) fn below(&mut self, end: u64) -> u64 {
        self.next() % end.max(1)
    }

    pub(super) fn milliseconds_below(&mut self, end: u64) -> Duration {
        Duration::from_millis(self.below(end))
    }

    pub(super) fn index(&mut self, length: usize) -> usize {
        usize::try_from(self.below(length as u64)).unwrap()
    }
}

/// The one seed that is asked for, or all of them. A seed that fails says so, with this
/// variable.
#[expect(clippy::disallowed_methods, reason = "for those who look for a defect")]
pub(super) fn seeds(count: u64) -> Vec<u64> {
    let only = std::env::var("BUCKETLOAD_TEST_SEED").ok();
    only.map_or_else(|| (0..count).collect(), |only| vec![only.parse().unwrap()])
}

/// Says which seed it was, if its test fails.
pub(super) struct Seed {
    pub(super) number: u64,
    pub(super) plan: String,
}

impl Drop for Seed {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!(
                "BUCKETLOAD_TEST_SEED={} does it again: {}",
                self.number, self.plan
            );
        }
    }
}

/// Runs seeds, some at the same time: most of their time they wait.
pub(super) fn shared_out(seeds: &[u64], shares: usize, run: impl Fn(&[u64]) + Sync) {
    let of_each = seeds.len().div_ceil(shares).max(1);
    std::thread::scope(|scope| {
        for share in seeds.chunks(of_each) {
            scope.spawn(|| run(share));
        }
    });
}
