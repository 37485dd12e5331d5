//! Large files of git's history (git LFS): where they are, and their bytes.
//!
//! | module | does |
//! |---|---|
//! | `batch` | asks where objects are, a hundred at a time |
//! | `download` | brings one object, from its beginning or from its middle |
//!
//! Bitbucket says where each object lies, on a host of its own choice and with headers that
//! have to be sent there. Our credential goes to Bitbucket and to nobody else. Questions to
//! Bitbucket are counted with git's; what is asked of the other host is none of its quota.

mod batch;
mod download;

pub use batch::{LfsAction, LfsAnswer, LfsBatch, LfsRefusal};
pub use download::LfsDownload;
pub(crate) use download::first_byte;

use std::time::Duration;

use backon::{BackoffBuilder as _, ExponentialBuilder};
use bucketload_auth::Signed;
use reqwest::RequestBuilder;
use reqwest::header::{self, HeaderValue};
use secrecy::ExposeSecret as _;
use url::Url;

use crate::Client;

/// The same as for requests: an outage of a quarter of a minute is outlived.
const MAX_RETRIES: usize = 5;
const LONGEST_RETRY_DELAY: Duration = Duration::from_secs(30);

impl Client {
    /// How long to wait before each further attempt at an object that broke off.
    pub fn retry_delays(&self) -> impl Iterator<Item = Duration> + use<> {
        ExponentialBuilder::default()
            .with_min_delay(self.options().first_retry_delay)
            .with_max_delay(LONGEST_RETRY_DELAY)
            .with_max_times(MAX_RETRIES)
            .with_jitter()
            .build()
    }
}

/// An address below a repository's own, which ends in `.git`.
fn below(repository: &Url, path: &[&str]) -> Url {
    let mut url = repository.clone();
    if let Ok(mut segments) = url.path_segments_mut() {
        segments
            .pop_if_empty()
            .extend(["info", "lfs", "objects"])
            .extend(path);
    }
    url
}

/// Adds the credential as git sends it.
fn sign(request: RequestBuilder, signed: &Signed) -> RequestBuilder {
    let Some(value) = signed.credential.git_authorization() else {
        return request;
    };
    match HeaderValue::from_str(value.expose_secret()) {
        Ok(mut value) => {
            value.set_sensitive(true);
            request.header(header::AUTHORIZATION, value)
        }
        // Tokens were looked at when they came.
        Err(_) => request,
    }
}
