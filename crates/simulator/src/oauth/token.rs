//! `POST /site/oauth2/access_token`: codes, refresh tokens and secrets become access tokens.

use super::grants::{Consent, Issued};
use super::options::{OAuthOptions, ScopeField};
use super::{OAuth, OAuthConsumer, narrowed};
use crate::credentials::{basic, is_form};
use crate::http::params::Params;
use crate::http::reply::{Answer, AnswerBody, Headers};
use crate::state::State;
use axum::http::{HeaderMap, Method, StatusCode};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;
use sha2::{Digest, Sha256};
use std::time::Instant;

/// A request whose body has been read.
#[derive(Debug)]
pub(crate) struct TokenRequest {
    /// None: it is no form.
    form: Option<Params>,
}

/// An error of RFC 6749, section 5.2.
#[derive(Debug)]
struct Refused(StatusCode, &'static str, String);

/// What is done about the grants of the simulator; others there are gone or for add-ons.
const GRANT_TYPES: &[&str] = &["authorization_code", "refresh_token", "client_credentials"];

impl TokenRequest {
    pub(crate) fn new(headers: &HeaderMap, body: &[u8]) -> Self {
        let form = std::str::from_utf8(body).ok().filter(|_| is_form(headers));
        Self {
            form: form.map(|form| Params::parse(Some(form))),
        }
    }

    /// For the log, and so never what a client made up.
    pub(crate) fn grant_type(&self) -> &'static str {
        let asked = self.form.as_ref().and_then(|form| form.get("grant_type"));
        GRANT_TYPES
            .iter()
            .find(|known| Some(**known) == asked)
            .copied()
            .unwrap_or("other")
    }
}

/// Answers it.
pub(crate) fn exchange(
    state: &State,
    method: &Method,
    headers: &HeaderMap,
    request: &TokenRequest,
) -> Answer {
    let mut steering = state.steering();
    let now = steering.clock.now();
    let oauth = &mut steering.oauth;
    let result = if method == Method::POST {
        issue(oauth, headers, request, now)
    } else {
        Err(Refused(
            StatusCode::METHOD_NOT_ALLOWED,
            "invalid_request",
            "The request has to be a POST".to_owned(),
        ))
    };
    match result {
        Ok(issued) => reply(&issued, request.grant_type(), &oauth.options),
        Err(refused) => refused.answer(),
    }
}

fn issue(
    oauth: &mut OAuth,
    headers: &HeaderMap,
    request: &TokenRequest,
    now: Instant,
) -> Result<Issued, Refused> {
    let form = request
        .form
        .as_ref()
        .ok_or_else(|| Refused::request("The body has to be a form"))?;
    let consumer = client(oauth, headers)?;
    match form.get("grant_type") {
        Some("authorization_code") => code(oauth, &consumer, form, now),
        Some("refresh_token") => refresh(oauth, &consumer, form, now),
        Some("client_credentials") => {
            let scopes = narrowed(form.get("scope"), &consumer.scopes)
                .map_err(|scope| Refused::scope(&scope))?;
            let OAuth {
                options, grants, ..
            } = oauth;
            Ok(grants.app_user(&consumer, scopes, options, now))
        }
        Some(_) => Err(Refused(
            StatusCode::BAD_REQUEST,
            "unsupported_grant_type",
            "The grant_type is not supported".to_owned(),
        )),
        None => Err(Refused::request("The grant_type is missing")),
    }
}

/// The consumer, by Basic and by nothing else.
fn client(oauth: &OAuth, headers: &HeaderMap) -> Result<OAuthConsumer, Refused> {
    let found = basic(headers).and_then(|(client_id, secret)| {
        oauth
            .consumer(&client_id)
            .filter(|consumer| consumer.client_secret == secret)
    });
    found.cloned().ok_or_else(|| {
        Refused(
            StatusCode::UNAUTHORIZED,
            "invalid_client",
            "The key or the secret of the OAuth consumer is wrong".to_owned(),
        )
    })
}

