//! Who may ask for what: tokens, their scopes, and what they see.

use crate::http::params::Params;
use crate::http::reply::ApiError;
use axum::http::{HeaderMap, header};
use base64::Engine;
use serde::{Deserialize, Serialize};

/// A token that the simulator knows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Credential {
    /// The secret itself.
    pub token: String,
    /// How it has to be presented.
    pub kind: CredentialKind,
    /// OAuth scope names, such as `repository` or `pullrequest`.
    pub scopes: Vec<String>,
    /// The workspaces (`slug`) and repositories (`workspace/slug`) whose private parts it sees;
    /// none for all.
    pub visible: Option<Vec<String>>,
    /// Whose it is: a UUID, an account id or a nickname. None: the first member's, or of a
    /// consumer's token the application's own.
    #[serde(default)]
    pub user: Option<String>,
    /// Key of the OAuth consumer that it was given to; all tokens of one share a rate bucket.
    #[serde(default)]
    pub consumer: Option<String>,
}

/// Every scope that an archive needs.
pub(crate) const ALL_SCOPES: [&str; 9] = [
    "account",
    "email",
    "issue",
    "pipeline",
    "project",
    "pullrequest",
    "repository",
    "repository:admin",
    "webhook",
];

/// The kinds of credentials, each with its own way into REST and git.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum CredentialKind {
    /// A user's grant: Bearer, and git's user `x-token-auth`. Has a user.
    OAuth,
    /// Of a repository, project or workspace: the same ways, but no user, and rate-limit headers.
    AccessToken,
    /// A user's API token: Basic with the email, and git's user `x-bitbucket-api-token-auth`.
    ApiToken {
        /// The user's Atlassian account.
        email: String,
    },
}

impl Credential {
    /// A token of every scope that an archive needs, which sees everything.
    pub fn new(token: impl Into<String>, kind: CredentialKind) -> Self {
        Self {
            token: token.into(),
            kind,
            scopes: ALL_SCOPES.map(str::to_owned).to_vec(),
            visible: None,
            user: None,
            consumer: None,
        }
    }

    /// The same with these scopes only.
    #[must_use]
    pub fn with_scopes(mut self, scopes: &[&str]) -> Self {
        self.scopes = scopes.iter().map(|scope| (*scope).to_owned()).collect();
        self
    }

    /// The same, blind for what is private elsewhere than here.
    #[must_use]
    pub fn with_visible(mut self, visible: &[&str]) -> Self {
        self.visible = Some(visible.iter().map(|name| (*name).to_owned()).collect());
        self
    }

    /// The same, of this person.
    #[must_use]
    pub fn with_user(mut self, selector: impl Into<String>) -> Self {
        self.user = Some(selector.into());
        self
    }

    /// What a simulator knows unless told otherwise:
    ///
    /// | token | kind | scopes |
    /// |---|---|---|
    /// | `simulator-full-access` | OAuth | all |
    /// | `simulator-access-token` | access token | all |
    /// | `simulator-api-token` of `ada@example.com` | API token | all |
    /// | `simulator-plain-import` | OAuth | `account`, `project`, `pullrequest` |
    /// | `simulator-repository-only` | access token | `repository` |
    /// | `simulator-no-scopes` | access token | none |
    pub fn defaults() -> Vec<Self> {
        vec![
            Self::new("simulator-full-access", CredentialKind::OAuth),
            Self::new("simulator-access-token", CredentialKind::AccessToken),
            Self::new(
                "simulator-api-token",
                CredentialKind::ApiToken {
                    email: "ada@example.com".to_owned(),
                },
            ),
            // What git, pull requests and names need: no settings.
            Self::new("simulator-plain-import", CredentialKind::OAuth).with_scopes(&[
                "account",
                "project",
                "pullrequest",
            ]),
            Self::new("simulator-repository-only", CredentialKind::AccessToken)
                .with_scopes(&["repository"]),
            Self::new("simulator-no-scopes", CredentialKind::AccessToken).with_scopes(&[]),
        ]
    }

    pub(crate) fn grants(&self, scope: &str) -> bool {
        implied(scope, &self.scopes)
    }

    pub(crate) fn has_user(&self) -> bool {
        self.kind != CredentialKind::AccessToken
    }
}

/// `project` and `pullrequest` imply `repository`; writing implies reading.
pub(crate) fn implied(scope: &str, granted: &[String]) -> bool {
    granted.iter().any(|granted| {
        granted.split(':').next() == Some(scope) && !granted.ends_with(":admin")
            || granted == scope
            || scope == "repository"
                && matches!(granted.split(':').next(), Some("project" | "pullrequest"))
                && !granted.ends_with(":admin")
    })
}

/// Who is asking.
#[derive(Debug, Clone)]
pub(crate) enum Identity {
    Anonymous,
    Known(Credential),
}

