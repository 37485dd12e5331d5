//! One REST root with one credential, and what all its requests share.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bucketload_auth::{Credential, CredentialSource, Signed};
use bucketload_model::{AnnouncedRemoval, AnswerClass, ProgressEvent};
use chrono::{DateTime, Utc};
use reqwest::header::{self, HeaderMap, HeaderValue};
use reqwest::{RequestBuilder, StatusCode, redirect};
use secrecy::ExposeSecret as _;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::buckets::Buckets;
use crate::error::{BuildError, RequestErrorKind};
use crate::options::check_root;
use crate::removals::Removals;
use crate::server_clock::ServerClock;
use crate::storage::Guard;
use crate::{ClientOptions, Endpoint, file};

/// Requests under way at once. Other tools use two to four; at 100 ms an answer
/// eight spend the hourly quota in under a minute, and more gain nothing.
const MAX_IN_FLIGHT: usize = 8;

/// Diffs and patches are plain text.
const ACCEPT: &str = "application/json, */*;q=0.1";

const CONNECT_TIMEOUT: Duration = Duration::from_secs(15);

/// Longest silence while an answer comes in.
pub(crate) const READ_TIMEOUT: Duration = Duration::from_mins(1);

/// A client for one REST root with one credential. Cheap to clone; all clones
/// share the governors and the limit of requests under way.
#[derive(Debug, Clone)]
pub struct Client {
    http: reqwest::Client,
    /// Made when the first file is wanted.
    file_http: Arc<OnceLock<reqwest::Client>>,
    guard: Guard,
    buckets: Arc<Buckets>,
    in_flight: Arc<Semaphore>,
    options: Arc<ClientOptions>,
    credential: Arc<CredentialSource>,
    removals: Arc<Removals>,
    server_clock: Arc<ServerClock>,
    /// Cancelled when no more requests are to be sent.
    stop: CancellationToken,
}

impl Client {
    /// A client. The credential is a fixed one, or a grant that renews itself.
    ///
    /// # Errors
    ///
    /// When the root is not encrypted and not on this machine, or TLS cannot be
    /// set up.
    pub fn new(
        options: ClientOptions,
        credential: impl Into<CredentialSource>,
    ) -> Result<Self, BuildError> {
        let credential = credential.into();
        check_root(&options)?;
        if let CredentialSource::Fixed(credential) = &credential {
            authorization(credential)?;
        }
        // Another part of the process may have installed it already; it is the same one.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = base()
            .read_timeout(READ_TIMEOUT)
            .default_headers(HeaderMap::from_iter([(
                header::ACCEPT,
                HeaderValue::from_static(ACCEPT),
            )]))
            .redirect(same_origin_redirects(&options.api_url))
            .build()
            .map_err(BuildError::Http)?;
        Ok(Self {
            http,
            file_http: Arc::default(),
            guard: Guard::default(),
            buckets: Arc::new(Buckets::new(&options, &credential)),
            in_flight: Arc::new(Semaphore::new(MAX_IN_FLIGHT)),
            options: Arc::new(options),
            credential: Arc::new(credential),
            removals: Arc::default(),
            server_clock: Arc::default(),
            stop: CancellationToken::new(),
        })
    }

    /// The same client, which sends no more requests once `stop` is cancelled: whoever
    /// waits for one to be sent is told so at once, and one that is under way is awaited.
    #[must_use]
    pub fn until(&self, stop: CancellationToken) -> Self {
        Self {
            stop,
            ..self.clone()
        }
    }

    /// Cancelled when no more requests are to be sent.
    pub(crate) const fn stop(&self) -> &CancellationToken {
        &self.stop
    }

    /// The REST root.
    pub fn api_url(&self) -> &Url {
        &self.options.api_url
    }

    /// REST requests allowed in an hour; absent where we set no limit of our own.
    pub fn hourly_quota(&self) -> Option<u32> {
        self.buckets.rest.hourly_quota()
    }

    /// The credential in use.
    pub fn credential(&self) -> &CredentialSource {
        &self.credential
    }

    /// What answers so far have announced to remove.
    pub fn announced_removals(&self) -> Vec<AnnouncedRemoval> {
        self.removals.all()
    }

    /// How much later it is here than at the server, by the `Date` of the last
    /// answer; negative when it is earlier, absent before the first answer.
    pub fn clock_difference(&self) -> Option<chrono::Duration> {
        self.server_clock.difference()
    }

    /// How many requests can be under way at once.
    pub const fn max_in_flight(&self) -> usize {
        MAX_IN_FLIGHT
    }

    /// How it works; for another one that is to work the same way.
    pub fn options(&self) -> &ClientOptions {
        &self.options
    }

    pub(crate) fn buckets(&self) -> &Buckets {
        &self.buckets
    }

    pub(crate) fn http(&self) -> &reqwest::Client {
        &self.http
    }

    /// The one for files: it knows no credential and follows no redirect.
    pub(crate) fn file_http(&self) -> Result<&reqwest::Client, RequestErrorKind> {
        if let Some(http) = self.file_http.get() {
            return Ok(http);
        }
        let http = file::http(&self.options, &self.guard).map_err(RequestErrorKind::Network)?;
        Ok(self.file_http.get_or_init(|| http))
    }

    pub(crate) fn guard(&self) -> &Guard {
        &self.guard
    }

    /// Waits for a place among the requests under way.
    pub(crate) async fn place(&self) -> Option<SemaphorePermit<'_>> {
        // It is never closed.
        self.in_flight.acquire().await.ok()
    }

    /// Adds the credential; only for requests to the API's own origin.
    pub(crate) fn sign(request: RequestBuilder, signed: &Signed) -> RequestBuilder {
        // Whether a header can hold it was looked at when it was built or received.
        match authorization(&signed.credential) {
            Ok(Some(value)) => request.header(header::AUTHORIZATION, value),
            Ok(None) | Err(_) => request,
        }
    }

    pub(crate) fn note_time(&self, served_at: Option<DateTime<Utc>>) {
        self.server_clock.note(served_at, self.options.clock.now());
    }

    /// Tells who watches what a request was answered with, if it was.
    pub(crate) fn note_answer(&self, endpoint: Endpoint, status: Option<StatusCode>) {
        let answer = status.map_or(AnswerClass::Transport, |status| {
            AnswerClass::of_status(status.as_u16())
        });
        self.options.sink.emit(ProgressEvent::RequestAnswered {
            endpoint: endpoint.name(),
            answer,
        });
    }

    pub(crate) fn note_removal(&self, endpoint: Endpoint, removal: Option<AnnouncedRemoval>) {
        if let Some(removal) = removal {
            self.removals.note(endpoint, removal);
        }
    }
}

/// What all our HTTP clients have in common.
pub(crate) fn base() -> reqwest::ClientBuilder {
    reqwest::Client::builder()
        .user_agent(concat!("bucketload/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(CONNECT_TIMEOUT)
}

fn authorization(credential: &Credential) -> Result<Option<HeaderValue>, BuildError> {
    let Some(value) = credential.rest_authorization() else {
        return Ok(None);
    };
    let mut value =
        HeaderValue::from_str(value.expose_secret()).map_err(|_| BuildError::Credential)?;
    value.set_sensitive(true);
    Ok(Some(value))
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
