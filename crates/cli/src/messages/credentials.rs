//! What a person sees about credentials and signing in.

use std::net::SocketAddr;

use bucketload_archive::{CredentialError, CredentialRecord, SecretKeyError};
use bucketload_auth::oauth::{CallbackError, ProviderRefusal, TokenError, TokenErrorClass};
use bucketload_auth::{OpenError, SealError};
use bucketload_model::ErrorClass;
use url::Url;

use super::{Exit, Problem};
use crate::output::printable;

const SIGN_IN_AGAIN: &str = "sign in again: bucketload auth login";
const CHECK_CONSUMER: &str = "check key, secret and callback URL of the OAuth consumer in the \
                              settings of its workspace (docs/CREDENTIALS.md)";
const NAME_THE_KEY: &str = "set BUCKETLOAD_SECRET_KEY or BUCKETLOAD_SECRET_KEY_FILE to the key that \
                            sealed it, or put the old secret.key back; where it is lost, remove \
                            the credential and add it again";

/// Nobody can sign in: there is no consumer.
pub(crate) fn no_consumer() -> Problem {
    Problem::usage(
        "there is no OAuth consumer to sign in with",
        "register one in Bitbucket and set BUCKETLOAD_OAUTH_CLIENT_ID and \
         BUCKETLOAD_OAUTH_CLIENT_SECRET (docs/CREDENTIALS.md), or keep a token: bucketload auth \
         add-token",
    )
}

/// The callback leads to another machine, where nobody listens for this command.
pub(crate) fn callback_elsewhere(redirect_uri: &Url) -> Problem {
    Problem::usage(
        format!("Bitbucket would answer to {redirect_uri}, which is not this machine"),
        "sign in on the dashboard there, or keep a token: bucketload auth add-token",
    )
}

/// The callback's port is taken.
pub(crate) fn cannot_listen(address: SocketAddr, error: &std::io::Error) -> Problem {
    Problem::of(format!("cannot listen on {address}"), error).remedy(
        "if the dashboard runs there, sign in on it; or set BUCKETLOAD_PUBLIC_URL to a free port, \
         and the consumer's callback URL with it",
    )
}

/// Neither `--email` nor `--workspace`.
pub(crate) fn whose_token() -> Problem {
    Problem::usage(
        "it is not said whose token it is",
        "give --email ADDRESS for a personal API token, or --workspace WORKSPACE for an access \
         token of a repository, project or workspace",
    )
}

/// What was given cannot be a token.
pub(crate) fn no_token() -> Problem {
    Problem::usage(
        "what was given is no token",
        "copy the token whole and alone",
    )
}

/// App passwords are gone.
pub(crate) fn app_password() -> Problem {
    Problem::usage(
        "this is an app password, and Bitbucket removed app passwords on 2026-07-28",
        "make a personal API token with scopes (Atlassian account settings, Security, API tokens, \
         app Bitbucket), and give --email with the e-mail address of that account",
    )
}

/// A personal API token without its person.
pub(crate) fn needs_email() -> Problem {
    Problem::usage(
        "this is a personal API token",
        "give --email with the e-mail address of its Atlassian account, in place of --workspace",
    )
}

/// An access token with a person.
pub(crate) fn needs_workspace() -> Problem {
    Problem::usage(
        "this is the access token of a repository, project or workspace, and belongs to no person",
        "give --workspace with the name of its workspace, in place of --email",
    )
}

/// The only credential that fits is dead.
pub(crate) fn ended(record: &CredentialRecord) -> Problem {
    let reason = record.dead_because.clone().unwrap_or_default();
    CredentialError::Dead {
        label: printable(&record.label),
        reason: printable(&reason),
    }
    .into()
}

/// Why a code or refresh token brought no tokens.
pub(crate) fn token_failure(error: &TokenError) -> Problem {
    let mut problem = Problem::of("Bitbucket gave no tokens", error);
    if let TokenError::Refused {
        description: Some(description),
        ..
    } = error
    {
        problem.causes.push(printable(description));
    }
    match error.class() {
        TokenErrorClass::DeadGrant => problem.remedy(SIGN_IN_AGAIN).with_exit(Exit::NotAuthorised),
        TokenErrorClass::ConsumerRefused => problem
            .remedy(CHECK_CONSUMER)
            .with_exit(Exit::NotAuthorised),
        TokenErrorClass::Transient => problem.remedy("try again in a few minutes"),
        TokenErrorClass::Unreadable => problem.remedy(
            "something else than Bitbucket answered: check BUCKETLOAD_BITBUCKET_WEB_URL, proxies, \
             and whether this network wants a sign-in of its own",
        ),
    }
}

