//! One request to the token page: no redirects, a small answer, and not for long.

use std::time::Duration;

use oauth2::{HttpRequest, HttpResponse};
use reqwest::{StatusCode, redirect};

/// Two tokens of some thousands of characters, with much room.
const MAX_ANSWER_BYTES: usize = 256 * 1024;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(15);

/// Longest time for the whole exchange: the lease of a refresh outlasts it.
pub(super) const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);

/// Why there is no answer to read.
#[derive(Debug, thiserror::Error)]
pub(super) enum HttpError {
    #[error("the token page cannot be reached")]
    Network(#[source] reqwest::Error),
    #[error("the token page answered {status}")]
    Status { status: u16 },
    #[error("the answer is larger than {limit_bytes} bytes")]
    TooLarge { limit_bytes: usize },
    #[error("the answer is not JSON")]
    NotJson,
}

/// An HTTP client for exchanges.
pub(super) fn client() -> Result<reqwest::Client, reqwest::Error> {
    // Another part of the process may have installed it already; it is the same one.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder()
        .user_agent(concat!("bucketload/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(CONNECT_TIMEOUT)
        .timeout(REQUEST_TIMEOUT)
        // The consumer's secret goes to one address only.
        .redirect(redirect::Policy::none())
        .build()
}

pub(super) async fn send(
    http: reqwest::Client,
    request: HttpRequest,
) -> Result<HttpResponse, HttpError> {
    let request = reqwest::Request::try_from(request).map_err(HttpError::Network)?;
    let mut response = http.execute(request).await.map_err(HttpError::Network)?;
    let status = response.status();
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(HttpError::Network)? {
        if body.len() + chunk.len() > MAX_ANSWER_BYTES {
            return Err(HttpError::TooLarge {
                limit_bytes: MAX_ANSWER_BYTES,
            });
        }
        body.extend_from_slice(&chunk);
    }
    let is_json = body.trim_ascii_start().starts_with(b"{");
    match status {
        // A busy page answers in HTML, and the status says all.
        _ if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS => {
            Err(HttpError::Status {
                status: status.as_u16(),
            })
        }
        StatusCode::OK if !is_json => Err(HttpError::NotJson),
        _ if !status.is_success() && !is_json => Err(HttpError::Status {
            status: status.as_u16(),
        }),
        _ => {
            let mut answer = HttpResponse::new(body);
            *answer.status_mut() = status;
            Ok(answer)
        }
    }
}
