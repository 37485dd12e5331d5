//! The one classification of failures.

use serde::{Deserialize, Serialize};

/// What kind of failure it was. The class alone decides what happens next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorClass {
    /// The quota is spent (429): wait, then go on.
    RateLimited,
    /// Network, timeout, 5xx: try again.
    Transient,
    /// No or no valid credential (401).
    Unauthorized,
    /// A valid credential that may not (403).
    Forbidden,
    /// Does not exist, or is hidden from this credential (404).
    NotFound,
    /// Removed for good (410).
    Gone,
    /// The caller asked to stop.
    Cancelled,
    /// Nothing that trying again would change.
    Permanent,
}

impl ErrorClass {
    /// Whether the same request may succeed a little later.
    pub const fn is_retryable(self) -> bool {
        matches!(self, Self::RateLimited | Self::Transient)
    }

    /// Whether it says something about the thing asked for, and nothing about
    /// the credential, the network or the program as a whole.
    pub const fn is_about_one_list(self) -> bool {
        matches!(
            self,
            Self::Unauthorized | Self::Forbidden | Self::NotFound | Self::Gone
        )
    }
}
