//! Where the credential of a request comes from.

use chrono::{DateTime, Utc};

use crate::oauth::TokenError;
use crate::{Credential, GrantError, GrantSession};

/// A credential that stays as it is, or a grant that renews itself.
#[derive(Debug, Clone)]
pub enum CredentialSource {
    /// The same for every request.
    Fixed(Credential),
    /// The access token of a grant, fresh when it is asked for.
    Grant(GrantSession),
}

/// The credential of one request.
#[derive(Debug, Clone)]
pub struct Signed {
    /// What signs it.
    pub credential: Credential,
    /// Which of a grant's tokens it is.
    pub(crate) revision: u64,
    /// When a grant's token ends.
    pub(crate) expires_at: Option<DateTime<Utc>>,
}

impl Signed {
    /// Whether it has ended by `now`, as far as is known.
    pub fn has_ended(&self, now: DateTime<Utc>) -> bool {
        self.expires_at.is_some_and(|end| end <= now)
    }
}

impl Default for CredentialSource {
    fn default() -> Self {
        Self::Fixed(Credential::Anonymous)
    }
}

impl From<Credential> for CredentialSource {
    fn from(credential: Credential) -> Self {
        Self::Fixed(credential)
    }
}

impl From<GrantSession> for CredentialSource {
    fn from(session: GrantSession) -> Self {
        Self::Grant(session)
    }
}

impl CredentialSource {
    /// The credential for a request that is sent now; a grant is renewed before it
    /// ends.
    ///
    /// # Errors
    ///
    /// When a grant cannot be renewed, and its token has ended.
    pub async fn current(&self) -> Result<Signed, GrantError> {
        match self {
            Self::Fixed(credential) => Ok(Signed {
                credential: credential.clone(),
                revision: 0,
                expires_at: None,
            }),
            Self::Grant(session) => session.current().await,
        }
    }

    /// Another credential after Bitbucket answered 401 to this one; none where there
    /// is no other.
    ///
    /// # Errors
    ///
    /// When a grant cannot be renewed.
    pub async fn after_refusal(&self, refused: &Signed) -> Result<Option<Signed>, GrantError> {
        match self {
            Self::Fixed(_) => Ok(None),
            Self::Grant(session) => session.after_refusal(refused).await.map(Some),
        }
    }

    /// Waits for a renewal under way: nothing that Bitbucket gave is lost when the
    /// process ends after it.
    pub async fn settle(&self) {
        if let Self::Grant(session) = self {
            session.settle().await;
        }
    }

    /// Whether there is no credential.
    pub const fn is_anonymous(&self) -> bool {
        match self {
            Self::Fixed(credential) => credential.is_anonymous(),
            Self::Grant(_) => false,
        }
    }

    /// What to call it in messages; never the secret.
    pub fn description(&self) -> String {
        match self {
            Self::Fixed(credential) => credential.description(),
            Self::Grant(session) => format!("the sign-in “{}”", session.label()),
        }
    }

    /// Whose requests count together: the name of the rate bucket. The requests of
    /// all who signed in with one consumer count together.
    pub fn bucket(&self) -> String {
        match self {
            Self::Fixed(credential) => credential.bucket(),
            Self::Grant(session) => session.bucket(),
        }
    }

    /// The REST quota that Bitbucket documents for this kind, in requests an hour.
    pub const fn documented_hourly_quota(&self) -> u32 {
        match self {
            Self::Fixed(credential) => credential.documented_hourly_quota(),
            Self::Grant(_) => 1000,
        }
    }
}

impl GrantError {
    /// Why the token page gave no tokens, where that is the reason.
    pub const fn token_error(&self) -> Option<&TokenError> {
        match self {
            Self::Refused(error) | Self::Unavailable(error) | Self::Unreadable(error) => {
                Some(error)
            }
            Self::SignInAgain { .. } | Self::Keeper(_) | Self::Lost => None,
        }
    }
}
