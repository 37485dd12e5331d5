//! When things happened in a seeded world.

use super::dice::Dice;

/// The first moment of the world, 2016-01-01, in microseconds since 1970.
pub(crate) const EPOCH: i64 = 1_451_606_400_000_000;

/// The ten years that the pull requests of a repository are spread over, in microseconds.
const SPAN: i64 = 3_650 * 86_400_000_000;

/// Every pull request has a stretch of time to itself, in which all that concerns it happens.
///
/// So the feed of a repository's activity, newest first over all pull requests, can be computed
/// without sorting it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Timeline {
    step: i64,
}

impl Timeline {
    pub(crate) fn new(pull_requests: u64) -> Self {
        let pull_requests = i64::try_from(pull_requests).unwrap_or(i64::MAX).max(1);
        Self {
            step: (SPAN / pull_requests).clamp(10_000_000, 20 * 86_400_000_000),
        }
    }

    /// A moment in the stretch of pull request `id`; `share` is out of 1,000.
    pub(crate) fn moment(self, id: u64, share: i64) -> i64 {
        let id = i64::try_from(id).unwrap_or(0);
        EPOCH + id * self.step + self.step / 1000 * share.clamp(0, 999)
    }

    pub(crate) fn comment(self, id: u64, position: u64, comments: u64) -> i64 {
        let share = 100 + 600 * (position + 1) / (comments + 1);
        // Two comments may share a thousandth; microseconds keep them apart.
        self.moment(id, i64::try_from(share).unwrap_or(700)) + i64::try_from(position).unwrap_or(0)
    }

    pub(crate) fn changes_requested(self, id: u64) -> i64 {
        self.moment(id, 780)
    }

    pub(crate) fn approval(self, id: u64, position: u64) -> i64 {
        self.moment(id, 800) + i64::try_from(position).unwrap_or(0) * 1_000
    }

    pub(crate) fn created(self, id: u64) -> i64 {
        // The odd microseconds that real timestamps have.
        self.moment(id, 0)
            + i64::try_from(Dice::new(id).below("microseconds", 999_999)).unwrap_or(0)
    }

    pub(crate) fn closed(self, id: u64) -> i64 {
        self.moment(id, 900)
    }
}

/// `2019-03-06T21:16:08.338105+00:00`, as every timestamp of Bitbucket but those of commits.
pub(crate) fn format(microseconds: i64) -> String {
    chrono::DateTime::from_timestamp_micros(microseconds)
        .unwrap_or_default()
        .format("%Y-%m-%dT%H:%M:%S%.6f+00:00")
        .to_string()
}

/// Now, for changes that a test makes while the simulator runs.
#[expect(
    clippy::disallowed_methods,
    reason = "the simulator is a program of its own and has no clock to share"
)]
pub(crate) fn now() -> String {
    format(chrono::Utc::now().timestamp_micros())
}
