//! The accounts of one credential: REST, git and files are counted apart.
//!
//! Limits: <https://support.atlassian.com/bitbucket-cloud/docs/api-request-limits/>.

use std::sync::Arc;

use bucketload_auth::CredentialSource;
use bucketload_model::QuotaRule;

use crate::ClientOptions;
use crate::governor::{Governor, GovernorOptions};

/// git over HTTPS, in requests an hour, whoever asks.
const DOCUMENTED_GIT_QUOTA: u32 = 60_000;

/// Raw files, downloads among them, in requests an hour.
const DOCUMENTED_RAW_QUOTA: u32 = 5_000;

/// Kept back for people who wait for an answer: 50 of 1,000, a workspace's list
/// of repositories and a few clicks.
const RESERVE_PERCENT: u32 = 5;

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
                rule: (quota > 0).then(|| QuotaRule {
                    assumed_limit: quota,
                    window: chrono::Duration::from_std(options.quota_window).unwrap_or_default(),
                    reserve_percent: RESERVE_PERCENT,
                }),
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
