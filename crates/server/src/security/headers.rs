//! Headers that every answer carries.

use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, header};
use axum::middleware::Next;
use axum::response::Response;
use url::Url;

use crate::service::App;

/// What browsers may do with our pages: load our own style sheet, script and pictures, ask
/// us what is new, send forms to us. No script stands in a page. A form that leads to Bitbucket's sign-in is followed there, which
/// browsers count as sending it.
pub(crate) fn content_security_policy(bitbucket: Option<&Url>) -> HeaderValue {
    let elsewhere = bitbucket.map_or_else(String::new, |url| {
        format!(" {}", url.origin().ascii_serialization())
    });
    let policy = format!(
        "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; \
         img-src 'self'; form-action 'self'{elsewhere}; \
         frame-ancestors 'none'; base-uri 'self'"
    );
    HeaderValue::from_str(&policy)
        .unwrap_or_else(|_| HeaderValue::from_static("default-src 'none'"))
}

/// A year; only once an answer came over TLS.
const HSTS: &str = "max-age=31536000";

pub(crate) async fn add(State(app): State<App>, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    let mut put = |name: HeaderName, value: &'static str| {
        headers
            .entry(name)
            .or_insert(HeaderValue::from_static(value));
    };
    put(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    put(header::X_FRAME_OPTIONS, "DENY");
    // Forms need an origin, other sites need nothing: `no-referrer` would make the
    // `Origin` of our own forms “null”.
    put(header::REFERRER_POLICY, "same-origin");
    put(
        HeaderName::from_static("cross-origin-opener-policy"),
        "same-origin",
    );
    put(
        HeaderName::from_static("cross-origin-resource-policy"),
        "same-origin",
    );
    put(
        HeaderName::from_static("permissions-policy"),
        "camera=(), geolocation=(), microphone=()",
    );
    // Pages are about people; what may be kept says so itself.
    put(header::CACHE_CONTROL, "no-store");
    if app.public_url.scheme() == "https" {
        put(header::STRICT_TRANSPORT_SECURITY, HSTS);
    }
    headers
        .entry(header::CONTENT_SECURITY_POLICY)
        .or_insert(app.content_security_policy.clone());
    response
}
