//! Service tokens: who asks, and what they may.

use axum::extract::{FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use bucketload_archive::{Archive, SecretHash, ServiceTokenRecord, UserRecord};
use bucketload_model::{TokenScope, UserState};
use chrono::{DateTime, Duration, Utc};

use super::problem::Problem;
use crate::security::secrets::is_service_token;
use crate::service::App;

/// That a token is in use is noted this often, and not with every request.
const NOTED_EVERY: Duration = Duration::minutes(5);

/// Who asks.
#[derive(Debug, Clone)]
pub(crate) struct Script {
    pub(crate) user: UserRecord,
    pub(crate) token: ServiceTokenRecord,
}

impl Script {
    /// What the token was given, as far as its user still may.
    pub(crate) fn scopes(&self) -> Vec<TokenScope> {
        let scopes = self.token.scopes.iter().copied();
        scopes
            .filter(|scope| scope.needs() <= self.user.role)
            .collect()
    }

    pub(crate) fn needs(&self, scope: TokenScope) -> Result<(), Problem> {
        if self.scopes().contains(&scope) {
            return Ok(());
        }
        Err(Problem::new(
            StatusCode::FORBIDDEN,
            format!("The token does not have the scope {scope}."),
        ))
    }

    /// Whose token stands in the headers of a request.
    pub(crate) async fn find(
        archive: &Archive,
        now: DateTime<Utc>,
        headers: &HeaderMap,
    ) -> Result<Self, Problem> {
        let given = headers
            .get(header::AUTHORIZATION)
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.split_once(' '))
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
            .map(|(_, token)| token.trim());
        let given = given.ok_or_else(|| {
            Problem::unauthorized(
                "Send a service token: Authorization: Bearer blt_…",
                "Bearer realm=\"bucketload\"",
            )
        })?;
        let wrong = || {
            Problem::unauthorized(
                "The token is unknown, removed, expired or its user's no longer.",
                "Bearer realm=\"bucketload\", error=\"invalid_token\"",
            )
        };
        if !is_service_token(given) {
            return Err(wrong());
        }
        let token = archive.service_token(&SecretHash::of(given)).await?;
        let token = token.filter(|token| token.ends_at.is_none_or(|end| end > now));
        let token = token.ok_or_else(wrong)?;
        let user = archive.user(token.user).await?;
        let user = user.filter(|user| user.state == UserState::Active);
        let user = user.ok_or_else(wrong)?;
        if token.used_at.is_none_or(|used| used + NOTED_EVERY <= now) {
            let mut transaction = archive.begin().await?;
            transaction.touch_service_token(&token.id, now).await?;
            transaction.commit().await?;
        }
        Ok(Self { user, token })
    }
}

/// Nothing of the API is there for anybody without a token.
pub(crate) async fn authenticate(
    State(app): State<App>,
    mut request: Request,
    next: Next,
) -> Response {
    match Script::find(&app.archive, app.now(), request.headers()).await {
        Ok(script) => {
            request.extensions_mut().insert(script);
            next.run(request).await
        }
        Err(problem) => problem.into_response(),
    }
}

/// Nothing of a route is there for a token without its scope: not even its body is read.
pub(super) async fn authorise(scope: TokenScope, request: Request, next: Next) -> Response {
    let script = request.extensions().get::<Script>();
    let script = script.ok_or_else(Problem::no_token);
    match script.and_then(|script| script.needs(scope)) {
        Ok(()) => next.run(request).await,
        Err(problem) => problem.into_response(),
    }
}

impl FromRequestParts<App> for Script {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, Problem> {
        let script = parts.extensions.get::<Self>().cloned();
        script.ok_or_else(Problem::no_token)
    }
}
