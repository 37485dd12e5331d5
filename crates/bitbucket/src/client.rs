//! One request, from governor to classified answer.

use std::sync::Arc;
use std::time::Duration;

use backon::{BackoffBuilder as _, ExponentialBuilder};
use bucketload_auth::Credential;
use bucketload_model::{
    AnnouncedRemoval, Clock, ErrorClass, MemoryLedger, NullSink, ProgressEvent, ProgressSink,
    QuotaLedger, QuotaRule, SystemClock, Wait, WaitReason,
};
use chrono::{DateTime, Utc};
use reqwest::header::{self, HeaderMap, HeaderValue};
use reqwest::redirect;
use secrecy::ExposeSecret as _;
use serde::de::DeserializeOwned;
use tokio::sync::Semaphore;
use url::Url;

use crate::Endpoint;
use crate::answer::{
    Body, ReadBody, announced_removal, json, refusal, said_of_quota, served_at, shape, text,
    told_to_wait,
};
use crate::error::{BuildError, RequestError, RequestErrorKind};
use crate::governor::{Governor, GovernorOptions, Leave, NoLeave};
use crate::page::{Answer, Item, read_item};
use crate::removals::Removals;

/// Requests under way at once. Other tools use two to four; at 100 ms an answer
/// eight spend the hourly quota in under a minute, and more gain nothing.
const MAX_IN_FLIGHT: usize = 8;

/// No JSON answer of Bitbucket comes near it: pages have at most 100 objects.
const MAX_ANSWER_BYTES: usize = 64 * 1024 * 1024;

/// Diffs and patches are plain text.
const ACCEPT: &str = "application/json, */*;q=0.1";

const CONNECT_TIMEOUT: Duration = Duration::from_secs(15);

/// Longest silence while an answer comes in.
const READ_TIMEOUT: Duration = Duration::from_mins(1);

/// Longest time for a whole answer.
const REQUEST_TIMEOUT: Duration = Duration::from_mins(5);

/// Retries of a request that failed for a passing reason: about 0.5, 1, 2, 4 and
/// 8 seconds apart with jitter, so an outage of a quarter of a minute is outlived.
const MAX_RETRIES: usize = 5;
const FIRST_RETRY_DELAY: Duration = Duration::from_millis(500);
const LONGEST_RETRY_DELAY: Duration = Duration::from_secs(30);

/// Kept back for people who wait for an answer: 50 of 1,000, a workspace's list
/// of repositories and a few clicks.
const RESERVE_PERCENT: u32 = 5;

/// What to do when the quota is spent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum WaitPolicy {
    /// Wait, however long it takes.
    #[default]
    Wait,
    /// Give up with [`RequestErrorKind::QuotaSpent`].
    GiveUp,
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

/// A client for one REST root with one credential. Cheap to clone; all clones
/// share the governor and the limit of requests under way.
#[derive(Debug, Clone)]
pub struct Client {
    http: reqwest::Client,
    governor: Arc<Governor>,
    in_flight: Arc<Semaphore>,
    options: Arc<ClientOptions>,
    credential: Arc<Credential>,
    removals: Arc<Removals>,
}

/// An answer that was understood.
#[derive(Debug)]
pub(crate) struct Got<T> {
    pub(crate) value: T,
    /// Requests sent for it, repeated ones included.
    pub(crate) requests: u64,
    /// When it was made, by the server's clock.
    pub(crate) served_at: Option<DateTime<Utc>>,
}

