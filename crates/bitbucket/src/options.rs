//! How a client works, and which addresses it may be given.

use std::sync::Arc;
use std::time::Duration;

use bucketload_model::{
    Clock, MemoryLedger, NullSink, ProgressSink, QuotaLedger, SystemClock, is_loopback,
};
use url::Url;

use crate::error::BuildError;

const FIRST_RETRY_DELAY: Duration = Duration::from_millis(500);

/// What to do when the quota is spent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum WaitPolicy {
    /// Wait, however long it takes.
    #[default]
    Wait,
    /// Wait where it takes no longer than this, else give up: who has other things to do
    /// comes back when the quota is there again.
    AtMost(Duration),
    /// Give up with [`RequestErrorKind::QuotaSpent`](crate::RequestErrorKind::QuotaSpent).
    GiveUp,
}

impl WaitPolicy {
    /// Whether to wait for something that is `left` away.
    pub(crate) fn waits_for(self, left: Duration) -> bool {
        match self {
            Self::Wait => true,
            Self::AtMost(longest) => left <= longest,
            Self::GiveUp => false,
        }
    }
}

/// How a client works.
#[derive(Debug, Clone)]
pub struct ClientOptions {
    /// The REST root, such as `https://api.bitbucket.org/2.0`.
    pub api_url: Url,
    /// Whether `http` is allowed for hosts other than this machine.
    pub allow_insecure: bool,
    /// Requests in an hour; `Some(0)` for no limit of our own, `None` for the
    /// credential's documented one.
    pub hourly_quota: Option<u32>,
    /// The same for git, over HTTPS: 60,000 are documented for everybody.
    pub git_hourly_quota: Option<u32>,
    /// The same for files (downloads, attachments): 5,000 are documented.
    pub raw_hourly_quota: Option<u32>,
    /// The window that Bitbucket counts over: an hour, but for tests.
    pub quota_window: Duration,
    /// Whose requests count together; unset, the credential's own.
    pub quota_bucket: Option<String>,
    /// Whether somebody waits for the answers: they may use the reserve.
    pub is_interactive: bool,
    /// Where the account of requests is kept.
    pub ledger: Arc<dyn QuotaLedger>,
    /// What to do when the quota is spent.
    pub wait: WaitPolicy,
    /// Where waits are published.
    pub sink: Arc<dyn ProgressSink>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// The delay before the first retry; each further one doubles.
    pub first_retry_delay: Duration,
}

impl ClientOptions {
    /// Defaults for a REST root.
    pub fn new(api_url: Url) -> Self {
        Self {
            api_url,
            allow_insecure: false,
            hourly_quota: None,
            git_hourly_quota: None,
            raw_hourly_quota: None,
            quota_window: Duration::from_hours(1),
            quota_bucket: None,
            is_interactive: false,
            ledger: Arc::new(MemoryLedger::default()),
            wait: WaitPolicy::default(),
            sink: Arc::new(NullSink),
            clock: Arc::new(SystemClock),
            first_retry_delay: FIRST_RETRY_DELAY,
        }
    }
}

/// A root is encrypted, or on this machine.
pub(crate) fn check_root(options: &ClientOptions) -> Result<(), BuildError> {
    let url = &options.api_url;
    let address = || BuildError::Address { url: url.clone() };
    let host = url.host().ok_or_else(address)?;
    match url.scheme() {
        "https" => Ok(()),
        "http" if is_loopback(&host) || options.allow_insecure => Ok(()),
        "http" => Err(BuildError::Insecure { url: url.clone() }),
        _ => Err(address()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_http_is_for_this_machine_only() {
        for (url, allow, fine) in [
            ("https://api.bitbucket.org/2.0", false, true),
            ("http://127.0.0.1:8000/2.0", false, true),
            ("http://[::1]:8000/2.0", false, true),
            ("http://localhost/2.0", false, true),
            ("http://api.bitbucket.org/2.0", false, false),
            ("http://127.0.0.1.example.org/2.0", false, false),
            ("http://double.internal/2.0", true, true),
            ("ftp://api.bitbucket.org/2.0", true, false),
        ] {
            let mut options = ClientOptions::new(url.parse().unwrap());
            options.allow_insecure = allow;
            assert_eq!(check_root(&options).is_ok(), fine, "{url}");
        }
    }
}