fn code(
    oauth: &mut OAuth,
    consumer: &OAuthConsumer,
    form: &Params,
    now: Instant,
) -> Result<Issued, Refused> {
    let code = form
        .get("code")
        .ok_or_else(|| Refused::request("The code is missing"))?;
    let OAuth {
        options, grants, ..
    } = oauth;
    let consent = grants
        .take(code, now)
        .ok_or_else(|| Refused::grant("The code is unknown, used or expired"))?;
    if consent.client_id != consumer.client_id {
        return Err(Refused::grant("The code is another OAuth consumer's"));
    }
    let same_redirect = match (&consent.redirect_uri, form.get("redirect_uri")) {
        (Some(sent), again) => Some(sent.as_str()) == again,
        (None, None) => true,
        (None, Some(again)) => again == consumer.callback_url,
    };
    if !same_redirect {
        return Err(Refused::grant(
            "The redirect_uri is not that of the request for the code",
        ));
    }
    check_verifier(&consent, form.get("code_verifier"))?;
    Ok(grants.begin(consent, options, now))
}

/// PKCE (RFC 7636). Bitbucket's documents do not speak of it; here it holds once it was begun.
fn check_verifier(consent: &Consent, verifier: Option<&str>) -> Result<(), Refused> {
    let hashed = verifier.map(|text| URL_SAFE_NO_PAD.encode(Sha256::digest(text)));
    match &consent.code_challenge {
        Some(challenge) if hashed.as_ref() != Some(challenge) => Err(Refused::grant(
            "The code_verifier does not fit the code_challenge",
        )),
        _ => Ok(()),
    }
}

fn refresh(
    oauth: &mut OAuth,
    consumer: &OAuthConsumer,
    form: &Params,
    now: Instant,
) -> Result<Issued, Refused> {
    let token = form
        .get("refresh_token")
        .ok_or_else(|| Refused::request("The refresh_token is missing"))?;
    let unknown = || Refused::grant("The refresh_token is unknown, replaced or expired");
    let OAuth {
        options, grants, ..
    } = oauth;
    let grant = grants
        .of_refresh_token(token, now)
        .filter(|grant| grant.client_id == consumer.client_id)
        .ok_or_else(unknown)?;
    let scopes =
        narrowed(form.get("scope"), &grant.scopes).map_err(|scope| Refused::scope(&scope))?;
    grants
        .refresh(token, scopes, options, now)
        .ok_or_else(unknown)
}

fn reply(issued: &Issued, grant_type: &str, options: &OAuthOptions) -> Answer {
    let mut body = json!({
        "access_token": issued.access_token,
        "token_type": "bearer",
        "state": grant_type,
    });
    if options.sends_expires_in {
        body["expires_in"] = json!(options.access_token_seconds);
    }
    if let Some(refresh_token) = &issued.refresh_token {
        body["refresh_token"] = json!(refresh_token);
    }
    let scopes = json!(issued.scopes.join(" "));
    if matches!(options.scope_field, ScopeField::Scopes | ScopeField::Both) {
        body["scopes"] = scopes.clone();
    }
    if matches!(options.scope_field, ScopeField::Scope | ScopeField::Both) {
        body["scope"] = scopes;
    }
    Answer {
        status: StatusCode::OK,
        headers: no_store(),
        body: AnswerBody::Json(body),
    }
}

fn no_store() -> Headers {
    vec![("cache-control", "no-store".to_owned())]
}

impl Refused {
    fn request(description: &str) -> Self {
        Self(
            StatusCode::BAD_REQUEST,
            "invalid_request",
            description.to_owned(),
        )
    }

    fn grant(description: &str) -> Self {
        Self(
            StatusCode::BAD_REQUEST,
            "invalid_grant",
            description.to_owned(),
        )
    }

    fn scope(excessive: &str) -> Self {
        let description = format!("The scope {excessive} was not granted");
        Self(StatusCode::BAD_REQUEST, "invalid_scope", description)
    }

    fn answer(self) -> Answer {
        let Self(status, error, description) = self;
        let mut headers = no_store();
        if status == StatusCode::UNAUTHORIZED {
            headers.push((
                "www-authenticate",
                "Basic realm=\"Bitbucket.org HTTP\"".to_owned(),
            ));
        }
        Answer {
            status,
            headers,
            body: AnswerBody::Json(json!({"error": error, "error_description": description})),
        }
    }
}
