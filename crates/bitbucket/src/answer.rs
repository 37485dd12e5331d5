//! What an answer says: its body as JSON or in words, its headers about quota,
//! time and announced removals.

use std::time::Duration;

use bucketload_model::{AnnouncedRemoval, QuotaSaid};
use chrono::{DateTime, Utc};
use reqwest::header::{self, HeaderMap};
use serde::de::DeserializeOwned;

use crate::error::RequestErrorKind;
use crate::{Endpoint, EntityTag};

/// What came back: a body, or nothing of use.
pub(crate) struct Body {
    pub(crate) status: reqwest::StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) bytes: Vec<u8>,
}

/// Makes something of the body of a success.
pub(crate) type ReadBody<T> = fn(Body) -> Result<T, RequestErrorKind>;

pub(crate) fn shape(error: serde_path_to_error::Error<serde_json::Error>) -> RequestErrorKind {
    RequestErrorKind::Shape {
        path: error.path().to_string(),
        source: error.into_inner(),
    }
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "every reader of bodies has one type, and some keep the bytes"
)]
pub(crate) fn json<T: DeserializeOwned>(body: Body) -> Result<T, RequestErrorKind> {
    if !looks_like_json(&body.bytes) {
        return Err(RequestErrorKind::NotJson {
            excerpt: excerpt(&body.bytes),
        });
    }
    let mut deserializer = serde_json::Deserializer::from_slice(&body.bytes);
    serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
        // A document that ends early was cut off on the way.
        if error.inner().is_eof() || error.inner().is_syntax() {
            RequestErrorKind::NotJson {
                excerpt: excerpt(&body.bytes),
            }
        } else {
            shape(error)
        }
    })
}

pub(crate) fn refusal(body: &Body) -> RequestErrorKind {
    RequestErrorKind::Status {
        status: body.status.as_u16(),
        message: message_of(&body.bytes),
        accepted_scopes: text(&body.headers, "x-accepted-oauth-scopes"),
        granted_scopes: text(&body.headers, "x-oauth-scopes"),
    }
}

/// The message of an error body: of either JSON shape, or the text itself.
pub(crate) fn message_of(bytes: &[u8]) -> String {
    let parsed: Option<serde_json::Value> = serde_json::from_slice(bytes).ok();
    let message = parsed.as_ref().and_then(|value| {
        value
            .pointer("/error/message")
            .or_else(|| value.get("message"))
            .and_then(serde_json::Value::as_str)
    });
    match message {
        Some(message) => printable(message),
        None => excerpt(bytes),
    }
}

pub(crate) fn looks_like_json(bytes: &[u8]) -> bool {
    let first = bytes.iter().find(|byte| !byte.is_ascii_whitespace());
    matches!(first, Some(b'{' | b'['))
}

/// The beginning of a body for people: an HTML page by its title.
pub(crate) fn excerpt(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(&bytes[..bytes.len().min(4096)]);
    let lower = text.to_ascii_lowercase();
    if let (Some(start), Some(end)) = (lower.find("<title>"), lower.find("</title>"))
        && start < end
    {
        return format!("an HTML page, “{}”", printable(&text[start + 7..end]));
    }
    if text.trim().is_empty() {
        "an empty body".to_owned()
    } else {
        printable(&text)
    }
}

/// At most 200 characters, no control characters: it may end on a terminal.
pub(crate) fn printable(text: &str) -> String {
    let clean: String = text
        .trim()
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(200)
        .collect();
    clean.trim_end().to_owned()
}

pub(crate) fn text(headers: &HeaderMap, name: &str) -> Option<String> {
    headers.get(name)?.to_str().ok().map(printable)
}

/// The first number of a header that may be a list, as in `60, 60;w=3600`.
pub(crate) fn first_number(headers: &HeaderMap, name: &str) -> Option<u64> {
    let value = headers.get(name)?.to_str().ok()?;
    value.split([',', ';']).next()?.trim().parse().ok()
}

