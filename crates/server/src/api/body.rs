//! What scripts send: JSON, whole, and nothing that is not known.

use axum::body::to_bytes;
use axum::extract::{FromRequest, Request};
use axum::http::{StatusCode, header};
use serde::de::DeserializeOwned;

use super::problem::Problem;
use crate::security::patience::is_too_slow;
use crate::service::App;

/// A thousand names of repositories, each as long as can be.
const MAX_BODY_BYTES: usize = 512 * 1024;

/// A document that was sent.
#[derive(Debug)]
pub(crate) struct Body<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequest<App> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &App) -> Result<Self, Problem> {
        let kind = request.headers().get(header::CONTENT_TYPE);
        let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        let kind = kind.split(';').next().unwrap_or_default().trim();
        if !kind.eq_ignore_ascii_case("application/json") {
            return Err(Problem::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "Send JSON: Content-Type: application/json",
            ));
        }
        let body = to_bytes(request.into_body(), MAX_BODY_BYTES).await;
        let body = body.map_err(|error| {
            if is_too_slow(&error) {
                let why = "The document did not arrive whole.";
                return Problem::new(StatusCode::REQUEST_TIMEOUT, why);
            }
            Problem::new(
                StatusCode::PAYLOAD_TOO_LARGE,
                format!("No document of this service is longer than {MAX_BODY_BYTES} bytes."),
            )
        })?;
        serde_json::from_slice(&body)
            .map(Self)
            .map_err(|error| Problem::new(StatusCode::BAD_REQUEST, format!("{error}.")))
    }
}
