//! The log of requests, and waiting for one to come.

use serde::{Deserialize, Serialize};
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::watch;

/// A request that has come in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoggedRequest {
    /// Counted from 1 since the log was last reset.
    pub number: u64,
    /// REST or git.
    pub kind: RequestKind,
    /// `GET`, mostly.
    pub method: String,
    /// The path with the query as sent, but for secrets, which are hidden: tokens, and of OAuth
    /// codes and states.
    pub target: String,
    /// The endpoint as the OpenAPI document writes it, for REST requests that have one; of OAuth
    /// the path.
    pub endpoint: Option<String>,
    /// Of a request for tokens: `authorization_code`, `refresh_token`, `client_credentials`, or
    /// `other`.
    #[serde(default)]
    pub grant_type: Option<String>,
    /// The kind of credential, such as `unauthenticated_identity`.
    pub credential: Option<String>,
    /// The status of the answer; none while it is not answered, or the client did not wait.
    pub status: Option<u16>,
}

/// Which of the interfaces a request came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RequestKind {
    /// Below `/2.0`.
    Rest,
    /// Smart HTTP.
    Git,
    /// Questions about LFS objects.
    Lfs,
    /// The file store.
    Storage,
    /// Anything else.
    Web,
}

/// Requests since the last reset.
#[derive(Debug)]
pub(crate) struct Log {
    entries: Mutex<(u64, Vec<LoggedRequest>)>,
    arrived: watch::Sender<u64>,
    /// Requests that are being answered, and the most that ever were.
    in_flight: Mutex<(usize, usize)>,
}

/// Counts a request as being in flight while it exists.
#[derive(Debug)]
pub(crate) struct InFlight<'a>(&'a Log);

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.0
            .in_flight
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .0 -= 1;
    }
}

/// A request of one generation of the log; a reset makes it harmless.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ticket {
    generation: u64,
    pub(crate) number: u64,
}

impl Log {
    pub(crate) fn new() -> Self {
        Self {
            entries: Mutex::default(),
            arrived: watch::Sender::new(0),
            in_flight: Mutex::default(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, (u64, Vec<LoggedRequest>)> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn arrive(&self, kind: RequestKind, method: &str, target: &str) -> Ticket {
        let mut entries = self.lock();
        let number = crate::seeded::dice::count(entries.1.len()) + 1;
        entries.1.push(LoggedRequest {
            number,
            kind,
            method: method.to_owned(),
            target: hidden(target),
            endpoint: None,
            grant_type: None,
            credential: None,
            status: None,
        });
        let generation = entries.0;
        drop(entries);
        self.arrived.send_replace(number);
        Ticket { generation, number }
    }

    pub(crate) fn update(&self, ticket: Ticket, change: impl FnOnce(&mut LoggedRequest)) {
        let mut entries = self.lock();
        if entries.0 == ticket.generation {
            let index = crate::seeded::dice::index(ticket.number - 1);
            entries.1.get_mut(index).map(change);
        }
    }

    pub(crate) fn enter(&self) -> InFlight<'_> {
        let mut in_flight = self
            .in_flight
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        in_flight.0 += 1;
        in_flight.1 = in_flight.1.max(in_flight.0);
        InFlight(self)
    }

    pub(crate) fn peak(&self) -> usize {
        self.in_flight
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .1
    }

    pub(crate) fn requests(&self) -> Vec<LoggedRequest> {
        self.lock().1.clone()
    }

    pub(crate) fn reset(&self) {
        let mut entries = self.lock();
        entries.0 += 1;
        entries.1.clear();
        drop(entries);
        let mut in_flight = self
            .in_flight
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        in_flight.1 = in_flight.0;
        drop(in_flight);
        self.arrived.send_replace(0);
    }

    pub(crate) async fn wait_for(&self, number: u64) {
        let mut arrived = self.arrived.subscribe();
        // The sender lives as long as this log: there is nothing to fail.
        let _ = arrived.wait_for(|count| *count >= number).await;
    }
}

/// The values of these parameters are nobody's business.
const SECRET: &[&str] = &[
    "access_token",
    "client_secret",
    "code_verifier",
    "refresh_token",
];

/// Nor are these where people sign in; a list of pull requests has a `state` too.
const SECRET_OF_OAUTH: &[&str] = &["code", "state"];

/// The target without secrets; the rest of it byte for byte.
fn hidden(target: &str) -> String {
    let Some((path, query)) = target.split_once('?') else {
        return target.to_owned();
    };
    let is_oauth = path.starts_with("/site/");
    let is_secret =
        |name: &str| SECRET.contains(&name) || is_oauth && SECRET_OF_OAUTH.contains(&name);
    let parts: Vec<String> = query
        .split('&')
        .map(|part| match part.split_once('=') {
            Some((name, _)) if is_secret(name) => format!("{name}=hidden"),
            _ => part.to_owned(),
        })
        .collect();
    format!("{path}?{}", parts.join("&"))
}
