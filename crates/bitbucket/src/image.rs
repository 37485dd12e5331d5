//! Images that texts link to.
//!
//! An address in a text is anybody's word. It is asked on hosts of an allow-list only, each
//! step of a redirect as well, never in a private network, and never with a credential, a
//! cookie or a referrer: whoever wrote the text learns nothing but that it was read.

use std::collections::BTreeSet;

use backon::{BackoffBuilder as _, ExponentialBuilder};
use bucketload_model::ErrorClass;
use reqwest::Response;
use url::Url;

use crate::error::{RequestError, RequestErrorKind};
use crate::file::{MAX_HOPS, patiently, redirected};
use crate::storage::{self, may_be_stored_at};
use crate::{Client, Endpoint, FileDownload};

/// Passing trouble is outlived for a second or two: the next import tries again.
const MAX_RETRIES: usize = 2;

/// The root of addresses as people copy them.
const BITBUCKET: &str = "bitbucket.org";

/// Where Bitbucket itself keeps what people paste and raw files.
const OWN: &[&str] = &[
    BITBUCKET,
    "bytebucket.org",
    "bbuseruploads.s3.amazonaws.com",
];

/// Hosts that images may come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageHosts {
    web_url: Url,
    names: BTreeSet<String>,
}

impl ImageHosts {
    /// Bitbucket's own hosts, and those of `more`. What stands at `web_url` in the place of
    /// bitbucket.org is asked instead of it, and then no host of the real one at all.
    pub fn new<'a>(web_url: &Url, more: impl IntoIterator<Item = &'a str>) -> Self {
        let host = web_url.host_str().unwrap_or(BITBUCKET);
        let own = if host == BITBUCKET { OWN } else { &OWN[..1] };
        let own = own.iter().copied().chain([host]);
        let own = own.map(str::to_ascii_lowercase);
        let more = more.into_iter().map(str::to_ascii_lowercase);
        Self {
            web_url: web_url.clone(),
            names: own.chain(more).collect(),
        }
    }

    /// The names.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(String::as_str)
    }

    /// Whether an address is one of Bitbucket's web pages.
    pub fn is_bitbucket(&self, url: &Url) -> bool {
        url.host_str() == Some(BITBUCKET) || url.origin() == self.web_url.origin()
    }

    /// Where an address is asked for.
    fn asked_at(&self, url: &Url) -> Url {
        let mut asked = url.clone();
        if url.host_str() == Some(BITBUCKET) {
            asked = self.web_url.clone();
            asked.set_path(url.path());
            asked.set_query(url.query());
        }
        asked
    }

    pub(crate) fn check(&self, url: &Url) -> Result<(), RequestErrorKind> {
        let host = url.host_str().unwrap_or_default();
        if self.names.contains(&host.to_ascii_lowercase()) {
            return Ok(());
        }
        Err(RequestErrorKind::FileStore {
            problem: "it leads to a host that images may not come from",
        })
    }
}

impl Client {
    /// Begins to fetch an image that a text links to. Its bytes come by
    /// [`FileDownload::chunk`]; whether it is an image they have to tell.
    ///
    /// It counts for no quota of the API, as it is asked without a credential.
    ///
    /// # Errors
    ///
    /// When the host is none of `hosts` or leads to one that is not, refuses, or cannot be
    /// reached; when the image is known to be larger than `limit_bytes`.
    pub async fn image(
        &self,
        hosts: &ImageHosts,
        url: &Url,
        limit_bytes: u64,
    ) -> Result<FileDownload, RequestError> {
        let mut delays = ExponentialBuilder::default()
            .with_min_delay(self.options().first_retry_delay)
            .with_max_times(MAX_RETRIES)
            .with_jitter()
            .build();
        let mut requests = 0;
        loop {
            requests += 1;
            let asked = tokio::select! {
                biased;
                () = self.stop().cancelled() => Err(RequestErrorKind::Stopped),
                asked = self.open_image(hosts, url) => asked,
            };
            let begun = asked.and_then(|response| {
                FileDownload::begin(Endpoint::Image, url, response, limit_bytes, requests)
            });
            let kind = match begun {
                Ok(download) => return Ok(download),
                Err(kind) => kind,
            };
            let delay = match kind.class() {
                ErrorClass::Transient => delays.next(),
                _ => None,
            };
            let Some(delay) = delay else {
                return Err(RequestError::new(Endpoint::Image, url, requests, kind));
            };
            tokio::select! {
                () = tokio::time::sleep(delay) => {}
                // The next try says so.
                () = self.stop().cancelled() => {}
            }
        }
    }

