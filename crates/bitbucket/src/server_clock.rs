//! How far this machine's clock is from the server's.

use std::sync::{Mutex, PoisonError};

use chrono::{DateTime, Duration, Utc};

/// The difference that the last answer showed.
#[derive(Debug, Default)]
pub(crate) struct ServerClock(Mutex<Option<Duration>>);

impl ServerClock {
    /// Notes an answer's time beside the machine's. `Date` has whole seconds, and
    /// the answer took its way: the difference is good to a few seconds.
    pub(crate) fn note(&self, served_at: Option<DateTime<Utc>>, now: DateTime<Utc>) {
        if let Some(served_at) = served_at {
            let mut difference = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            *difference = Some(now - served_at);
        }
    }

    /// How much later it is here; negative when it is earlier.
    pub(crate) fn difference(&self) -> Option<Duration> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
