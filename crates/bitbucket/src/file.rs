//! Files: downloads and attachments, whose API addresses lead to a file store.
//!
//! Bitbucket answers with 302 to a pre-signed address of a storage host. That
//! address is a secret for as long as it is valid, and the host is not ours: it
//! gets neither credential nor cookie nor referrer, and its address is written
//! nowhere.

use std::fmt;

use bucketload_auth::Signed;
use bucketload_model::{Leave, QuotaSaid};
use bytes::Bytes;
use reqwest::header::{self, HeaderMap, HeaderValue};
use reqwest::{Response, StatusCode, redirect};
use url::Url;

use crate::answer::{Body, announced_removal, refusal, text, told_to_wait};
use crate::client::{READ_TIMEOUT, base};
use crate::error::{RequestError, RequestErrorKind};
use crate::request::{Tries, Turn, network, read_up_to};
use crate::storage::{self, Guard, may_be_stored_at};
use crate::{Client, ClientOptions, Endpoint, PageUrl};

/// From the API to a store, from there to a nearer one, and two to spare.
pub(crate) const MAX_HOPS: usize = 4;

/// An error of the API is a message, not a file.
const MAX_ERROR_BYTES: usize = 64 * 1024;

/// A file that comes in. Dropping it ends the transfer.
pub struct FileDownload {
    endpoint: Endpoint,
    url: Url,
    response: Response,
    left_bytes: u64,
    limit_bytes: u64,
    /// `Content-Type`, where there was one.
    pub content_type: Option<String>,
    /// Its length in bytes, where the store says.
    pub size_bytes: Option<u64>,
    /// Requests to the API that were sent for it, repeated ones included.
    pub requests: u64,
}

/// The response would show the pre-signed address.
impl fmt::Debug for FileDownload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileDownload")
            .field("url", &self.url.as_str())
            .field("size_bytes", &self.size_bytes)
            .finish_non_exhaustive()
    }
}

impl FileDownload {
    /// What an answer brings, unless it is known to be too much.
    pub(crate) fn begin(
        endpoint: Endpoint,
        url: &Url,
        response: Response,
        limit_bytes: u64,
        requests: u64,
    ) -> Result<Self, RequestErrorKind> {
        let size_bytes = response.content_length();
        if size_bytes.is_some_and(|size| size > limit_bytes) {
            return Err(RequestErrorKind::TooLarge { limit_bytes });
        }
        Ok(Self {
            endpoint,
            url: url.clone(),
            left_bytes: limit_bytes,
            limit_bytes,
            content_type: text(response.headers(), "content-type"),
            size_bytes,
            requests,
            response,
        })
    }

    /// The next piece, or nothing at the end of a file that came whole.
    ///
    /// # Errors
    ///
    /// When it breaks off, nothing comes for a minute, or it is larger than allowed.
    /// What came before is then of no use: begin again.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, RequestError> {
        let fail = |kind| RequestError::new(self.endpoint, &self.url, self.requests, kind);
        let chunk = patiently(self.response.chunk()).await;
        let chunk = chunk.map_err(fail)?.map_err(|error| fail(network(error)))?;
        let Some(chunk) = chunk else {
            return Ok(None);
        };
        let Some(left) = self.left_bytes.checked_sub(chunk.len() as u64) else {
            let limit_bytes = self.limit_bytes;
            return Err(fail(RequestErrorKind::TooLarge { limit_bytes }));
        };
        self.left_bytes = left;
        Ok(Some(chunk))
    }
}

/// The HTTP client for files. It knows no credential and follows nothing by itself.
pub(crate) fn http(
    options: &ClientOptions,
    guard: &Guard,
) -> Result<reqwest::Client, reqwest::Error> {
    let any = HeaderMap::from_iter([(header::ACCEPT, HeaderValue::from_static("*/*"))]);
    base()
        .default_headers(any)
        .redirect(redirect::Policy::none())
        .referer(false)
        // As it is kept: a file that is compressed is meant to be.
        .no_gzip()
        .dns_resolver(guard.resolver(options))
        .build()
}

