//! What lists have in common: how long a page is, what it may be filtered by, and where the
//! next one is.

use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;
use serde::Serialize;
use url::form_urlencoded;

use super::etag::tagged;
use super::problem::Problem;
use crate::service::Service;

/// Objects on a page, unless less is asked for.
const LENGTH: u32 = 100;

/// How many are asked for.
pub(super) fn length(query: &str) -> Result<u32, Problem> {
    let mut pairs = form_urlencoded::parse(query.as_bytes());
    let Some((_, text)) = pairs.find(|(name, _)| name == "limit") else {
        return Ok(LENGTH);
    };
    let length = text.parse().ok();
    length
        .filter(|length| (1..=LENGTH).contains(length))
        .ok_or_else(|| {
            Problem::new(
                StatusCode::BAD_REQUEST,
                format!("The limit is a number from 1 to {LENGTH}."),
            )
        })
}

/// A page may leave out what it cannot read; a script is told. `known` names what a list is
/// filtered by, in words.
pub(super) fn check(
    query: &str,
    known: &str,
    is_good: impl Fn(&str, &str) -> bool,
) -> Result<(), Problem> {
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        if !is_good(&name, &value) {
            let detail = format!("“{name}={value}” cannot be filtered by. There are {known}.");
            return Err(Problem::new(StatusCode::BAD_REQUEST, detail));
        }
    }
    Ok(())
}

/// The address of the next page, whose path and filter are given.
pub(super) fn next_page(app: &Service, path_and_query: &str, length: u32) -> String {
    format!("{}{path_and_query}&limit={length}", app.public_url)
}

/// A page, with the address of the next one as `Link` (RFC 8288), too.
pub(super) fn page(
    headers: &HeaderMap,
    answer: &impl Serialize,
    next: Option<&str>,
) -> Result<Response, Problem> {
    let mut response = tagged(headers, answer)?;
    if let Some(next) = next {
        let link = HeaderValue::from_str(&format!("<{next}>; rel=\"next\""));
        let link = link.map_err(Problem::unwritable)?;
        response.headers_mut().insert(header::LINK, link);
    }
    Ok(response)
}
