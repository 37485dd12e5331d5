//! The two pages of OAuth: which one is asked for, and its form.

use super::token::{self, TokenRequest};
use super::{ACCESS_TOKEN, AUTHORIZE, authorize};
use crate::http::params::Params;
use crate::http::reply::{Answer, AnswerBody};
use crate::log::LoggedRequest;
use crate::state::State;
use axum::body::Body;
use axum::extract::Request;
use axum::http::{Method, StatusCode};

/// Forms are small; a larger one is a mistake.
const MAX_FORM: usize = 64 * 1024;

/// A request to one of them. Its form is read before any fault, so that the log can count it.
#[derive(Debug)]
pub(crate) enum SiteRequest {
    Authorize { target: String, params: Params },
    Token(TokenRequest),
}

impl SiteRequest {
    /// None for a request to something else, which is as it was. The error is the answer.
    pub(crate) async fn read(request: Request) -> Result<(Request, Option<Self>), Answer> {
        let path = request.uri().path();
        if path != AUTHORIZE && path != ACCESS_TOKEN {
            return Ok((request, None));
        }
        let (parts, body) = request.into_parts();
        let body = axum::body::to_bytes(body, MAX_FORM)
            .await
            .map_err(|_| Answer {
                status: StatusCode::PAYLOAD_TOO_LARGE,
                headers: Vec::new(),
                body: AnswerBody::Bytes("text/plain", b"The form is too large".to_vec()),
            })?;
        let read = if parts.uri.path() == ACCESS_TOKEN {
            Self::Token(TokenRequest::new(&parts.headers, &body))
        } else {
            let form = std::str::from_utf8(&body).ok();
            Self::Authorize {
                target: parts.uri.to_string(),
                params: Params::parse(if parts.method == Method::POST {
                    form
                } else {
                    parts.uri.query()
                }),
            }
        };
        Ok((Request::from_parts(parts, Body::empty()), Some(read)))
    }

    /// What faults are matched with: a request for tokens has its grant type for a query.
    pub(crate) fn target(&self) -> String {
        match self {
            Self::Authorize { target, .. } => target.clone(),
            Self::Token(request) => {
                format!("{ACCESS_TOKEN}?grant_type={}", request.grant_type())
            }
        }
    }

    pub(crate) fn log(&self, entry: &mut LoggedRequest) {
        let endpoint = match self {
            Self::Authorize { .. } => AUTHORIZE,
            Self::Token(request) => {
                entry.grant_type = Some(request.grant_type().to_owned());
                ACCESS_TOKEN
            }
        };
        entry.endpoint = Some(endpoint.to_owned());
    }

    pub(crate) fn answer(&self, state: &State, request: &Request) -> Answer {
        match self {
            Self::Authorize { params, .. } => authorize::authorize(state, request.method(), params),
            Self::Token(form) => token::exchange(state, request.method(), request.headers(), form),
        }
    }
}
