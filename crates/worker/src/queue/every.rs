//! How often tickets are looked for.

use std::task::{Context, Poll};
use std::time::Duration;

use apalis::prelude::{PollSnapshot, PollStrategy};
use tokio::time::{Interval, MissedTickBehavior};

/// Looks for tickets so often. The library's own strategy forgets to have itself woken up
/// after a look that has its answer at once, and then hears nothing until the next sign of
/// life.
#[derive(Debug)]
pub(super) struct Every(Interval);

impl Every {
    pub(super) fn new(pause: Duration) -> Self {
        let mut interval = tokio::time::interval(pause);
        interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self(interval)
    }
}

impl PollStrategy for Every {
    fn poll_drive(&mut self, cx: &mut Context<'_>, _: &PollSnapshot) -> Poll<Option<()>> {
        let mut is_due = false;
        // To the tick that has not come yet: only that one wakes us up.
        while self.0.poll_tick(cx).is_ready() {
            is_due = true;
        }
        if is_due {
            Poll::Ready(Some(()))
        } else {
            Poll::Pending
        }
    }
}