impl Client {
    /// Begins to fetch a file, such as [`Client::download`] names one. Its bytes come
    /// by [`FileDownload::chunk`]. Counts as a request for raw files.
    ///
    /// There is no limit to how long it takes, but a minute of silence ends it.
    ///
    /// # Errors
    ///
    /// When the request fails for good; when it leads to where no file may come from;
    /// when the file is known to be larger than `limit_bytes`.
    pub async fn file(
        &self,
        endpoint: Endpoint,
        url: &PageUrl,
        limit_bytes: u64,
    ) -> Result<FileDownload, RequestError> {
        let mut tries = Tries::new(self, endpoint, &url.0, &self.buckets().raw);
        let response = loop {
            let turn = tries.begin().await?;
            let result = self.open_file(endpoint, &url.0, &turn).await;
            drop(turn);
            match result {
                Ok(response) => break response,
                Err(kind) => tries.failed(kind).await?,
            }
        };
        let requests = tries.requests;
        FileDownload::begin(endpoint, &url.0, response, limit_bytes, requests)
            .map_err(|kind| RequestError::new(endpoint, &url.0, requests, kind))
    }

    /// Follows the way to the file, each step only where it may lead.
    async fn open_file(
        &self,
        endpoint: Endpoint,
        url: &Url,
        turn: &Turn<'_>,
    ) -> Result<Response, RequestErrorKind> {
        let (signed, leave) = (&turn.signed, Some(turn.leave));
        let mut answer = self.ask_api_for_file(endpoint, url, signed, leave).await?;
        let mut at = url.clone();
        for _ in 0..MAX_HOPS {
            if answer.status().is_success() {
                return Ok(answer);
            }
            let target = redirected(&at, &answer)?;
            answer = if target.origin() == self.api_url().origin() {
                self.ask_api_for_file(endpoint, &target, signed, None)
                    .await?
            } else {
                self.ask_store(&target).await?
            };
            at = target;
        }
        Err(RequestErrorKind::FileStore {
            problem: "it leads on and on",
        })
    }

    /// Asks the API itself, with the credential. What comes back is a success or
    /// leads on.
    async fn ask_api_for_file(
        &self,
        endpoint: Endpoint,
        url: &Url,
        signed: &Signed,
        leave: Option<Leave>,
    ) -> Result<Response, RequestErrorKind> {
        let request = Self::sign(self.file_http()?.get(url.clone()), signed);
        let sent = patiently(request.send()).await;
        let sent = sent.and_then(|sent| sent.map_err(network));
        self.note_answer(endpoint, sent.as_ref().ok().map(Response::status));
        let mut response = sent?;
        let status = response.status();
        tracing::debug!(endpoint = endpoint.name(), %url, status = status.as_u16(), "answered");
        if let Some(leave) = leave {
            let governor = &self.buckets().raw;
            let noted = if status == StatusCode::TOO_MANY_REQUESTS {
                governor
                    .refused(leave, told_to_wait(response.headers()))
                    .await
            } else {
                // What the headers say of a quota may be said of REST's.
                governor.answered(leave, QuotaSaid::default()).await
            };
            noted.map_err(RequestErrorKind::Ledger)?;
        }
        self.note_removal(endpoint, announced_removal(endpoint, response.headers()));
        if status.is_success() || status.is_redirection() {
            return Ok(response);
        }
        let bytes = read_up_to(&mut response, MAX_ERROR_BYTES).await?;
        Err(refusal(&Body {
            status,
            headers: std::mem::take(response.headers_mut()),
            bytes,
        }))
    }

    /// Asks a storage host, which learns nothing but the address it gave.
    async fn ask_store(&self, url: &Url) -> Result<Response, RequestErrorKind> {
        may_be_stored_at(url, self.options())?;
        self.guard().watch(url, self.options());
        let response = patiently(self.file_http()?.get(url.clone()).send()).await?;
        let response = response.map_err(storage::problem)?;
        let status = response.status();
        if status.is_success() || status.is_redirection() {
            return Ok(response);
        }
        // Its words may repeat the address.
        Err(RequestErrorKind::FileStoreStatus {
            status: status.as_u16(),
        })
    }
}

/// Waits for the network, but not for ever. reqwest's own limit also counts the time
/// in which nobody asks for more, such as that of a slow disk.
pub(crate) async fn patiently<T>(step: impl Future<Output = T>) -> Result<T, RequestErrorKind> {
    let result = tokio::time::timeout(READ_TIMEOUT, step).await;
    result.map_err(|_| RequestErrorKind::Silence {
        seconds: READ_TIMEOUT.as_secs(),
    })
}

pub(crate) fn redirected(from: &Url, answer: &Response) -> Result<Url, RequestErrorKind> {
    let location = answer.headers().get(header::LOCATION);
    location
        .and_then(|location| location.to_str().ok())
        .and_then(|location| from.join(location).ok())
        .ok_or(RequestErrorKind::FileStore {
            problem: "it leads to no address",
        })
}
