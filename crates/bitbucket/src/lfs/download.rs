//! The bytes of an object.

use std::fmt;

use bucketload_model::LfsObject;
use bytes::Bytes;
use reqwest::header::{self, HeaderMap, HeaderValue};
use reqwest::{Response, StatusCode};
use url::Url;

use super::batch::LfsAction;
use super::{below, sign};
use crate::error::{RequestError, RequestErrorKind};
use crate::file::{MAX_HOPS, patiently, redirected};
use crate::request::network;
use crate::storage::{self, may_be_stored_at};
use crate::{Client, Endpoint};

/// An object that comes in. Dropping it ends the transfer.
pub struct LfsDownload {
    url: Url,
    response: Response,
    limit_bytes: u64,
    left_bytes: u64,
    /// Where in the object it begins: where it was asked to, or at 0 where the host gives
    /// whole objects only.
    pub begins_at: u64,
}

/// The response would show where it comes from, which is a secret.
impl fmt::Debug for LfsDownload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LfsDownload")
            .field("url", &self.url.as_str())
            .field("begins_at", &self.begins_at)
            .finish_non_exhaustive()
    }
}

impl LfsDownload {
    /// The next piece, or nothing at the end. Whether that is the end of the object, too, its
    /// hash tells.
    ///
    /// # Errors
    ///
    /// When it breaks off, nothing comes for a minute, or more comes than there is. What came
    /// before is of use: the next attempt can go on behind it.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, RequestError> {
        let fail = |kind| RequestError::new(Endpoint::LfsBatch, &self.url, 0, kind);
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

impl Client {
    /// Begins to fetch an object, behind the first `from_byte` bytes of it where the host can
    /// do that. It is an object of the repository at `repository`.
    ///
    /// There is no limit to how long it takes, but a minute of silence ends it.
    ///
    /// # Errors
    ///
    /// When the host cannot be reached, refuses, or is none that a file may come from.
    pub async fn lfs_download(
        &self,
        repository: &Url,
        object: &LfsObject,
        action: &LfsAction,
        from_byte: u64,
    ) -> Result<LfsDownload, RequestError> {
        // The true address is a secret. This one says what is meant.
        let url = below(repository, &[object.oid.as_str()]);
        let asked = async {
            tokio::select! {
                biased;
                () = self.stop().cancelled() => Err(RequestErrorKind::Stopped),
                response = self.follow(repository, action, from_byte) => response,
            }
        };
        let fail = |kind| RequestError::new(Endpoint::LfsBatch, &url, 0, kind);
        let response = asked.await.map_err(fail)?;
        let begins_at = if response.status() == StatusCode::PARTIAL_CONTENT {
            let begins_at = first_byte(response.headers());
            if begins_at != Some(from_byte) {
                let problem = "another part of it came than was asked for";
                return Err(fail(RequestErrorKind::FileStore { problem }));
            }
            from_byte
        } else {
            0
        };
        let left_bytes = object.size_bytes.saturating_sub(begins_at);
        if response
            .content_length()
            .is_some_and(|size| size > left_bytes)
        {
            let limit_bytes = object.size_bytes;
            return Err(fail(RequestErrorKind::TooLarge { limit_bytes }));
        }
        Ok(LfsDownload {
            url,
            response,
            limit_bytes: object.size_bytes,
            left_bytes,
            begins_at,
        })
    }

    /// Follows the way to the object, each step only where it may lead.
    async fn follow(
        &self,
        repository: &Url,
        action: &LfsAction,
        from_byte: u64,
    ) -> Result<Response, RequestErrorKind> {
        let mut at = action.url.clone();
        let mut headers = action.headers.clone();
        for _ in 0..MAX_HOPS {
            let is_ours = at.origin() == repository.origin();
            if !is_ours {
                may_be_stored_at(&at, self.options())?;
                self.guard().watch(&at, self.options());
            }
            let mut request = self.file_http()?.get(at.clone()).headers(headers.clone());
            if from_byte > 0 {
                request = request.header(header::RANGE, format!("bytes={from_byte}-"));
            }
            let wants_ours =
                !action.is_authenticated && !headers.contains_key(header::AUTHORIZATION);
            if is_ours && wants_ours {
                let signed = self.credential().current().await;
                let signed = signed.map_err(RequestErrorKind::Credential)?;
                request = sign(request, &signed);
            }
            let response = patiently(request.send()).await?;
            let response = response.map_err(storage::problem)?;
            let status = response.status();
            tracing::trace!(host = at.host_str(), status = status.as_u16(), "answered");
            if status.is_success() {
                return Ok(response);
            }
            if !status.is_redirection() {
                // Its words may repeat the address.
                return Err(RequestErrorKind::FileStoreStatus {
                    status: status.as_u16(),
                });
            }
            let target = redirected(&at, &response)?;
            if target.origin() != at.origin() {
                // They were meant for the first host.
                headers = HeaderMap::new();
            }
            at = target;
        }
        Err(RequestErrorKind::FileStore {
            problem: "it leads on and on",
        })
    }
}

/// The first byte of `Content-Range: bytes 5-9/10`.
pub(crate) fn first_byte(headers: &HeaderMap<HeaderValue>) -> Option<u64> {
    let range = headers.get(header::CONTENT_RANGE)?.to_str().ok()?;
    let (first, _) = range.strip_prefix("bytes ")?.split_once('-')?;
    first.parse().ok()
}

#[cfg(test)]
mod tests {
    use bucketload_auth::Credential;
    use bucketload_model::ErrorClass;

    use super::*;
    use crate::ClientOptions;

    #[tokio::test]
    async fn no_object_is_asked_of_a_private_network() {
        let options = ClientOptions::new("https://api.bitbucket.org/2.0".parse().unwrap());
        let client = Client::new(options, Credential::access_token("s3cret")).unwrap();
        let repository = "https://bitbucket.org/teapots/kettle.git".parse().unwrap();
        let object = LfsObject {
            oid: "0".repeat(64).parse().unwrap(),
            size_bytes: 1,
        };
        for url in [
            "https://169.254.169.254/latest/meta-data",
            "https://127.0.0.1/x",
            "https://[::1]/x",
            "https://10.1.2.3/x",
            // Resolved, and looked at then.
            "https://localhost/x",
            "http://files.example/x",
            "ftp://files.example/x",
            "https://user@files.example/x",
        ] {
            let action = LfsAction {
                url: url.parse().unwrap(),
                headers: HeaderMap::new(),
                is_authenticated: true,
                expires_at: None,
            };
            let asked = client.lfs_download(&repository, &object, &action, 0).await;
            let error = asked.unwrap_err();
            let is_refused = matches!(error.kind, RequestErrorKind::FileStore { .. });
            assert!(is_refused, "{url}: {error:?}");
            assert_eq!(error.class(), ErrorClass::Permanent);
            assert!(!error.to_string().contains(url));
        }
    }

    #[test]
    fn the_first_byte_of_a_part() {
        let first = |text: &'static str| {
            let value = HeaderValue::from_static(text);
            first_byte(&HeaderMap::from_iter([(header::CONTENT_RANGE, value)]))
        };
        assert_eq!(first("bytes 5-9/10"), Some(5));
        assert_eq!(first("bytes 0-9/*"), Some(0));
        for text in ["bytes */10", "5-9/10", "bytes x-9/10", ""] {
            assert_eq!(first(text), None, "{text}");
        }
        assert_eq!(first_byte(&HeaderMap::new()), None);
    }
}
