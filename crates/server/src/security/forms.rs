//! Forms that other sites send in a person's name are turned away, before anything
//! else looks at them.

use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use chrono::Duration;
use subtle::ConstantTimeEq as _;
use url::form_urlencoded;

use super::patience::is_too_slow;
use super::secrets::SessionToken;
use crate::error::PageError;
use crate::service::App;

/// No form of ours comes near it.
const MAX_FORM_BYTES: usize = 64 * 1024;

/// The field of every form that shows where it came from.
pub(crate) const FIELD: &str = "form_token";

/// How long the token of somebody who has not signed in is kept.
const VISITOR_DAYS: i64 = 1;

/// Gives every browser a token, and lets no form in that does not carry what belongs
/// to it.
pub(crate) async fn guard(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let sent = app.cookie.read(request.headers());
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        request = match checked(&app, sent.as_ref(), request).await {
            Ok(request) => request,
            Err(error) => return error.into_response(),
        };
    }
    with_token(&app, sent, request, next).await
}

/// The same for forms with a file, which is too large to be read here: where they come from
/// is looked at, and [`super::file_form::FileForm`] looks at the token before it hands
/// anything out.
pub(crate) async fn guard_file(State(app): State<App>, request: Request, next: Next) -> Response {
    if let Err(error) = check_origin(&app, request.headers()) {
        return error.into_response();
    }
    match app.cookie.read(request.headers()) {
        Some(token) => with_token(&app, Some(token), request, next).await,
        None => PageError::stale_form().into_response(),
    }
}

async fn with_token(
    app: &App,
    sent: Option<SessionToken>,
    mut request: Request,
    next: Next,
) -> Response {
    let is_new = sent.is_none();
    let token = match sent.map_or_else(SessionToken::generate, Ok) {
        Ok(token) => token,
        Err(error) => return PageError::from(error).into_response(),
    };
    request.extensions_mut().insert(token.clone());
    let mut response = next.run(request).await;
    if is_new && !response.headers().contains_key(header::SET_COOKIE) {
        let cookie = app.cookie.set(&token, Duration::days(VISITOR_DAYS));
        response.headers_mut().insert(header::SET_COOKIE, cookie);
    }
    response
}

async fn checked(
    app: &App,
    sent: Option<&SessionToken>,
    request: Request,
) -> Result<Request, PageError> {
    check_origin(app, request.headers())?;
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, MAX_FORM_BYTES).await.map_err(|error| {
        if is_too_slow(&error) {
            PageError::too_slow()
        } else {
            PageError::too_large()
        }
    })?;
    let given = form_urlencoded::parse(&body)
        .find_map(|(name, value)| (name == FIELD).then(|| value.into_owned()));
    let (Some(given), Some(token)) = (given, sent) else {
        return Err(PageError::stale_form());
    };
    check_token(&given, token)?;
    Ok(Request::from_parts(parts, Body::from(body)))
}

/// Whether what a form carries belongs to the session.
pub(super) fn check_token(given: &str, token: &SessionToken) -> Result<(), PageError> {
    if bool::from(given.as_bytes().ct_eq(token.form_token().as_bytes())) {
        Ok(())
    } else {
        Err(PageError::stale_form())
    }
}

/// Browsers say where a form stands. What is no browser says nothing, and has the
/// token of the form or not.
fn check_origin(app: &App, headers: &HeaderMap) -> Result<(), PageError> {
    let ours = app.public_url.origin().ascii_serialization();
    let is_ours = |origin: &HeaderValue| origin.as_bytes() == ours.as_bytes();
    if headers
        .get(header::ORIGIN)
        .is_some_and(|origin| !is_ours(origin))
    {
        return Err(PageError::foreign_form(&ours));
    }
    let is_foreign = |site: &HeaderValue| !matches!(site.as_bytes(), b"same-origin" | b"none");
    if headers.get("sec-fetch-site").is_some_and(is_foreign) {
        return Err(PageError::foreign_form(&ours));
    }
    Ok(())
}
