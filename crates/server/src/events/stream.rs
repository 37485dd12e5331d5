//! `GET /events`: server-sent events (WHATWG HTML, section 9.2).

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Query, State};
use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use axum::response::sse::{self, KeepAlive, Sse};
use axum::response::{IntoResponse as _, Response};
use bucketload_archive::DatabaseError;
use bucketload_model::UserState;
use futures::stream;
use serde::Deserialize;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::{Interval, MissedTickBehavior, interval};

use super::hub::{Event, Subscription};
use crate::security::secrets::SessionToken;
use crate::service::App;
use crate::session::Person;

/// Nothing at all for so long, and a proxy may think that nobody is there.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// Who may not look any more sees nothing more after so long.
const ALLOWED_EVERY: Duration = Duration::from_secs(20);

/// When a browser that lost us comes back.
const RETRY: Duration = Duration::from_secs(2);

/// What browsers say when they come back by themselves (section 9.2.4).
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

#[derive(Deserialize)]
pub(crate) struct After {
    /// The last event that the page knows of.
    after: Option<String>,
}

pub(crate) async fn open(
    State(app): State<App>,
    person: Person,
    Query(query): Query<After>,
    headers: HeaderMap,
) -> Response {
    let header = headers
        .get(LAST_EVENT_ID)
        .and_then(|value| value.to_str().ok());
    let after = header.or(query.after.as_deref());
    let after = after.and_then(|text| text.parse().ok());
    let Some(subscription) = app.events.subscribe(after) else {
        return (
            StatusCode::SERVICE_UNAVAILABLE,
            [(header::RETRY_AFTER, "30")],
        )
            .into_response();
    };
    let listener = Listener::new(app, person.token, subscription);
    let events = stream::unfold(listener, Listener::next);
    Sse::new(events)
        .keep_alive(KeepAlive::new().interval(HEARTBEAT))
        .into_response()
}

/// Somebody who listens.
struct Listener {
    app: App,
    token: SessionToken,
    subscription: Subscription,
    /// What comes before all that is to come.
    first: VecDeque<sse::Event>,
    allowed: Interval,
    is_over: bool,
}

impl Listener {
    fn new(app: App, token: SessionToken, mut subscription: Subscription) -> Self {
        let mut first = VecDeque::new();
        let begin = sse::Event::default().retry(RETRY).data("{}");
        if let Some(missed) = subscription.missed.take() {
            first.push_back(begin.event("ready"));
            first.extend(missed.iter().map(as_sent));
        } else {
            first.push_back(begin.event("anew").id(subscription.last.to_string()));
        }
        let mut allowed = interval(ALLOWED_EVERY);
        allowed.set_missed_tick_behavior(MissedTickBehavior::Delay);
        allowed.reset();
        Self {
            app,
            token,
            subscription,
            first,
            allowed,
            is_over: false,
        }
    }

    async fn next(mut self) -> Option<(Result<sse::Event, Infallible>, Self)> {
        if let Some(event) = self.first.pop_front() {
            return Some((Ok(event), self));
        }
        if self.is_over {
            return None;
        }
        loop {
            tokio::select! {
                // The process comes to an end: whoever comes back finds the next one.
                () = self.app.health.stopping.cancelled() => return None,
                event = self.subscription.receiver.recv() => return match event {
                    Ok(event) => Some((Ok(as_sent(&event)), self)),
                    // Too slow: the browser comes back, and is told what it missed.
                    Err(RecvError::Lagged(_) | RecvError::Closed) => None,
                },
                _ = self.allowed.tick() => {
                    if !self.is_allowed().await.unwrap_or(true) {
                        self.is_over = true;
                        let event = sse::Event::default().event("signed-out").data("{}");
                        return Some((Ok(event), self));
                    }
                }
            }
        }
    }

    /// Whether the session still is, and its user may still come in. A database that fails
    /// for a moment shows nothing more either.
    async fn is_allowed(&self) -> Result<bool, DatabaseError> {
        let archive = &self.app.archive;
        let session = archive.session(&self.token.hash(), self.app.now()).await?;
        let Some(user) = session.and_then(|session| session.user) else {
            return Ok(false);
        };
        let user = archive.user(user).await?;
        Ok(user.is_some_and(|user| user.state == UserState::Active))
    }
}

fn as_sent(event: &Arc<Event>) -> sse::Event {
    sse::Event::default()
        .event(event.kind)
        .id(event.id.to_string())
        .data(&event.data)
}
