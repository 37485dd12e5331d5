//! Each bucket as it stands.

use bucketload_archive::{DatabaseError, ImportRequests};
use bucketload_bitbucket::QuotaSettings;
use bucketload_model::{RateBucket, Verdict};
use chrono::{DateTime, Utc};

use super::curve::{Day, REACH};
use crate::service::Service;

/// Imports that are named with what they took.
const IMPORTS_NAMED: u32 = 10;

/// A bucket as it stands.
#[derive(Debug)]
pub(crate) struct Bucket {
    /// As the account has it: the resource and whose, by a fingerprint.
    pub(crate) name: String,
    /// What it is for, in words.
    pub(crate) resource: &'static str,
    /// Whose requests count together, in words.
    pub(crate) whose: String,
    /// Requests of the window that ends now.
    pub(crate) used: u32,
    pub(crate) limit: u32,
    /// Kept back for people who wait.
    pub(crate) reserve: u32,
    /// Until when imports wait, if they do.
    pub(crate) waits_until: Option<DateTime<Utc>>,
    /// Whether Bitbucket said so.
    pub(crate) is_stopped: bool,
    /// When the next requests of the window come back.
    pub(crate) returns_at: Option<DateTime<Utc>>,
    pub(crate) day: Day,
}

/// All buckets, and the imports that took most.
#[derive(Debug)]
pub(crate) struct Quota {
    pub(crate) buckets: Vec<Bucket>,
    pub(crate) imports: Vec<ImportRequests>,
}

impl Service {
    /// The buckets that are accounted for, those in use first.
    pub(crate) async fn quota(&self) -> Result<Quota, DatabaseError> {
        let now = self.now();
        let since = now - REACH;
        let settings = self.figures.metrics.quota();
        let mut uses = self.archive.quota_uses(since).await?;
        let mut buckets = Vec::new();
        for (name, account) in self.archive.rate_buckets().await? {
            let uses = uses.remove(&name).unwrap_or_default();
            let day = Day::of(&uses, now);
            buckets.extend(self.bucket(name, account, day, &settings));
        }
        buckets.sort_by_key(|bucket| std::cmp::Reverse((bucket.used, bucket.day.in_all.sum())));
        Ok(Quota {
            buckets,
            imports: self.archive.most_requests(since, IMPORTS_NAMED).await?,
        })
    }

    fn bucket(
        &self,
        name: String,
        mut account: RateBucket,
        day: Day,
        settings: &QuotaSettings,
    ) -> Option<Bucket> {
        let now = self.now();
        let rule = settings.rule(&name)?;
        let state = account.state(&rule, now);
        let returns_at = account.next_return(&rule, now);
        let (resource, whose) = name.split_once(':')?;
        let (resource, whose) = (resource_words(resource), self.whose(whose));
        // Asked of a copy: nothing is taken from the account.
        let waits_until = match account.take(&rule, now, false) {
            Verdict::Go | Verdict::Probe => None,
            Verdict::SpentUntil(until) | Verdict::StoppedUntil(until) => Some(until),
        };
        Some(Bucket {
            name,
            resource,
            whose,
            used: state.used,
            limit: state.limit,
            reserve: rule.reserve_of(state.limit),
            waits_until,
            is_stopped: state.stopped_until.is_some(),
            returns_at,
            day,
        })
    }

    /// Whose a bucket is. A fingerprint tells it to nobody who does not know.
    fn whose(&self, bucket: &str) -> String {
        let consumer = self.oauth.as_ref().map(|oauth| oauth.consumer().bucket());
        let configured = self.asking.credential();
        if consumer.as_deref() == Some(bucket) {
            return "Everybody who connected Bitbucket here".to_owned();
        }
        if bucket == bucketload_auth::Credential::Anonymous.bucket() {
            return "Without a credential".to_owned();
        }
        if configured.bucket() == bucket {
            return "The credential of the configuration".to_owned();
        }
        match bucket.split_once(':') {
            Some(("oauth-consumer", mark)) => format!("Another OAuth consumer ({mark})"),
            Some(("access-token", mark)) => format!("An access token ({mark})"),
            Some(("user", mark)) => format!("The API tokens of a person ({mark})"),
            _ => bucket.to_owned(),
        }
    }
}

fn resource_words(resource: &str) -> &'static str {
    match resource {
        "rest" => "REST API",
        "git" => "git",
        _ => "Files",
    }
}