impl Identity {
    /// From a REST request: Bearer, or Basic with the email of an API token.
    pub(crate) fn of_rest(
        headers: &HeaderMap,
        params: &Params,
        known: impl Fn(&str) -> Option<Credential>,
    ) -> Result<Self, ApiError> {
        // Tokens in the URL or in a form have been refused since 4 May 2026.
        if params.get("access_token").is_some() || is_form(headers) {
            return Err(ApiError::unauthorized());
        }
        let found = match authorization(headers) {
            Authorization::None => return Ok(Self::Anonymous),
            Authorization::Bearer(token) => known(&token)
                .filter(|credential| !matches!(credential.kind, CredentialKind::ApiToken { .. })),
            // Which leaves app passwords out: their user is no address.
            Authorization::Basic(user, password) => known(&password).filter(|credential| {
                matches!(&credential.kind, CredentialKind::ApiToken { email }
                    if email.eq_ignore_ascii_case(&user))
            }),
            Authorization::Other => None,
        };
        found.map(Self::Known).ok_or_else(ApiError::unauthorized)
    }

    /// From a git request: Basic with one of the two fixed users. None: not known.
    pub(crate) fn of_git(
        headers: &HeaderMap,
        known: impl Fn(&str) -> Option<Credential>,
    ) -> Option<Self> {
        match authorization(headers) {
            Authorization::None => Some(Self::Anonymous),
            Authorization::Basic(user, password) => known(&password)
                .filter(|credential| {
                    let is_api_token = matches!(credential.kind, CredentialKind::ApiToken { .. });
                    let expected = if is_api_token {
                        "x-bitbucket-api-token-auth"
                    } else {
                        "x-token-auth"
                    };
                    user == expected
                })
                .map(Self::Known),
            Authorization::Bearer(_) | Authorization::Other => None,
        }
    }

    /// An unfinished request of an anonymous client is not refused here: whether the thing asked
    /// for is public is known later.
    pub(crate) fn check_scopes(&self, scopes: &str) -> Result<(), ApiError> {
        let mut scopes = scopes.split_whitespace();
        match self {
            Self::Known(credential) => {
                if scopes.clone().all(|scope| credential.grants(scope)) {
                    return Ok(());
                }
                let required: Vec<&str> = scopes.collect();
                Err(ApiError::missing_scopes(&required, &credential.scopes))
            }
            Self::Anonymous => {
                if scopes.all(|scope| {
                    matches!(scope, "repository" | "pullrequest" | "project" | "issue")
                }) {
                    Ok(())
                } else {
                    Err(ApiError::unauthorized())
                }
            }
        }
    }

    pub(crate) fn sees(&self, workspace: &str, slug: &str) -> bool {
        match self {
            Self::Anonymous => false,
            Self::Known(credential) => credential.visible.as_ref().is_none_or(|visible| {
                visible.iter().any(|name| {
                    name == workspace
                        || name
                            .strip_prefix(workspace)
                            .and_then(|rest| rest.strip_prefix('/'))
                            == Some(slug)
                })
            }),
        }
    }

    /// What the log and `X-Credential-Type` call it.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Anonymous => "unauthenticated_identity",
            Self::Known(credential) => match credential.kind {
                CredentialKind::OAuth => "oauth2",
                CredentialKind::AccessToken => "access_token",
                CredentialKind::ApiToken { .. } => "api_token",
            },
        }
    }

    /// The name of the rate bucket: OAuth is counted per consumer. All anonymous clients share one, as behind one address.
    pub(crate) fn bucket(&self) -> &str {
        match self {
            Self::Anonymous => "",
            Self::Known(credential) => credential.consumer.as_ref().unwrap_or(&credential.token),
        }
    }
}

enum Authorization {
    None,
    Bearer(String),
    Basic(String, String),
    Other,
}

fn authorization(headers: &HeaderMap) -> Authorization {
    let Some(value) = headers.get(header::AUTHORIZATION) else {
        return Authorization::None;
    };
    let parts = value.to_str().ok().and_then(|value| value.split_once(' '));
    match parts {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => {
            Authorization::Bearer(token.trim().to_owned())
        }
        Some((scheme, encoded)) if scheme.eq_ignore_ascii_case("basic") => {
            let decoded = base64::engine::general_purpose::STANDARD
                .decode(encoded.trim())
                .ok();
            let decoded = decoded.and_then(|bytes| String::from_utf8(bytes).ok());
            match decoded.as_deref().and_then(|text| text.split_once(':')) {
                Some((user, password)) => {
                    Authorization::Basic(user.to_owned(), password.to_owned())
                }
                None => Authorization::Other,
            }
        }
        _ => Authorization::Other,
    }
}

/// User and password of a Basic authorization.
pub(crate) fn basic(headers: &HeaderMap) -> Option<(String, String)> {
    match authorization(headers) {
        Authorization::Basic(user, password) => Some((user, password)),
        _ => None,
    }
}

pub(crate) fn is_form(headers: &HeaderMap) -> bool {
    headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|value| value.starts_with("application/x-www-form-urlencoded"))
}