impl Client {
    /// A client.
    ///
    /// # Errors
    ///
    /// When the root is not encrypted and not on this machine, or TLS cannot be
    /// set up.
    pub fn new(options: ClientOptions, credential: Credential) -> Result<Self, BuildError> {
        check_root(&options)?;
        // Another part of the process may have installed it already; it is the same one.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT, HeaderValue::from_static(ACCEPT));
        if let Some(authorization) = credential.rest_authorization() {
            let mut value = HeaderValue::from_str(authorization.expose_secret())
                .map_err(|_| BuildError::Credential)?;
            value.set_sensitive(true);
            headers.insert(header::AUTHORIZATION, value);
        }
        let http = reqwest::Client::builder()
            .user_agent(concat!("bucketload/", env!("CARGO_PKG_VERSION")))
            .default_headers(headers)
            .connect_timeout(CONNECT_TIMEOUT)
            .read_timeout(READ_TIMEOUT)
            .timeout(REQUEST_TIMEOUT)
            .redirect(same_origin_redirects(&options.api_url))
            .build()
            .map_err(BuildError::Http)?;
        let quota = options
            .hourly_quota
            .unwrap_or_else(|| credential.documented_hourly_quota());
        let rule = (quota > 0).then(|| QuotaRule {
            assumed_limit: quota,
            window: chrono::Duration::from_std(options.quota_window).unwrap_or_default(),
            reserve_percent: RESERVE_PERCENT,
        });
        let bucket = options.quota_bucket.clone();
        let governor = Governor::new(GovernorOptions {
            bucket: format!("rest:{}", bucket.unwrap_or_else(|| credential.bucket())),
            rule,
            is_interactive: options.is_interactive,
            ledger: options.ledger.clone(),
            clock: options.clock.clone(),
            sink: options.sink.clone(),
        });
        Ok(Self {
            http,
            governor: Arc::new(governor),
            in_flight: Arc::new(Semaphore::new(MAX_IN_FLIGHT)),
            options: Arc::new(options),
            credential: Arc::new(credential),
            removals: Arc::default(),
        })
    }

    /// The REST root.
    pub fn api_url(&self) -> &Url {
        &self.options.api_url
    }

    /// Requests allowed in an hour; absent where we set no limit of our own.
    pub fn hourly_quota(&self) -> Option<u32> {
        self.governor.hourly_quota()
    }

    /// The credential in use.
    pub fn credential(&self) -> &Credential {
        &self.credential
    }

    /// What answers so far have announced to remove.
    pub fn announced_removals(&self) -> Vec<AnnouncedRemoval> {
        self.removals.all()
    }

    /// How many requests can be under way at once.
    pub const fn max_in_flight(&self) -> usize {
        MAX_IN_FLIGHT
    }

    pub(crate) async fn get_object<T: DeserializeOwned>(
        &self,
        endpoint: Endpoint,
        url: &Url,
    ) -> Result<Answer<T>, RequestError> {
        let got = self.get_json(endpoint, url).await?;
        let requests = got.requests;
        let item: Item<T> = read_item(got.value)
            .map_err(|error| RequestError::new(endpoint, url, requests, shape(error)))?;
        Ok(Answer { item, requests })
    }

    /// Gets a JSON answer, waiting for quota and retrying what may pass.
    pub(crate) async fn get_json<T: DeserializeOwned>(
        &self,
        endpoint: Endpoint,
        url: &Url,
    ) -> Result<Got<T>, RequestError> {
        self.get(endpoint, url, json).await
    }

    /// The same for an answer of any kind.
    pub(crate) async fn get<T>(
        &self,
        endpoint: Endpoint,
        url: &Url,
        read: ReadBody<T>,
    ) -> Result<Got<T>, RequestError> {
        let mut delays = ExponentialBuilder::default()
            .with_min_delay(self.options.first_retry_delay)
            .with_max_delay(LONGEST_RETRY_DELAY)
            .with_max_times(MAX_RETRIES)
            .with_jitter()
            .build();
        let mut requests = 0;
        loop {
            let fail = |kind, requests| RequestError::new(endpoint, url, requests, kind);
            let patient = self.options.wait == WaitPolicy::Wait;
            // The place comes first: who has leave sends at once, and a 429 in
            // the meantime stops everybody who still stands in line.
            let place = self.in_flight.acquire().await;
            let leave = self.governor.leave(patient).await;
            let leave = leave.map_err(|reason| fail(reason.into(), requests))?;
            requests += 1;
            let result = self.attempt(endpoint, url, leave, read).await;
            drop(place);
            let kind = match result {
                Ok((value, served_at)) => {
                    return Ok(Got {
                        value,
                        requests,
                        served_at,
                    });
                }
                Err(kind) => kind,
            };
            match kind.class() {
                // The governor knows how long; asking never stops for a quota.
                ErrorClass::RateLimited => {}
                ErrorClass::Transient => match delays.next() {
                    Some(delay) => self.pause_before_retry(endpoint, url, &kind, delay).await,
                    None => return Err(fail(kind, requests)),
                },
                _ => return Err(fail(kind, requests)),
            }
        }
    }

