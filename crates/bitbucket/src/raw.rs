//! Answers that are no JSON: diffs and patches.

use crate::answer::{Body, text};
use crate::error::RequestError;
use crate::request::Question;
use crate::{Client, Endpoint, PageUrl};

/// An answer as it came.
#[derive(Debug, Clone)]
pub struct RawAnswer {
    /// The bytes, at most 64 MiB. A diff has the encoding of the repository's
    /// own files, so this need not be UTF-8.
    pub bytes: Vec<u8>,
    /// `Content-Type`, where there was one.
    pub content_type: Option<String>,
    /// Requests sent for it, repeated ones included.
    pub requests: u64,
}

impl Client {
    /// Fetches an address of the API whose answer is no JSON.
    ///
    /// # Errors
    ///
    /// When the request fails for good, or the answer is larger than 64 MiB.
    /// A diff that takes Bitbucket too long to make is status 555.
    pub async fn raw(&self, endpoint: Endpoint, url: &PageUrl) -> Result<RawAnswer, RequestError> {
        let got = self.get(Question::new(endpoint, &url.0), whole).await?;
        let (bytes, content_type) = got.value;
        Ok(RawAnswer {
            bytes,
            content_type,
            requests: got.requests,
        })
    }
}

#[expect(
    clippy::unnecessary_wraps,
    reason = "every reader of bodies has one type"
)]
fn whole(body: Body) -> Result<(Vec<u8>, Option<String>), crate::RequestErrorKind> {
    let content_type = text(&body.headers, "content-type");
    Ok((body.bytes, content_type))
}
