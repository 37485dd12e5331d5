//! What can go wrong with a request, classified once.

use bucketload_auth::GrantError;
use bucketload_model::{ErrorClass, LedgerError};
use chrono::{DateTime, Utc};
use url::Url;

use crate::Endpoint;

/// A client that cannot be built.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// The API root uses `http` and is not on this machine.
    #[error("{url} is not encrypted; a credential must not be sent there")]
    Insecure {
        /// The API root.
        url: Url,
    },
    /// The API root has no host.
    #[error("{url} is not the address of an API")]
    Address {
        /// The API root.
        url: Url,
    },
    /// The credential has characters that no token has, such as a line break.
    #[error("the token contains characters that no token has, such as a line break")]
    Credential,
    /// TLS could not be set up.
    #[error("cannot set up the HTTP client")]
    Http(#[source] reqwest::Error),
}

/// A request that failed for good.
#[derive(Debug, thiserror::Error)]
#[error("cannot read {url}")]
pub struct RequestError {
    /// What was asked for.
    pub endpoint: Endpoint,
    /// Where.
    pub url: Url,
    /// Requests sent for it, repeated ones included.
    pub requests: u64,
    /// What happened.
    #[source]
    pub kind: RequestErrorKind,
}

/// What happened to a request.
#[derive(Debug, thiserror::Error)]
pub enum RequestErrorKind {
    /// The quota is spent and the caller does not want to wait.
    #[error("the request quota is spent until {until}")]
    QuotaSpent {
        /// When requests may go on.
        until: DateTime<Utc>,
    },
    /// No more requests are to be sent.
    #[error("it was not sent: everything comes to its end")]
    Stopped,
    /// The account of requests cannot be kept, so none may be sent.
    #[error("requests cannot be counted")]
    Ledger(#[source] LedgerError),
    /// Bitbucket answered with an error.
    #[error("{status} {message}")]
    Status {
        /// The HTTP status.
        status: u16,
        /// Bitbucket's message, shortened, without control characters.
        message: String,
        /// Scopes that the endpoint accepts (`X-Accepted-OAuth-Scopes`).
        accepted_scopes: Option<String>,
        /// Scopes that the credential has (`X-OAuth-Scopes`).
        granted_scopes: Option<String>,
    },
    /// No answer, or half an answer.
    #[error("{}", network_problem(.0))]
    Network(#[source] reqwest::Error),
    /// Nothing came for too long.
    #[error("the server sent nothing for {seconds} seconds")]
    Silence {
        /// How long, in seconds.
        seconds: u64,
    },
    /// The answer is larger than anything Bitbucket sends, or the file than was wanted.
    #[error("the answer is larger than {limit_bytes} bytes")]
    TooLarge {
        /// The cap, in bytes.
        limit_bytes: u64,
    },
    /// A success whose body is not JSON.
    #[error("the answer is not JSON: {excerpt}")]
    NotJson {
        /// The beginning of the body.
        excerpt: String,
    },
    /// JSON of another shape than documented.
    #[error("the answer has an unexpected shape at “{path}”")]
    Shape {
        /// The field, as a path.
        path: String,
        /// What is wrong with it.
        #[source]
        source: serde_json::Error,
    },
    /// `next` or a redirect points away from the API.
    #[error("it points to another host ({address}), which is not followed")]
    ForeignNext {
        /// Where to.
        address: String,
    },
    /// The way to a file cannot be followed.
    #[error("the file cannot be fetched: {problem}")]
    FileStore {
        /// What is wrong with the way.
        problem: &'static str,
    },
    /// The host that keeps files answered with an error. Its words are not kept:
    /// they may repeat the signed address.
    #[error("the file store answered with HTTP status {status}")]
    FileStoreStatus {
        /// The HTTP status.
        status: u16,
    },
    /// A host that was asked without a credential answered with an error. Its words are not
    /// kept: it is anybody's.
    #[error("the host answered with HTTP status {status}")]
    HostStatus {
        /// The HTTP status.
        status: u16,
    },
    /// There is no token to sign it with.
    #[error("the request cannot be signed")]
    Credential(#[source] GrantError),
    /// `next` points to a page that was already read.
    #[error("its pages point to each other in a circle")]
    PagesInCircle,
}

impl RequestError {
    pub(crate) fn new(
        endpoint: Endpoint,
        url: &Url,
        requests: u64,
        kind: RequestErrorKind,
    ) -> Self {
        Self {
            endpoint,
            url: url.clone(),
            requests,
            kind,
        }
    }

    /// The class, which alone decides what happens next.
    pub const fn class(&self) -> ErrorClass {
        self.kind.class()
    }

    /// Whether Bitbucket refuses the length of a page. It does not shorten one
    /// that is too long.
    pub(crate) fn is_about_pagelen(&self) -> bool {
        matches!(&self.kind, RequestErrorKind::Status { status: 400, message, .. }
            if message.eq_ignore_ascii_case("Invalid pagelen"))
    }
}

impl RequestErrorKind {
    /// The class, which alone decides what happens next.
    pub const fn class(&self) -> ErrorClass {
        match self {
            Self::QuotaSpent { .. } => ErrorClass::RateLimited,
            Self::Stopped => ErrorClass::Cancelled,
            Self::Status { status, .. } => class_of_status(*status),
            Self::FileStoreStatus { status } => class_of_store_status(*status),
            Self::HostStatus { status } => class_of_host_status(*status),
            // An HTML page or half a document with status 200 is a proxy's or a
            // dying server's doing.
            Self::Network(_) | Self::Silence { .. } | Self::NotJson { .. } => ErrorClass::Transient,
            Self::Credential(error) => error.class(),
            Self::Ledger(_)
            | Self::TooLarge { .. }
            | Self::Shape { .. }
            | Self::ForeignNext { .. }
            | Self::FileStore { .. }
            | Self::PagesInCircle => ErrorClass::Permanent,
        }
    }
}

/// The class of a status. 555 is Bitbucket's own “this diff takes too long”.
const fn class_of_status(status: u16) -> ErrorClass {
    match status {
        401 => ErrorClass::Unauthorized,
        403 => ErrorClass::Forbidden,
        404 => ErrorClass::NotFound,
        410 => ErrorClass::Gone,
        429 => ErrorClass::RateLimited,
        408 | 500..=554 => ErrorClass::Transient,
        _ => ErrorClass::Permanent,
    }
}

/// The same of a store. It knows neither our credential nor our quota: a refusal is
/// about the signed address, and the API gives a new one.
const fn class_of_store_status(status: u16) -> ErrorClass {
    match status {
        404 => ErrorClass::NotFound,
        410 => ErrorClass::Gone,
        403 | 408 | 429 | 500.. => ErrorClass::Transient,
        _ => ErrorClass::Permanent,
    }
}

/// The class of the status of a host that got no credential: none can be wrong, and whatever
/// quota it has is not ours.
const fn class_of_host_status(status: u16) -> ErrorClass {
    match status {
        401 | 403 => ErrorClass::Forbidden,
        429 => ErrorClass::Transient,
        other => class_of_status(other),
    }
}

fn network_problem(error: &reqwest::Error) -> &'static str {
    if error.is_timeout() {
        "the server did not answer in time"
    } else if error.is_connect() {
        "the server cannot be reached"
    } else if error.is_body() || error.is_decode() {
        "the answer broke off"
    } else {
        "the connection failed"
    }
}