pub(crate) fn seconds(headers: &HeaderMap, name: &str) -> Option<Duration> {
    // Seconds left; a larger number would be a point in time, which Bitbucket does not send.
    first_number(headers, name)
        .filter(|seconds| *seconds < 86_400)
        .map(Duration::from_secs)
}

pub(crate) fn announced_removal(
    endpoint: Endpoint,
    headers: &HeaderMap,
) -> Option<AnnouncedRemoval> {
    let deprecation = text(headers, "deprecation");
    let sunset = text(headers, "sunset");
    // A `Link` alone may be about anything.
    (deprecation.is_some() || sunset.is_some()).then(|| AnnouncedRemoval {
        endpoint: endpoint.name().to_owned(),
        deprecation,
        sunset,
        link: text(headers, "link"),
    })
}

pub(crate) fn served_at(headers: &HeaderMap) -> Option<DateTime<Utc>> {
    let date = headers.get(header::DATE)?.to_str().ok()?;
    let date = DateTime::parse_from_rfc2822(date).ok()?;
    Some(date.with_timezone(&Utc))
}

pub(crate) fn said_of_quota(headers: &HeaderMap) -> QuotaSaid {
    let number = |name| first_number(headers, name).and_then(|number| number.try_into().ok());
    QuotaSaid {
        limit: number("x-ratelimit-limit"),
        remaining: number("x-ratelimit-remaining"),
        reset: seconds(headers, "x-ratelimit-reset")
            .and_then(|reset| chrono::Duration::from_std(reset).ok()),
    }
}

/// No refusal is over at once, whatever it says: asking again and again would not
/// stop then.
const SHORTEST_STOP: Duration = Duration::from_secs(1);

pub(crate) fn told_to_wait(headers: &HeaderMap) -> Option<Duration> {
    let told = seconds(headers, "retry-after").or_else(|| seconds(headers, "x-ratelimit-reset"))?;
    Some(told.max(SHORTEST_STOP))
}

pub(crate) fn entity_tag(headers: &HeaderMap) -> Option<EntityTag> {
    EntityTag::new(headers.get(header::ETAG)?.to_str().ok()?)
}

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderValue;

    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let pairs = pairs.iter().map(|(name, value)| {
            (
                header::HeaderName::from_static(name),
                HeaderValue::from_static(value),
            )
        });
        pairs.collect()
    }

    #[test]
    fn waits_are_read_from_every_header_seen() {
        let wait = |pairs: &[_]| told_to_wait(&headers(pairs)).map(|wait| wait.as_secs());
        assert_eq!(wait(&[("retry-after", "7")]), Some(7));
        assert_eq!(wait(&[("x-ratelimit-reset", "745")]), Some(745));
        assert_eq!(
            wait(&[("retry-after", "7"), ("x-ratelimit-reset", "745")]),
            Some(7)
        );
        assert_eq!(wait(&[("x-ratelimit-reset", "1800000000")]), None);
        assert_eq!(wait(&[("retry-after", "0")]), Some(1));
        assert_eq!(wait(&[]), None);
        let limit = headers(&[("x-ratelimit-limit", "60, 60;w=3600")]);
        assert_eq!(first_number(&limit, "x-ratelimit-limit"), Some(60));
    }

    #[test]
    fn messages_of_every_error_body_seen() {
        for (body, message) in [
            (
                r#"{"type":"error","error":{"message":"Forbidden"}}"#,
                "Forbidden",
            ),
            (r#"{"message":"CHANGE-3071 - gone"}"#, "CHANGE-3071 - gone"),
            ("Rate limit exceeded\n", "Rate limit exceeded"),
            (
                "<html><head><title>502 Bad Gateway</title></head></html>",
                "an HTML page, “502 Bad Gateway”",
            ),
            ("", "an empty body"),
            ("a\u{1b}[31mb", "a [31mb"),
        ] {
            assert_eq!(message_of(body.as_bytes()), message);
        }
    }
}