    /// Follows the way to an image, each step only where it may lead.
    async fn open_image(
        &self,
        hosts: &ImageHosts,
        url: &Url,
    ) -> Result<Response, RequestErrorKind> {
        let _place = self.place().await;
        let mut at = hosts.asked_at(url);
        for _ in 0..MAX_HOPS {
            hosts.check(&at)?;
            may_be_stored_at(&at, self.options())?;
            self.guard().watch(&at, self.options());
            let sent = patiently(self.file_http()?.get(at.clone()).send()).await?;
            let response = sent.map_err(storage::problem)?;
            let status = response.status();
            tracing::debug!(host = at.host_str(), status = status.as_u16(), "answered");
            if status.is_success() {
                return Ok(response);
            }
            if !status.is_redirection() {
                return Err(RequestErrorKind::HostStatus {
                    status: status.as_u16(),
                });
            }
            at = redirected(&at, &response)?;
        }
        Err(RequestErrorKind::FileStore {
            problem: "it leads on and on",
        })
    }
}

#[cfg(test)]
mod tests {
    use bucketload_auth::Credential;

    use super::*;
    use crate::ClientOptions;

    fn hosts(web_url: &str, more: &[&str]) -> ImageHosts {
        ImageHosts::new(&web_url.parse().unwrap(), more.iter().copied())
    }

    #[test]
    fn a_double_stands_for_bitbucket_and_for_all_its_hosts() {
        let real = hosts("https://bitbucket.org", &["Images.Example.org"]);
        let double = hosts("http://127.0.0.1:8100", &[]);
        let pasted: Url = "https://bitbucket.org/repo/x/images/1-a.png?fit=1"
            .parse()
            .unwrap();
        assert_eq!(real.asked_at(&pasted), pasted);
        let asked = "http://127.0.0.1:8100/repo/x/images/1-a.png?fit=1";
        assert_eq!(double.asked_at(&pasted).as_str(), asked);
        for (url, at_real, at_double) in [
            ("https://bytebucket.org/x", true, false),
            ("https://bbuseruploads.s3.amazonaws.com/x", true, false),
            ("https://images.example.org/x", true, false),
            ("http://127.0.0.1:9/x", false, true),
            ("https://example.org/x", false, false),
            ("https://bitbucket.org.example.org/x", false, false),
            ("https://notbitbucket.org/x", false, false),
        ] {
            let url = url.parse().unwrap();
            assert_eq!(real.check(&url).is_ok(), at_real, "{url}");
            assert_eq!(double.check(&url).is_ok(), at_double, "{url}");
        }
    }

    #[tokio::test]
    async fn no_image_is_asked_of_a_private_network_even_where_its_host_is_allowed() {
        let options = ClientOptions::new("https://api.bitbucket.org/2.0".parse().unwrap());
        let client = Client::new(options, Credential::access_token("s3cret")).unwrap();
        let allowed = [
            "169.254.169.254",
            "127.0.0.1",
            "[::1]",
            "10.1.2.3",
            "localhost",
        ];
        let hosts = hosts("https://bitbucket.org", &allowed);
        for host in allowed {
            let url = format!("https://{host}/x.png").parse().unwrap();
            let error = client.image(&hosts, &url, 1).await.unwrap_err();
            let is_refused = matches!(error.kind, RequestErrorKind::FileStore { .. });
            assert!(is_refused, "{url}: {error:?}");
            assert_eq!(error.class(), ErrorClass::Permanent);
        }
    }
}
