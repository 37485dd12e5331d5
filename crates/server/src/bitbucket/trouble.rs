//! Why Bitbucket did not show what was asked for, in words, and what to do.

use axum::http::StatusCode;
use bucketload_archive::DatabaseError;
use bucketload_bitbucket::{RequestError, RequestErrorKind};
use bucketload_model::ErrorClass;
use bucketload_worker::StageError;
use bucketload_worker::queue::NoClient;
use chrono::{DateTime, Utc};

use super::credentials::{Usable, Whose};
use crate::error::PageError;

/// Why there is no answer of Bitbucket's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Trouble {
    /// What a script is answered with.
    pub(crate) status: StatusCode,
    pub(crate) what: String,
    /// When it will be over, where that is known.
    pub(crate) until: Option<DateTime<Utc>>,
    pub(crate) remedy: String,
}

/// What stands in the way, where no more is known.
const LOOK: &str = "Try again in a minute. If it stays, the log of this service says more.";

impl Trouble {
    fn new(status: StatusCode, what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self {
            status,
            what: what.into(),
            until: None,
            remedy: remedy.into(),
        }
    }

    /// Nobody answered within the time that a page takes.
    pub(crate) fn too_slow() -> Self {
        Self::new(
            StatusCode::GATEWAY_TIMEOUT,
            "Bitbucket did not answer in time.",
            "Try again in a minute; status.atlassian.com says whether it is down for everybody.",
        )
    }

    /// Somebody asks more than people do.
    pub(crate) fn too_often() -> Self {
        Self::new(
            StatusCode::TOO_MANY_REQUESTS,
            "You have asked Bitbucket for many lists within a minute.",
            "Wait a minute, then try again.",
        )
    }

    /// The credential is of no more use.
    pub(crate) fn ended(credential: &Usable, reason: &str) -> Self {
        let remedy = match credential.whose {
            Whose::Own => "Connect Bitbucket again on the account page.",
            Whose::Service | Whose::Nobody => {
                "Choose another one; an administrator can replace it with “bucketload auth”."
            }
        };
        let what = format!("The credential “{}” has ended: {reason}.", credential.label);
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, what, remedy)
    }

    pub(crate) fn gone(label: &str) -> Self {
        Self::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            format!("The credential “{label}” was removed."),
            "Choose another one.",
        )
    }

    /// The credential cannot be used.
    pub(crate) fn of_client(error: &NoClient) -> Self {
        let status = match error {
            NoClient::Database(_) | NoClient::Build(_) => StatusCode::INTERNAL_SERVER_ERROR,
            _ => StatusCode::UNPROCESSABLE_ENTITY,
        };
        if status.is_server_error() {
            tracing::error!(
                error = error as &dyn std::error::Error,
                "nothing can be asked"
            );
        }
        Self::new(
            status,
            sentence(&error.to_string()),
            sentence(error.remedy()),
        )
    }

    /// Bitbucket refused, or could not be asked.
    pub(crate) fn of_request(error: &RequestError, credential: &Usable) -> Self {
        if let RequestErrorKind::QuotaSpent { until } = error.kind {
            return Self {
                until: Some(until),
                ..Self::new(
                    StatusCode::SERVICE_UNAVAILABLE,
                    "The request quota of this credential is spent.",
                    "Wait until then, or choose a credential with a quota of its own. Imports \
                     that were asked for go on by themselves.",
                )
            };
        }
        tracing::info!(
            error = &error.kind as &dyn std::error::Error,
            "Bitbucket did not show a list to somebody"
        );
        match error.class() {
            ErrorClass::Unauthorized => Self::unauthorized(credential),
            ErrorClass::Forbidden => Self::new(
                StatusCode::BAD_GATEWAY,
                match scopes(&error.kind) {
                    Some(scopes) => format!(
                        "Bitbucket does not allow it with this credential: it lacks one of the \
                         scopes {scopes}."
                    ),
                    None => "Bitbucket does not allow it with this credential.".to_owned(),
                },
                "Choose another credential, or connect one with more permissions.",
            ),
            ErrorClass::NotFound | ErrorClass::Gone => Self::new(
                StatusCode::NOT_FOUND,
                "Bitbucket knows no such workspace, or does not show it to this credential.",
                "Check the name as it stands in addresses of Bitbucket, or choose another \
                 credential.",
            ),
            ErrorClass::RateLimited | ErrorClass::Transient | ErrorClass::Cancelled => Self::new(
                StatusCode::BAD_GATEWAY,
                "Bitbucket cannot be reached, or does not answer as it should.",
                LOOK,
            ),
            ErrorClass::Permanent => Self::new(
                StatusCode::BAD_GATEWAY,
                "Bitbucket's answer cannot be used.",
                LOOK,
            ),
        }
    }

    /// An import cannot be planned.
    pub(crate) fn of_plan(error: &StageError, credential: &Usable) -> Self {
        match error {
            StageError::Request(error) => Self::of_request(error, credential),
            error => {
                let problem = error as &dyn std::error::Error;
                tracing::warn!(error = problem, "an import cannot be planned");
                Self::new(
                    StatusCode::BAD_GATEWAY,
                    "It cannot be looked at just now.",
                    LOOK,
                )
            }
        }
    }

    fn unauthorized(credential: &Usable) -> Self {
        let remedy = match credential.whose {
            Whose::Own => "Connect Bitbucket again on the account page.",
            Whose::Service => {
                "Name a workspace: access tokens belong to no account and cannot list any. If \
                 you did, an administrator gives the service another token."
            }
            Whose::Nobody => {
                "Name a workspace with public repositories, or connect Bitbucket on the account \
                 page."
            }
        };
        Self::new(
            StatusCode::BAD_GATEWAY,
            "Bitbucket does not accept the credential for this.",
            remedy,
        )
    }
}

impl From<Trouble> for PageError {
    fn from(trouble: Trouble) -> Self {
        let mut what = trouble.what;
        if let Some(until) = trouble.until {
            what = format!("{what} Until {}.", until.format("%-d %b %Y, %H:%M UTC"));
        }
        Self::new(trouble.status, "Bitbucket did not show it", what).remedy(trouble.remedy)
    }
}

impl From<DatabaseError> for Trouble {
    fn from(error: DatabaseError) -> Self {
        tracing::error!(error = &error as &dyn std::error::Error, "a list failed");
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "The archive's database failed.",
            LOOK,
        )
    }
}

/// The scopes that an answer asks for. They are words of others, and short.
fn scopes(kind: &RequestErrorKind) -> Option<String> {
    let RequestErrorKind::Status {
        accepted_scopes, ..
    } = kind
    else {
        return None;
    };
    let scopes = accepted_scopes.as_deref()?.chars().take(200);
    Some(scopes.filter(|one| !one.is_control()).collect())
}

/// Words as a sentence of their own.
fn sentence(words: &str) -> String {
    let mut chars = words.chars();
    let first = chars.next().into_iter().flat_map(char::to_uppercase);
    let mut sentence: String = first.chain(chars).collect();
    sentence.push('.');
    sentence
}
