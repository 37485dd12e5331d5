//! Why somebody did not come in, in words.

use axum::http::StatusCode;
use bucketload_auth::oauth::{CallbackError, ProviderRefusal, TokenError, TokenErrorClass};
use bucketload_bitbucket::RequestErrorKind;

use super::profile::ProfileError;
use crate::error::PageError;
use crate::policy::Refusal;

const AGAIN: &str = "Go to the sign-in page and begin again.";

const CHECK_CONSUMER: &str = "An administrator must check the OAuth consumer: its key, its secret, \
                              its callback URL and its permissions (Account: Email and Read), in \
                              Bitbucket and in the settings of this service.";

pub(crate) fn no_consumer() -> PageError {
    PageError::new(
        StatusCode::NOT_FOUND,
        "Bitbucket is not set up",
        "This service has no OAuth consumer, so nobody can sign in with Bitbucket.",
    )
    .remedy(
        "An administrator sets BUCKETLOAD_OAUTH_CLIENT_ID and BUCKETLOAD_OAUTH_CLIENT_SECRET and \
         starts the service again.",
    )
}

/// The browser comes back and nothing is remembered of it.
pub(crate) fn not_begun_here() -> PageError {
    PageError::new(
        StatusCode::FORBIDDEN,
        "This sign-in was not begun here",
        "It was begun in another browser or too long ago, it has been used already, or somebody \
         sent you a link that they made up.",
    )
    .remedy(AGAIN)
}

/// What came back is no answer to what was asked.
pub(crate) fn callback(error: &CallbackError) -> PageError {
    match error {
        CallbackError::OtherState | CallbackError::Missing { name: "state" } => not_begun_here(),
        CallbackError::Missing { .. }
        | CallbackError::Repeated { .. }
        | CallbackError::TooLong { .. } => PageError::new(
            StatusCode::BAD_REQUEST,
            "Bitbucket's answer cannot be used",
            "What your browser brought back from Bitbucket is incomplete or doubled.",
        )
        .remedy(AGAIN),
        CallbackError::Refused { refusal, .. } => refused(refusal),
    }
}

fn refused(refusal: &ProviderRefusal) -> PageError {
    match refusal {
        ProviderRefusal::AccessDenied => PageError::new(
            StatusCode::FORBIDDEN,
            "You did not agree",
            "Bitbucket says that access was not granted. Nothing was changed.",
        )
        .remedy("If that was a mistake, begin again and press “Grant access” at Bitbucket."),
        ProviderRefusal::ConsumerRefused { code } => PageError::new(
            StatusCode::BAD_GATEWAY,
            "Bitbucket refuses this service",
            format!("Bitbucket does not accept the OAuth consumer of this service ({code})."),
        )
        .remedy(CHECK_CONSUMER),
        ProviderRefusal::Unavailable => PageError::new(
            StatusCode::BAD_GATEWAY,
            "Bitbucket cannot sign anybody in just now",
            "It says so itself.",
        )
        .remedy("Try again in a few minutes."),
        ProviderRefusal::Other { code } => PageError::new(
            StatusCode::BAD_GATEWAY,
            "Bitbucket refused the sign-in",
            format!("Bitbucket gave the reason “{code}”."),
        )
        .remedy(AGAIN),
    }
}

/// The code was not exchanged for tokens.
pub(crate) fn exchange(error: &TokenError) -> PageError {
    tracing::warn!(
        error = error as &dyn std::error::Error,
        "Bitbucket gave no tokens"
    );
    match error.class() {
        TokenErrorClass::DeadGrant => PageError::new(
            StatusCode::FORBIDDEN,
            "The sign-in has expired",
            "Bitbucket's code was used already or is too old.",
        )
        .remedy(AGAIN),
        TokenErrorClass::ConsumerRefused => PageError::new(
            StatusCode::BAD_GATEWAY,
            "Bitbucket refuses this service",
            format!("{error}."),
        )
        .remedy(CHECK_CONSUMER),
        TokenErrorClass::Transient => PageError::new(
            StatusCode::BAD_GATEWAY,
            "Bitbucket cannot be reached",
            format!("{error}."),
        )
        .remedy("Try again in a few minutes."),
        TokenErrorClass::Unreadable => PageError::new(
            StatusCode::BAD_GATEWAY,
            "Bitbucket's answer cannot be used",
            format!("{error}."),
        )
        .remedy(
            "A proxy may have answered in its place. An administrator must check \
             BUCKETLOAD_BITBUCKET_WEB_URL.",
        ),
    }
}

/// Bitbucket did not say who it is.
pub(crate) fn profile(error: &ProfileError) -> PageError {
    tracing::warn!(
        error = error as &dyn std::error::Error,
        "Bitbucket does not say who signs in"
    );
    let title = "Bitbucket does not say who you are";
    let status = match error {
        ProfileError::Request(error) => match &error.kind {
            RequestErrorKind::Status { status, .. } => Some(*status),
            _ => None,
        },
        ProfileError::Build(_) | ProfileError::TooSlow => None,
    };
    match status {
        Some(status @ (401 | 403)) => PageError::new(
            StatusCode::BAD_GATEWAY,
            title,
            format!("It does not let this service read your account ({status})."),
        )
        .remedy(CHECK_CONSUMER),
        Some(status) => PageError::new(
            StatusCode::BAD_GATEWAY,
            title,
            format!("It answered {status}."),
        )
        .remedy("Try again in a few minutes."),
        None => PageError::new(
            StatusCode::BAD_GATEWAY,
            title,
            "It did not answer, or not as documented.",
        )
        .remedy("Try again in a few minutes."),
    }
}

/// The policy of this service lets them not in.
pub(crate) fn refusal(refusal: Refusal) -> PageError {
    let (title, detail, remedy) = match refusal {
        Refusal::SwitchedOff => (
            "Sign-in with Bitbucket is off",
            "An administrator of this service has switched it off.",
            "Ask an administrator for another way in.",
        ),
        Refusal::Blocked => (
            "Your account is blocked",
            "An administrator of this service has blocked it.",
            "Ask an administrator.",
        ),
        Refusal::NoAccount => (
            "You have no account here",
            "Bitbucket knows you, but this service lets only people in whom it knows already.",
            "Ask an administrator to let new accounts in, under Administration, Sign-in.",
        ),
        Refusal::OtherWorkspace => (
            "You have no account here",
            "This service is for members of certain Bitbucket workspaces, and you are in none of \
             them.",
            "Ask somebody to invite you to the workspace, or an administrator to add yours.",
        ),
        Refusal::SharedAddress => (
            "Your address belongs to several users",
            "More than one user of this service has the e-mail address of your Bitbucket account.",
            "Ask an administrator.",
        ),
    };
    PageError::new(StatusCode::FORBIDDEN, title, detail).remedy(remedy)
}