impl From<CallbackError> for Problem {
    fn from(error: CallbackError) -> Self {
        let remedy = match &error {
            CallbackError::Refused { refusal, .. } => match refusal {
                ProviderRefusal::AccessDenied => {
                    "run the same command again and choose “Grant access”"
                }
                ProviderRefusal::ConsumerRefused { .. } => CHECK_CONSUMER,
                ProviderRefusal::Unavailable => "try again in a few minutes",
                ProviderRefusal::Other { .. } => "run the same command again",
            },
            _ => "run the same command again, and use the address that it shows",
        };
        let said = match &error {
            CallbackError::Refused {
                description: Some(description),
                ..
            } => Some(printable(description)),
            _ => None,
        };
        let mut problem = Self::from_error(&error)
            .remedy(remedy)
            .with_exit(Exit::NotAuthorised);
        problem.causes.extend(said);
        problem
    }
}

impl From<CredentialError> for Problem {
    fn from(error: CredentialError) -> Self {
        let (remedy, exit) = match &error {
            CredentialError::Unknown => ("“bucketload auth list” shows them", Exit::Usage),
            CredentialError::LabelTaken { .. } => (
                "give another with --label, or remove the earlier one first",
                Exit::Usage,
            ),
            CredentialError::Dead { .. } => (SIGN_IN_AGAIN, Exit::NotAuthorised),
            CredentialError::OtherConsumer { .. } => (
                "set BUCKETLOAD_OAUTH_CLIENT_ID and its secret to that consumer, or sign in again: \
                 bucketload auth login",
                Exit::NotAuthorised,
            ),
            CredentialError::Sealed {
                source: OpenError::OtherKey { .. },
                ..
            } => (NAME_THE_KEY, Exit::NotAuthorised),
            CredentialError::Sealed { .. } | CredentialError::Content => (
                "the database was changed by something else: remove the credential and add it again",
                Exit::NotAuthorised,
            ),
            CredentialError::Seal(SealError) => ("check the system", Exit::Failed),
            CredentialError::Database(_) => ("check the disk and the data directory", Exit::Failed),
        };
        Self::from_error(&error).remedy(remedy).with_exit(exit)
    }
}

impl From<SecretKeyError> for Problem {
    fn from(error: SecretKeyError) -> Self {
        let remedy = match &error {
            SecretKeyError::Open { path, .. } => format!(
                "make it yours alone: chmod 600 {}. If others may have read it: bucketload auth \
                 rotate-key",
                path.display()
            ),
            SecretKeyError::Content { .. } => {
                "put the right file back; where it is lost, remove it, remove the credentials and \
                 add them again"
                    .to_owned()
            }
            SecretKeyError::Make(_) | SecretKeyError::File { .. } => {
                "check the permissions and the space of the data directory, or set \
                 BUCKETLOAD_SECRET_KEY_FILE"
                    .to_owned()
            }
        };
        Self::from_error(&error).remedy(remedy)
    }
}

/// What to do about a grant that cannot be renewed.
pub(super) fn grant_remedy(class: ErrorClass) -> &'static str {
    match class {
        ErrorClass::Unauthorized => SIGN_IN_AGAIN,
        _ => "check the network, then run the same command again: it goes on where it stopped",
    }
}

#[cfg(test)]
mod tests {
    use bucketload_auth::SecretKey;
    use bucketload_model::CredentialId;
    use chrono::DateTime;

    use super::*;

    fn refused(code: &str) -> TokenError {
        TokenError::Refused {
            code: code.to_owned(),
            description: None,
        }
    }

    #[test]
    fn trouble_with_credentials_in_words() {
        let id = CredentialId::new(DateTime::UNIX_EPOCH);
        let url: Url = "https://loads.example.org/auth/bitbucket/callback"
            .parse()
            .unwrap();
        let key = |text: &str| SecretKey::parse(&text.to_owned().into()).unwrap();
        let keys = [
            key("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="),
            key("HwECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="),
        ];
        let all: Vec<Problem> = vec![
            no_consumer(),
            callback_elsewhere(&url),
            whose_token(),
            app_password(),
            needs_email(),
            needs_workspace(),
            token_failure(&refused("invalid_grant")),
            token_failure(&refused("invalid_client")),
            token_failure(&TokenError::Status { status: 503 }),
            token_failure(&TokenError::Unreadable {
                reason: "it is not JSON".to_owned(),
            }),
            CallbackError::Refused {
                refusal: ProviderRefusal::AccessDenied,
                description: Some("The user\u{1b}[2J denied".to_owned()),
            }
            .into(),
            CredentialError::Dead {
                label: "Ada".to_owned(),
                reason: "Bitbucket does not know its refresh token any more".to_owned(),
            }
            .into(),
            CredentialError::OtherConsumer {
                label: "Ada".to_owned(),
                consumer: "loads".to_owned(),
            }
            .into(),
            CredentialError::Sealed {
                id,
                source: OpenError::OtherKey {
                    sealed_with: keys[0].id().clone(),
                    at_hand: keys[1].id().clone(),
                },
            }
            .into(),
            SecretKeyError::Open {
                path: "/srv/bucketload/secret.key".into(),
                mode: 0o644,
            }
            .into(),
        ];
        let texts: Vec<String> = all
            .iter()
            .map(|problem| format!("{problem}\n  exit code {}", problem.exit().code()))
            .collect();
        let text = texts.join("\n\n").replace(&id.to_string(), "[id]");
        insta::assert_snapshot!(text);
    }
}
