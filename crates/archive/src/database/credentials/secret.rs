//! What a credential's sealed column holds.

use bucketload_auth::oauth::TokenSet;
use bucketload_auth::{Credential, CredentialKind, Sealer};
use bucketload_model::CredentialId;
use secrecy::{ExposeSecret, SecretSlice, SecretString};
use serde::{Deserialize, Serialize};

use super::CredentialError;

/// What signs requests, to be kept.
#[derive(Debug, Clone)]
pub enum CredentialSecret {
    /// A sign-in.
    Grant {
        /// The key of its OAuth consumer.
        consumer: String,
        /// Its tokens.
        tokens: TokenSet,
    },
    /// An access token.
    AccessToken(SecretString),
    /// A personal API token.
    ApiToken {
        /// The Atlassian account's e-mail address.
        email: String,
        /// The token.
        token: SecretString,
    },
}

/// The sealed text, opened.
#[derive(Deserialize)]
pub(super) struct Opened {
    token: String,
    #[serde(default)]
    refresh_token: Option<String>,
    #[serde(default)]
    email: Option<String>,
}

#[derive(Serialize)]
struct Closing<'a> {
    token: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<&'a str>,
}

impl CredentialSecret {
    pub(super) const fn kind(&self) -> CredentialKind {
        match self {
            Self::Grant { .. } => CredentialKind::OAuthGrant,
            Self::AccessToken(_) => CredentialKind::AccessToken,
            Self::ApiToken { .. } => CredentialKind::ApiToken,
        }
    }

    pub(super) fn seal(
        &self,
        sealer: &Sealer,
        id: CredentialId,
    ) -> Result<String, CredentialError> {
        let closing = match self {
            Self::Grant { tokens, .. } => return seal_tokens(sealer, id, tokens),
            Self::AccessToken(token) => Closing {
                token: token.expose_secret(),
                refresh_token: None,
                email: None,
            },
            Self::ApiToken { email, token } => Closing {
                token: token.expose_secret(),
                refresh_token: None,
                email: Some(email),
            },
        };
        seal(sealer, id, &closing)
    }
}

/// Where a sealed text belongs: it opens nowhere else.
pub(super) fn purpose(id: CredentialId) -> String {
    format!("credentials/{id}/secret")
}

pub(super) fn seal_tokens(
    sealer: &Sealer,
    id: CredentialId,
    tokens: &TokenSet,
) -> Result<String, CredentialError> {
    let closing = Closing {
        token: tokens.access_token.expose_secret(),
        refresh_token: tokens
            .refresh_token
            .as_ref()
            .map(ExposeSecret::expose_secret),
        email: None,
    };
    seal(sealer, id, &closing)
}

fn seal(
    sealer: &Sealer,
    id: CredentialId,
    closing: &Closing<'_>,
) -> Result<String, CredentialError> {
    let plain = serde_json::to_vec(closing).map_err(|_| CredentialError::Content)?;
    let plain = SecretSlice::from(plain);
    Ok(sealer.seal(&purpose(id), plain.expose_secret())?)
}

impl Opened {
    pub(super) fn open(
        sealer: &Sealer,
        id: CredentialId,
        sealed: &str,
    ) -> Result<Self, CredentialError> {
        let opened = sealer.open(&purpose(id), sealed);
        let opened = opened.map_err(|source| CredentialError::Sealed { id, source })?;
        // The parser's message could quote a secret.
        serde_json::from_slice(opened.expose_secret()).map_err(|_| CredentialError::Content)
    }

    pub(super) fn tokens(self) -> (SecretString, Option<SecretString>) {
        (self.token.into(), self.refresh_token.map(Into::into))
    }

    pub(super) fn fixed(self) -> Credential {
        match self.email {
            Some(email) => Credential::api_token(email, self.token),
            None => Credential::access_token(self.token),
        }
    }
}
