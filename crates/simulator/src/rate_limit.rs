//! REST quotas: one bucket per credential or OAuth consumer, one for everybody without.

use crate::http::reply::{Answer, AnswerBody, Headers};
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::time::{Duration, Instant};

/// How many REST requests are answered per window. Git does not count.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RateLimit {
    /// For requests without a credential, together.
    pub anonymous: u64,
    /// For each credential.
    pub credential: u64,
    /// The window's length, in seconds.
    pub window_seconds: u64,
    /// What a 429 says about when to come back.
    #[serde(default)]
    pub hint: RetryHint,
}

impl RateLimit {
    /// Bitbucket's documented limits: 60 and 1,000 an hour.
    pub fn bitbucket() -> Self {
        Self {
            anonymous: 60,
            credential: 1_000,
            window_seconds: 3_600,
            hint: RetryHint::None,
        }
    }
}

/// What a 429 carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RetryHint {
    /// Nothing, as in every 429 on record from Bitbucket itself.
    #[default]
    None,
    /// `X-RateLimit-Reset` in seconds left, as Gitea reports it.
    Reset,
    /// `Retry-After` in seconds.
    RetryAfter,
}

/// 46 bytes, `text/plain`.
const BODY: &str = "Rate limit for this resource has been exceeded";

/// A 429 as Bitbucket writes it.
pub(crate) fn too_many(hint: RetryHint, seconds: u64) -> Answer {
    let mut headers: Headers = vec![("cache-control", "no-cache, no-store".to_owned())];
    match hint {
        RetryHint::None => {}
        RetryHint::Reset => headers.push(("x-ratelimit-reset", seconds.to_string())),
        RetryHint::RetryAfter => headers.push(("retry-after", seconds.to_string())),
    }
    Answer {
        status: StatusCode::TOO_MANY_REQUESTS,
        headers,
        body: AnswerBody::Bytes("text/plain", BODY.as_bytes().to_vec()),
    }
}

/// The buckets and what is left in them.
#[derive(Debug, Default)]
pub(crate) struct Buckets {
    limit: Option<RateLimit>,
    used: HashMap<String, (Instant, u64)>,
}

/// What one request found in its bucket.
pub(crate) struct Taken {
    pub(crate) allowed: bool,
    pub(crate) hint: RetryHint,
    pub(crate) reset_seconds: u64,
    /// For the credentials that Bitbucket tells about their quota.
    pub(crate) headers: Headers,
}

impl Buckets {
    /// Starts anew with full buckets.
    pub(crate) fn set(&mut self, limit: Option<RateLimit>) {
        self.limit = limit;
        self.used.clear();
    }

    /// Counts a request; none when there is no limit.
    pub(crate) fn take(&mut self, bucket: &str, tells: bool, now: Instant) -> Option<Taken> {
        let limit = self.limit.as_ref()?;
        let allowance = if bucket.is_empty() {
            limit.anonymous
        } else {
            limit.credential
        };
        let window = Duration::from_secs(limit.window_seconds);
        let (started, used) = self.used.entry(bucket.to_owned()).or_insert((now, 0));
        if now.duration_since(*started) >= window {
            (*started, *used) = (now, 0);
        }
        // A refused request counts like any other.
        *used += 1;
        let left = window.saturating_sub(now.duration_since(*started));
        let reset_seconds = left.as_secs() + u64::from(left.subsec_nanos() > 0);
        let headers = if tells {
            vec![
                (
                    "x-ratelimit-limit",
                    format!("{allowance}, {allowance};w={}", limit.window_seconds),
                ),
                (
                    "x-ratelimit-remaining",
                    allowance.saturating_sub(*used).to_string(),
                ),
                ("x-ratelimit-reset", reset_seconds.to_string()),
            ]
        } else {
            Headers::new()
        };
        Some(Taken {
            allowed: *used <= allowance,
            hint: limit.hint,
            reset_seconds,
            headers,
        })
    }
}
