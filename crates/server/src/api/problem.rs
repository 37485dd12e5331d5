//! Errors as RFC 9457 has them.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bucketload_archive::{DatabaseError, MoveError};
use bucketload_worker::queue::QueueError;
use schemars::JsonSchema;
use serde::Serialize;

use crate::bitbucket::trouble::Trouble;

/// Why there is no answer.
#[derive(Debug)]
pub(crate) struct Problem {
    status: StatusCode,
    detail: String,
    /// What a client should send, where that is the matter.
    challenge: Option<&'static str>,
}

/// Why there is no answer, as it is sent (RFC 9457).
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct ProblemDetails {
    /// Always `about:blank`: the status says it all.
    #[serde(rename = "type")]
    kind: &'static str,
    /// The status in words.
    title: Option<&'static str>,
    /// The status of the answer.
    status: u16,
    /// What was wrong, and what would not be.
    detail: String,
}

impl Problem {
    pub(crate) fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        Self {
            status,
            detail: detail.into(),
            challenge: None,
        }
    }

    /// RFC 6750, section 3.
    pub(crate) fn unauthorized(detail: &str, challenge: &'static str) -> Self {
        Self {
            challenge: Some(challenge),
            ..Self::new(StatusCode::UNAUTHORIZED, detail)
        }
    }

    pub(super) fn no_token() -> Self {
        Self::unauthorized("Send a service token.", "Bearer")
    }

    pub(crate) fn not_found(what: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, format!("There is no such {what}."))
    }
}

impl Problem {
    /// Something that is no matter of who asks.
    fn internal(error: &(dyn std::error::Error + 'static)) -> Self {
        tracing::error!(error, "a request failed");
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "Something failed here. The log of the service says why.",
        )
    }

    /// An answer of ours that cannot be written.
    pub(crate) fn unwritable(error: impl std::error::Error + 'static) -> Self {
        Self::internal(&error)
    }
}

impl From<DatabaseError> for Problem {
    fn from(error: DatabaseError) -> Self {
        Self::internal(&error)
    }
}

impl From<Trouble> for Problem {
    fn from(trouble: Trouble) -> Self {
        let until = trouble.until.map_or_else(String::new, |until| {
            format!(" It ends at {}.", until.format("%Y-%m-%dT%H:%M:%SZ"))
        });
        let detail = format!("{}{until} {}", trouble.what, trouble.remedy);
        Self::new(trouble.status, detail)
    }
}

impl From<QueueError> for Problem {
    fn from(error: QueueError) -> Self {
        match error {
            QueueError::Move(MoveError::Unknown(_)) => Self::not_found("import"),
            QueueError::Move(MoveError::Wrong(wrong)) => {
                Self::new(StatusCode::CONFLICT, format!("{wrong}."))
            }
            error => Self::internal(&error),
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let details = ProblemDetails {
            kind: "about:blank",
            title: self.status.canonical_reason(),
            status: self.status.as_u16(),
            detail: self.detail,
        };
        let mut response = (self.status, Json(details)).into_response();
        let headers = response.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        if let Some(challenge) = self.challenge {
            headers.insert(
                header::WWW_AUTHENTICATE,
                HeaderValue::from_static(challenge),
            );
        }
        response
    }
}

pub(crate) async fn nowhere() -> Problem {
    Problem::not_found("resource")
}

pub(crate) async fn not_so() -> Problem {
    Problem::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "The resource does not have this method.",
    )
}
