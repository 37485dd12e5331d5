//! Who is asking.

use axum::extract::FromRequestParts;
use axum::http::header::{self, HeaderMap};
use axum::http::request::Parts;
use axum::http::{HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use bucketload_archive::{SessionRecord, Transaction, UserRecord};
use bucketload_model::{UserId, UserRole, UserState};
use chrono::Duration;
use url::form_urlencoded;

use crate::error::PageError;
use crate::pages::pending;
use crate::security::secrets::{SessionToken, row_id};
use crate::service::{App, Service};

/// That a session is in use is noted this often, and not with every page.
const NOTED_EVERY: Duration = Duration::minutes(5);

/// How long somebody may be at Bitbucket before they have signed in here.
pub(crate) const VISITOR_LIFE: Duration = Duration::hours(1);

/// What browsers call themselves is long; what tells them apart stands early.
const MAX_USER_AGENT_CHARS: usize = 200;

/// Anybody, signed in or not.
#[derive(Debug, Clone)]
pub(crate) struct Visitor {
    pub(crate) token: SessionToken,
    pub(crate) session: Option<SessionRecord>,
    /// Who is signed in: active, or still to be approved.
    pub(crate) user: Option<UserRecord>,
}

/// Somebody who is signed in and may come in.
#[derive(Debug, Clone)]
pub(crate) struct Person {
    pub(crate) token: SessionToken,
    pub(crate) session: SessionRecord,
    pub(crate) user: UserRecord,
}

/// A person who may decide.
#[derive(Debug, Clone)]
pub(crate) struct Administrator(pub(crate) Person);

/// A person who may import.
#[derive(Debug, Clone)]
pub(crate) struct Member(pub(crate) Person);

/// Somebody who does not get the page, and what they get in its place.
#[derive(Debug)]
pub(crate) struct TurnedAway(Box<Response>);

impl TurnedAway {
    fn with(answer: impl IntoResponse) -> Self {
        Self(Box::new(answer.into_response()))
    }
}

impl IntoResponse for TurnedAway {
    fn into_response(self) -> Response {
        *self.0
    }
}

impl Visitor {
    async fn of(parts: &Parts, app: &App) -> Result<Self, PageError> {
        let token = parts.extensions.get::<SessionToken>().cloned();
        let token = token.ok_or_else(PageError::stale_form)?;
        let now = app.now();
        let session = app.archive.session(&token.hash(), now).await?;
        let user = match session.as_ref().and_then(|session| session.user) {
            Some(id) => app.archive.user(id).await?,
            None => None,
        };
        let user = user.filter(|user| user.state != UserState::Blocked);
        if let (Some(session), Some(user)) = (&session, &user)
            && session.used_at + NOTED_EVERY <= now
        {
            let idle_until = now + app.switches().await?.idle();
            let mut transaction = app.archive.begin().await?;
            transaction
                .touch_session(&token.hash(), now, idle_until)
                .await?;
            transaction.touch_user(user.id, now).await?;
            transaction.commit().await?;
        }
        Ok(Self {
            token,
            session,
            user,
        })
    }

    fn into_person(self, parts: &Parts) -> Result<Person, TurnedAway> {
        let (Some(session), Some(user)) = (self.session, self.user) else {
            return Err(to_sign_in(parts));
        };
        if user.state == UserState::Pending {
            let page = pending::page(&user, &self.token);
            return Err(TurnedAway::with((StatusCode::FORBIDDEN, page)));
        }
        Ok(Person {
            token: self.token,
            session,
            user,
        })
    }
}

/// Only pages are gone back to: a form would have to be sent again.
fn to_sign_in(parts: &Parts) -> TurnedAway {
    let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
    if parts.method != Method::GET || path == "/" {
        return TurnedAway::with(Redirect::to("/sign-in"));
    }
    let next = form_urlencoded::Serializer::new(String::new())
        .append_pair("next", path)
        .finish();
    TurnedAway::with(Redirect::to(&format!("/sign-in?{next}")))
}

impl FromRequestParts<App> for Visitor {
    type Rejection = PageError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, PageError> {
        Self::of(parts, app).await
    }
}

impl FromRequestParts<App> for Person {
    type Rejection = TurnedAway;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, TurnedAway> {
        let visitor = Visitor::of(parts, app).await;
        visitor.map_err(TurnedAway::with)?.into_person(parts)
    }
}

impl FromRequestParts<App> for Member {
    type Rejection = TurnedAway;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, TurnedAway> {
        let person = Person::from_request_parts(parts, app).await?;
        if person.user.role >= UserRole::Member {
            Ok(Self(person))
        } else {
            Err(TurnedAway::with(PageError::only_for("members")))
        }
    }
}

impl FromRequestParts<App> for Administrator {
    type Rejection = TurnedAway;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, TurnedAway> {
        let person = Person::from_request_parts(parts, app).await?;
        if person.user.role == UserRole::Administrator {
            Ok(Self(person))
        } else {
            Err(TurnedAway::with(PageError::only_for("administrators")))
        }
    }
}

/// A session that was begun, as the browser is told of it.
#[derive(Debug)]
pub(crate) struct Begun {
    pub(crate) token: SessionToken,
    pub(crate) cookie: HeaderValue,
}

impl Begun {
    /// Sends the browser on, with its new token.
    pub(crate) fn go_to(self, address: &str) -> Response {
        ([(header::SET_COOKIE, self.cookie)], Redirect::to(address)).into_response()
    }
}

impl Service {
    /// Begins a session under a new token, whatever token the browser came with; that
    /// one ends. A token that somebody planted in a browser is worth nothing afterwards.
    pub(crate) async fn begin_session(
        &self,
        transaction: &mut Transaction,
        before: &SessionToken,
        user: Option<UserId>,
        headers: &HeaderMap,
    ) -> Result<(Begun, SessionRecord), PageError> {
        let now = self.now();
        let (idle, session) = match user {
            Some(_) => {
                let switches = self.switches().await?;
                (switches.idle(), switches.session())
            }
            None => (VISITOR_LIFE, VISITOR_LIFE),
        };
        let record = SessionRecord {
            id: row_id(now)?,
            user,
            flow: None,
            user_agent: user_agent(headers),
            created_at: now,
            used_at: now,
            idle_until: now + idle,
            ends_at: now + session,
        };
        let token = SessionToken::generate()?;
        transaction.remove_session(&before.hash()).await?;
        transaction.put_session(&token.hash(), &record).await?;
        let cookie = self.cookie.set(&token, session);
        Ok((Begun { token, cookie }, record))
    }
}

fn user_agent(headers: &HeaderMap) -> Option<String> {
    let text = headers.get(header::USER_AGENT)?.to_str().ok()?;
    Some(text.chars().take(MAX_USER_AGENT_CHARS).collect())
}