    async fn pause_before_retry(
        &self,
        endpoint: Endpoint,
        url: &Url,
        kind: &RequestErrorKind,
        delay: Duration,
    ) {
        tracing::info!(
            endpoint = endpoint.name(),
            %url,
            delay_ms = delay.as_millis(),
            problem = %kind,
            "request failed for a passing reason and is tried again"
        );
        let until = self.options.clock.now() + delay;
        self.options.sink.emit(ProgressEvent::WaitStarted(Wait {
            reason: WaitReason::Retry,
            until,
        }));
        tokio::time::sleep(delay).await;
        self.options.sink.emit(ProgressEvent::WaitEnded);
    }

    async fn attempt<T>(
        &self,
        endpoint: Endpoint,
        url: &Url,
        leave: Leave,
        read: ReadBody<T>,
    ) -> Result<(T, Option<DateTime<Utc>>), RequestErrorKind> {
        let body = self.receive(url).await?;
        tracing::debug!(
            endpoint = endpoint.name(),
            %url,
            status = body.status.as_u16(),
            bytes = body.bytes.len(),
            "answered"
        );
        let noted = if body.status == reqwest::StatusCode::TOO_MANY_REQUESTS {
            let told = told_to_wait(&body.headers);
            self.governor.refused(leave, told).await
        } else {
            let said = said_of_quota(&body.headers);
            self.governor.answered(leave, said).await
        };
        noted.map_err(RequestErrorKind::Ledger)?;
        if let Some(removal) = announced_removal(endpoint, &body.headers) {
            self.removals.note(endpoint, removal);
        }
        if body.status.is_redirection() {
            return Err(RequestErrorKind::ForeignNext {
                address: text(&body.headers, "location").unwrap_or_default(),
            });
        }
        if !body.status.is_success() {
            return Err(refusal(&body));
        }
        let served_at = served_at(&body.headers);
        read(body).map(|value| (value, served_at))
    }

    async fn receive(&self, url: &Url) -> Result<Body, RequestErrorKind> {
        let request = self.http.get(url.clone());
        let mut response = request.send().await.map_err(network)?;
        let mut bytes = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(network)? {
            if bytes.len() + chunk.len() > MAX_ANSWER_BYTES {
                return Err(RequestErrorKind::TooLarge {
                    limit_bytes: MAX_ANSWER_BYTES,
                });
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok(Body {
            status: response.status(),
            headers: std::mem::take(response.headers_mut()),
            bytes,
        })
    }
}

impl From<NoLeave> for RequestErrorKind {
    fn from(reason: NoLeave) -> Self {
        match reason {
            NoLeave::Until(until) => Self::QuotaSpent { until },
            NoLeave::Ledger(error) => Self::Ledger(error),
        }
    }
}

fn check_root(options: &ClientOptions) -> Result<(), BuildError> {
    let url = &options.api_url;
    let address = || BuildError::Address { url: url.clone() };
    let host = url.host().ok_or_else(address)?;
    let is_loopback = match host {
        url::Host::Domain(name) => name == "localhost",
        url::Host::Ipv4(address) => address.is_loopback(),
        url::Host::Ipv6(address) => address.is_loopback(),
    };
    match url.scheme() {
        "https" => Ok(()),
        "http" if is_loopback || options.allow_insecure => Ok(()),
        "http" => Err(BuildError::Insecure { url: url.clone() }),
        _ => Err(address()),
    }
}

/// A renamed repository may redirect on the API's own host; nothing else is
/// followed, and the credential never leaves that host.
fn same_origin_redirects(root: &Url) -> redirect::Policy {
    let origin = root.origin();
    redirect::Policy::custom(move |attempt| {
        if attempt.previous().len() > 5 || attempt.url().origin() != origin {
            attempt.stop()
        } else {
            attempt.follow()
        }
    })
}

/// Our own URL is already in the message, and reqwest's copy could differ from it.
fn network(error: reqwest::Error) -> RequestErrorKind {
    RequestErrorKind::Network(error.without_url())
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
