//! The accounts of one credential: REST, git and files are counted apart.
//!
//! Limits: <https://support.atlassian.com/bitbucket-cloud/docs/api-request-limits/>.

use std::sync::Arc;
use std::time::Duration;

use bucketload_auth::{Credential, CredentialSource};
use bucketload_model::QuotaRule;

use crate::ClientOptions;
use crate::governor::{Governor, GovernorOptions};

/// REST with any credential, in requests an hour.
const DOCUMENTED_REST_QUOTA: u32 = 1_000;

/// git over HTTPS, in requests an hour, whoever asks.
const DOCUMENTED_GIT_QUOTA: u32 = 60_000;

/// Raw files, downloads among them, in requests an hour.
const DOCUMENTED_RAW_QUOTA: u32 = 5_000;

/// Kept back for people who wait for an answer: 50 of 1,000, a workspace's list
/// of repositories and a few clicks.
const RESERVE_PERCENT: u32 = 5;

/// What is set about the quota of every credential, for those who know buckets by their
/// name alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QuotaSettings {
    /// REST requests in a window; 0 for no limit of our own, `None` for the documented one.
    pub rest: Option<u32>,
    /// The same for git.
    pub git: Option<u32>,
    /// The same for files.
    pub raw: Option<u32>,
    /// The window that Bitbucket counts over.
    pub window: Duration,
}

impl Default for QuotaSettings {
    fn default() -> Self {
        Self {
            rest: None,
            git: None,
            raw: None,
            window: Duration::from_hours(1),
        }
    }
}

impl QuotaSettings {
    /// How a bucket is used; absent where no account of it is kept.
    pub fn rule(&self, bucket: &str) -> Option<QuotaRule> {
        let (resource, whose) = bucket.split_once(':')?;
        let documented_rest = if whose == Credential::Anonymous.bucket() {
            Credential::Anonymous.documented_hourly_quota()
        } else {
            DOCUMENTED_REST_QUOTA
        };
        let limit = match resource {
            "rest" => self.rest.unwrap_or(documented_rest),
            "git" => self.git.unwrap_or(DOCUMENTED_GIT_QUOTA),
            "raw" => self.raw.unwrap_or(DOCUMENTED_RAW_QUOTA),
            _ => return None,
        };
        rule(limit, self.window)
    }
}

fn rule(limit: u32, window: Duration) -> Option<QuotaRule> {
    (limit > 0).then(|| QuotaRule {
        assumed_limit: limit,
        window: chrono::Duration::from_std(window).unwrap_or_default(),
        reserve_percent: RESERVE_PERCENT,
    })
}

/// One governor for each of them.
#[derive(Debug)]
pub(crate) struct Buckets {
    pub(crate) rest: Arc<Governor>,
    pub(crate) git: Arc<Governor>,
    pub(crate) raw: Arc<Governor>,
}

impl Buckets {
    pub(crate) fn new(options: &ClientOptions, credential: &CredentialSource) -> Self {
        let whose = options.quota_bucket.clone();
        let whose = whose.unwrap_or_else(|| credential.bucket());
        let governor = |resource: &str, quota: u32| {
            Arc::new(Governor::new(GovernorOptions {
                bucket: format!("{resource}:{whose}"),
                rule: rule(quota, options.quota_window),
                is_interactive: options.is_interactive,
                ledger: options.ledger.clone(),
                clock: options.clock.clone(),
                sink: options.sink.clone(),
            }))
        };
        let rest = options.hourly_quota;
        Self {
            rest: governor(
                "rest",
                rest.unwrap_or_else(|| credential.documented_hourly_quota()),
            ),
            git: governor(
                "git",
                options.git_hourly_quota.unwrap_or(DOCUMENTED_GIT_QUOTA),
            ),
            raw: governor(
                "raw",
                options.raw_hourly_quota.unwrap_or(DOCUMENTED_RAW_QUOTA),
            ),
        }
    }
}
