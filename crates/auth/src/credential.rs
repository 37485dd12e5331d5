//! The kinds of credential that Bitbucket Cloud takes.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest as _, Sha256};

/// The kinds of credential that are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CredentialKind {
    /// A sign-in by OAuth 2.0, which renews itself.
    OAuthGrant,
    /// A repository, project or workspace access token.
    AccessToken,
    /// A personal API token.
    ApiToken,
}

impl CredentialKind {
    /// All kinds.
    pub const ALL: [Self; 3] = [Self::OAuthGrant, Self::AccessToken, Self::ApiToken];

    /// Its word in files and reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::OAuthGrant => "oauth_grant",
            Self::AccessToken => "access_token",
            Self::ApiToken => "api_token",
        }
    }

    /// The kind of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// How requests are signed.
#[derive(Debug, Clone, Default)]
pub enum Credential {
    /// Not at all: public repositories only, 60 requests an hour.
    #[default]
    Anonymous,
    /// A repository, project, workspace or OAuth access token.
    AccessToken(SecretString),
    /// A personal API token with the e-mail address of its Atlassian account.
    ApiToken {
        /// The Atlassian account's e-mail address.
        email: String,
        /// The token.
        token: SecretString,
    },
}

impl Credential {
    /// An access token.
    pub fn access_token(token: impl Into<String>) -> Self {
        Self::AccessToken(SecretString::from(token.into()))
    }

    /// A personal API token.
    pub fn api_token(email: impl Into<String>, token: impl Into<String>) -> Self {
        Self::ApiToken {
            email: email.into(),
            token: SecretString::from(token.into()),
        }
    }

    /// Whether there is no credential.
    pub const fn is_anonymous(&self) -> bool {
        matches!(self, Self::Anonymous)
    }

    /// What to call it in messages; never the secret.
    pub fn description(&self) -> String {
        match self {
            Self::Anonymous => "no credential".to_owned(),
            Self::AccessToken(_) => "the access token".to_owned(),
            Self::ApiToken { email, .. } => format!("the API token of {email}"),
        }
    }

    /// The value of the `Authorization` header for the REST API.
    pub fn rest_authorization(&self) -> Option<SecretString> {
        match self {
            Self::Anonymous => None,
            Self::AccessToken(token) => Some(format!("Bearer {}", token.expose_secret()).into()),
            Self::ApiToken { email, token } => Some(basic(email, token)),
        }
    }

    /// The value of the `Authorization` header for git over HTTPS.
    ///
    /// Both user names are fixed words: git refuses the e-mail address that the
    /// REST API wants.
    pub fn git_authorization(&self) -> Option<SecretString> {
        match self {
            Self::Anonymous => None,
            Self::AccessToken(token) => Some(basic("x-token-auth", token)),
            Self::ApiToken { token, .. } => Some(basic("x-bitbucket-api-token-auth", token)),
        }
    }

    /// Whose requests count together: the name of the rate bucket.
    ///
    /// Without a credential it is the address that asks; an access token has a
    /// bucket of its own; a personal API token counts for its user.
    pub fn bucket(&self) -> String {
        match self {
            Self::Anonymous => "anonymous".to_owned(),
            Self::AccessToken(token) => {
                format!("access-token:{}", fingerprint(token.expose_secret()))
            }
            Self::ApiToken { email, .. } => {
                format!("user:{}", fingerprint(&email.to_ascii_lowercase()))
            }
        }
    }

    /// The REST quota that Bitbucket documents for this kind, in requests an hour:
    /// 60 without a credential, 1,000 with one.
    pub const fn documented_hourly_quota(&self) -> u32 {
        match self {
            Self::Anonymous => 60,
            Self::AccessToken(_) | Self::ApiToken { .. } => 1000,
        }
    }
}

/// Tells two secrets apart and says nothing about either: 64 bits of the SHA-256.
pub(crate) fn fingerprint(text: &str) -> String {
    let hash = Sha256::digest(text.as_bytes());
    hash.iter().take(8).fold(String::new(), |mut hex, byte| {
        // Writing to a String cannot fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

fn basic(user: &str, password: &SecretString) -> SecretString {
    let pair = STANDARD.encode(format!("{user}:{}", password.expose_secret()));
    format!("Basic {pair}").into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(header: &SecretString) -> String {
        let encoded = header.expose_secret().strip_prefix("Basic ").unwrap();
        String::from_utf8(STANDARD.decode(encoded).unwrap()).unwrap()
    }

    #[test]
    fn an_access_token_is_a_bearer_for_rest_and_a_password_for_git() {
        let credential = Credential::access_token("abc");
        assert_eq!(
            credential.rest_authorization().unwrap().expose_secret(),
            "Bearer abc"
        );
        assert_eq!(
            decoded(&credential.git_authorization().unwrap()),
            "x-token-auth:abc"
        );
    }

    #[test]
    fn an_api_token_uses_the_address_for_rest_only() {
        let credential = Credential::api_token("sam@example.org", "abc");
        assert_eq!(
            decoded(&credential.rest_authorization().unwrap()),
            "sam@example.org:abc"
        );
        assert_eq!(
            decoded(&credential.git_authorization().unwrap()),
            "x-bitbucket-api-token-auth:abc"
        );
    }

    #[test]
    fn buckets_tell_credentials_apart_without_telling_them() {
        let one = Credential::access_token("s3cret").bucket();
        assert_eq!(one, Credential::access_token("s3cret").bucket());
        assert_ne!(one, Credential::access_token("other").bucket());
        assert!(!one.contains("s3cret"));
        // Two tokens of one user share the user's bucket.
        assert_eq!(
            Credential::api_token("Sam@example.org", "a").bucket(),
            Credential::api_token("sam@example.org", "b").bucket()
        );
    }

    #[test]
    fn no_secret_is_ever_shown() {
        for credential in [
            Credential::access_token("s3cret"),
            Credential::api_token("sam@example.org", "s3cret"),
        ] {
            let shown = format!("{credential:?} {}", credential.description());
            assert!(!shown.contains("s3cret"), "{shown}");
        }
    }
}
