//! Answers that are not sent twice: `ETag` and `If-None-Match` (RFC 9110, section 13.1.2).

use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use super::problem::Problem;

/// Bytes of a tag: 96 bits tell all answers apart.
const TAG_BYTES: usize = 12;

/// An answer with its tag; without its content for whoever has it already.
pub(crate) fn tagged(headers: &HeaderMap, answer: &impl Serialize) -> Result<Response, Problem> {
    let body = serde_json::to_vec(answer).map_err(Problem::unwritable)?;
    let tag = URL_SAFE_NO_PAD.encode(&Sha256::digest(&body)[..TAG_BYTES]);
    let tag = HeaderValue::from_str(&format!("\"{tag}\"")).map_err(Problem::unwritable)?;
    let tagged = [
        (header::ETAG, tag.clone()),
        // To be kept by whoever asked, and asked for again each time.
        (
            header::CACHE_CONTROL,
            HeaderValue::from_static("private, no-cache"),
        ),
    ];
    if is_known(headers, tag.as_bytes()) {
        return Ok((StatusCode::NOT_MODIFIED, tagged).into_response());
    }
    let json = HeaderValue::from_static("application/json");
    Ok((tagged, [(header::CONTENT_TYPE, json)], body).into_response())
}

/// Whether a tag is among those that were sent. They are compared weakly: a proxy that
/// compresses makes weak ones of ours.
fn is_known(headers: &HeaderMap, tag: &[u8]) -> bool {
    headers
        .get_all(header::IF_NONE_MATCH)
        .iter()
        .flat_map(|value| value.as_bytes().split(|byte| *byte == b','))
        .map(<[u8]>::trim_ascii)
        .any(|known| known == b"*" || known.strip_prefix(b"W/").unwrap_or(known) == tag)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(value: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(header::IF_NONE_MATCH, HeaderValue::from_static(value))])
    }

    #[test]
    fn who_has_it_gets_nothing() {
        let answer = tagged(&HeaderMap::new(), &"tea").unwrap();
        assert_eq!(answer.status(), 200);
        let tag = answer.headers()[header::ETAG].to_str().unwrap().to_owned();
        let other = tagged(&HeaderMap::new(), &"pot").unwrap();
        assert_ne!(other.headers()[header::ETAG], tag);
        for (known, expected) in [
            (tag.clone(), 304),
            (format!("\"x\", W/{tag}"), 304),
            ("*".to_owned(), 304),
            (tag.trim_matches('"').to_owned(), 200),
        ] {
            let headers = asked(known.leak());
            let status = tagged(&headers, &"tea").unwrap().status();
            assert_eq!(status, expected, "{headers:?}");
        }
    }
}
