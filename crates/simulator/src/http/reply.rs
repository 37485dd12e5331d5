//! Answers: JSON, redirects, errors in Bitbucket's shape, and the headers that go with them.

use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, Response, StatusCode, header};
use serde_json::{Value, json};
use std::hash::{DefaultHasher, Hasher};

/// What an endpoint answers when all is well.
#[derive(Debug)]
pub(crate) enum Reply {
    Json(Value),
    /// `text/plain`, such as a diff; the bytes are git's, in the repository's own encoding.
    Text(Vec<u8>),
    /// 302 to another address of this API.
    Redirect(String),
}

/// An error as Bitbucket writes it: `{"type":"error","error":{"message":…}}`.
#[derive(Debug, Clone)]
pub(crate) struct ApiError {
    pub(crate) status: StatusCode,
    pub(crate) body: Value,
}

impl ApiError {
    pub(crate) fn new(status: StatusCode, message: impl Into<String>) -> Self {
        let message: String = message.into();
        Self {
            status,
            body: json!({"type": "error", "error": {"message": message}}),
        }
    }

    pub(crate) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, message)
    }

    pub(crate) fn not_found(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, message)
    }

    /// The token is unknown, expired, or of a kind that the endpoint does not take.
    pub(crate) fn unauthorized() -> Self {
        Self::new(
            StatusCode::UNAUTHORIZED,
            "Token is invalid, expired, or not supported for this endpoint.",
        )
    }

    pub(crate) fn missing_scopes(required: &[&str], granted: &[String]) -> Self {
        let mut error = Self::new(
            StatusCode::FORBIDDEN,
            "Your credentials lack one or more required privilege scopes.",
        );
        error.body["error"]["detail"] = json!({"required": required, "granted": granted});
        error
    }

    /// 410 of an API that Atlassian has removed, under the number of its changelog entry.
    pub(crate) fn removed(change: &str) -> Self {
        let announcement = json!({
            "announcement_url":
                format!("https://developer.atlassian.com/cloud/bitbucket/changelog#{change}")
        });
        let mut error = Self::new(
            StatusCode::GONE,
            format!("{change} - Functionality has been deprecated"),
        );
        error.body["error"]["detail"] = json!("The changelog entry names what to use instead.");
        error.body["error"]["data"] = announcement.clone();
        error.body["data"] = announcement;
        error
    }
}

/// Headers that every answer of the API carries.
pub(crate) type Headers = Vec<(&'static str, String)>;

/// A finished answer before it is put on the wire, so that a fault can still touch its JSON.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: Headers,
    pub(crate) body: AnswerBody,
}

#[derive(Debug)]
pub(crate) enum AnswerBody {
    Json(Value),
    Bytes(&'static str, Vec<u8>),
    Empty,
}

impl Answer {
    pub(crate) fn from_result(result: Result<Reply, ApiError>) -> Self {
        let mut headers = Headers::new();
        let (status, body) = match result {
            Ok(Reply::Json(value)) => (StatusCode::OK, AnswerBody::Json(value)),
            Ok(Reply::Text(bytes)) => (StatusCode::OK, AnswerBody::Bytes("text/plain", bytes)),
            Ok(Reply::Redirect(location)) => {
                headers.push(("location", location));
                (StatusCode::FOUND, AnswerBody::Empty)
            }
            Err(error) => (error.status, AnswerBody::Json(error.body)),
        };
        Self {
            status,
            headers,
            body,
        }
    }

    /// Writes the answer; a matching `If-None-Match` makes it a 304.
    pub(crate) fn into_response(self, if_none_match: Option<&str>) -> Response<Body> {
        let (content_type, bytes) = match self.body {
            AnswerBody::Json(value) => (
                Some("application/json; charset=utf-8"),
                serde_json::to_vec(&value).unwrap_or_default(),
            ),
            AnswerBody::Bytes(content_type, bytes) => (Some(content_type), bytes),
            AnswerBody::Empty => (None, Vec::new()),
        };
        let mut response = Response::new(Body::empty());
        *response.status_mut() = self.status;
        let is_cached = !self
            .headers
            .iter()
            .any(|(name, _)| *name == "cache-control");
        if self.status == StatusCode::OK && is_cached {
            let etag = etag(&bytes);
            put(&mut response, "cache-control", "max-age=900");
            put(&mut response, "etag", &etag);
            if if_none_match.is_some_and(|known| matches_etag(known, &etag)) {
                *response.status_mut() = StatusCode::NOT_MODIFIED;
            }
        }
        for (name, value) in &self.headers {
            put(&mut response, name, value);
        }
        if response.status() != StatusCode::NOT_MODIFIED {
            if let Some(content_type) = content_type {
                response
                    .headers_mut()
                    .insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
            }
            *response.body_mut() = Body::from(bytes);
        }
        response
    }
}

/// Adds a header; a name or value that HTTP cannot carry is left out.
pub(crate) fn put(response: &mut Response<Body>, name: &str, value: &str) {
    if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
        response.headers_mut().append(name, value);
    }
}

fn etag(bytes: &[u8]) -> String {
    let mut first = DefaultHasher::new();
    first.write(bytes);
    let first = first.finish();
    format!("W/\"{first:016x}{:016x}\"", crate::seeded::dice::mix(first))
}

/// The weak comparison of RFC 9110, section 8.8.3.2.
fn matches_etag(known: &str, etag: &str) -> bool {
    let opaque = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
    known.trim() == "*" || known.split(',').any(|tag| opaque(tag) == opaque(etag))
}
