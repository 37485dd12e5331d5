//! What a person sees when a page cannot be shown: what happened, and what to do.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use bucketload_archive::{CredentialError, DatabaseError};
use bucketload_worker::queue::QueueError;

use crate::pages::parts::bytes;
use crate::pages::problem;
use crate::security::secrets::NoRandom;

/// A page that says why there is no other.
#[derive(Debug, Clone)]
pub(crate) struct PageError {
    pub(crate) status: StatusCode,
    pub(crate) title: String,
    pub(crate) detail: String,
    pub(crate) remedy: Option<String>,
}

impl PageError {
    pub(crate) fn new(
        status: StatusCode,
        title: impl Into<String>,
        detail: impl Into<String>,
    ) -> Self {
        Self {
            status,
            title: title.into(),
            detail: detail.into(),
            remedy: None,
        }
    }

    #[must_use]
    pub(crate) fn remedy(mut self, remedy: impl Into<String>) -> Self {
        self.remedy = Some(remedy.into());
        self
    }

    pub(crate) fn not_found() -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "There is no such page",
            "The address may be mistyped, or what it showed is gone.",
        )
    }

    pub(crate) fn lost_file() -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "The file is not there",
            "The archive knows of it, but its content is not in the data directory.",
        )
        .remedy("bucketload verify names everything that is missing.")
    }

    pub(crate) fn only_for(who: &str) -> Self {
        Self::new(
            StatusCode::FORBIDDEN,
            "Not for your role",
            format!("This page is for {who}."),
        )
        .remedy("An administrator can give you another role.")
    }

    pub(crate) fn stale_form() -> Self {
        Self::new(
            StatusCode::FORBIDDEN,
            "The form was not accepted",
            "It does not belong to this browser session: it was open for long, you signed in or \
             out in the meantime, or cookies are switched off.",
        )
        .remedy("Go back, reload the page and send the form again.")
    }

    pub(crate) fn foreign_form(ours: &str) -> Self {
        Self::new(
            StatusCode::FORBIDDEN,
            "The form was not accepted",
            "It came from another address than the one people use for this service.",
        )
        .remedy(format!("Open this service at {ours}."))
    }

    pub(crate) fn too_large() -> Self {
        Self::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "The form is too large",
            "No form of this service is as large.",
        )
    }

    /// What was sent stopped before its end.
    pub(crate) fn too_slow() -> Self {
        Self::new(
            StatusCode::REQUEST_TIMEOUT,
            "It did not arrive whole",
            "Nothing more of it came for half a minute. Nothing of it was kept.",
        )
        .remedy("Try again when the connection is better.")
    }

    /// A file that is larger than anybody may upload.
    pub(crate) fn upload_too_large(limit_bytes: u64) -> Self {
        Self::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "The file is too large",
            format!(
                "It has more than {}. Nothing of it was kept.",
                bytes(limit_bytes)
            ),
        )
        .remedy(
            "An administrator can raise BUCKETLOAD_MAX_UPLOAD_MB, or take it in on the machine of \
             this service: bucketload import workspace/repository --issues-export FILE.",
        )
    }

    pub(crate) fn too_often() -> Self {
        Self::new(
            StatusCode::TOO_MANY_REQUESTS,
            "Too many attempts",
            "There were many attempts from your address.",
        )
        .remedy("Wait a minute, then try again.")
    }

    /// A field of a form that does not do.
    pub(crate) fn unusable(detail: impl Into<String>) -> Self {
        Self::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "The form was not accepted",
            detail,
        )
        .remedy("Go back and change it.")
    }

    pub(crate) fn internal() -> Self {
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "Something failed here",
            "The page cannot be shown. The log of the service says why.",
        )
        .remedy("Try again in a moment.")
    }
}

impl From<DatabaseError> for PageError {
    fn from(error: DatabaseError) -> Self {
        tracing::error!(error = &error as &dyn std::error::Error, "a page failed");
        Self::internal()
    }
}

impl From<QueueError> for PageError {
    fn from(error: QueueError) -> Self {
        tracing::error!(error = &error as &dyn std::error::Error, "a page failed");
        Self::internal()
    }
}

impl From<CredentialError> for PageError {
    fn from(error: CredentialError) -> Self {
        tracing::error!(error = &error as &dyn std::error::Error, "a page failed");
        Self::internal()
    }
}

impl From<NoRandom> for PageError {
    fn from(error: NoRandom) -> Self {
        tracing::error!(%error, "a page failed");
        Self::internal()
    }
}

impl From<bucketload_auth::SealError> for PageError {
    fn from(error: bucketload_auth::SealError) -> Self {
        tracing::error!(%error, "a page failed");
        Self::internal()
    }
}

impl From<serde_json::Error> for PageError {
    fn from(error: serde_json::Error) -> Self {
        // Its message could quote what it read.
        tracing::error!(category = ?error.classify(), "a page failed");
        Self::internal()
    }
}

impl IntoResponse for PageError {
    fn into_response(self) -> Response {
        (self.status, problem::page(&self)).into_response()
    }
}
