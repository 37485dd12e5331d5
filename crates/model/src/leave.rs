//! Leave to send a request, and who gives it.

use std::fmt::Debug;
use std::pin::Pin;
use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::LedgerError;

/// Leave to send one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Leave {
    /// When it was given.
    pub sent_at: DateTime<Utc>,
    /// Whether its answer is waited for to learn whether a stop is over.
    pub is_probe: bool,
}

/// No leave.
#[derive(Debug)]
pub enum NoLeave {
    /// Not before that time, and the caller does not want to wait.
    Until(DateTime<Utc>),
    /// The account cannot be kept, so nothing may be sent.
    Ledger(LedgerError),
}

impl From<LedgerError> for NoLeave {
    fn from(error: LedgerError) -> Self {
        Self::Ledger(error)
    }
}

/// What a gate returns, sooner or later. It may be awaited on any runtime, and
/// dropping it ends the wait.
pub type GateFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// Lets requests of one bucket through, for those who send them without knowing
/// how they are counted.
pub trait RequestGate: Debug + Send + Sync {
    /// Waits until a request may be sent, and counts it.
    fn leave(&self) -> GateFuture<Result<Leave, NoLeave>>;

    /// The server answered, and not with 429.
    fn answered(&self, leave: Leave) -> GateFuture<Result<(), LedgerError>>;

    /// The server refused with 429. `told` is how long it said to wait.
    fn refused(&self, leave: Leave, told: Option<Duration>) -> GateFuture<Result<(), LedgerError>>;
}
