//! The tokens of a grant.

use chrono::{DateTime, Duration, Utc};
use oauth2::basic::BasicTokenType;
use oauth2::{AccessToken, RefreshToken, Scope};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};

/// What Bitbucket documents for an access token since May 2026. Where an answer
/// says nothing, a token is believed to live five minutes less.
const ASSUMED_LIFE: Duration = Duration::minutes(55);

/// No token lives longer; what says so is a mistake, and would overflow.
const LONGEST_LIFE: Duration = Duration::days(366);

/// An access token with what renews it.
#[derive(Debug, Clone)]
pub struct TokenSet {
    /// Signs requests until `expires_at`.
    pub access_token: SecretString,
    /// Renews the set, once. Absent, the person must sign in again.
    pub refresh_token: Option<SecretString>,
    /// When the access token ends, by our clock.
    pub expires_at: DateTime<Utc>,
    /// What the tokens may do, such as `pullrequest`.
    pub scopes: Vec<String>,
}

/// The answer of the token page. Lenient: `token_type` is not looked at, `scope`
/// was `scopes` before May 2026.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct TokenReply {
    access_token: AccessToken,
    #[serde(default = "bearer", skip_deserializing)]
    token_type: BasicTokenType,
    #[serde(default)]
    refresh_token: Option<RefreshToken>,
    #[serde(default)]
    expires_in: Option<Seconds>,
    #[serde(default, alias = "scopes")]
    scope: Option<ScopeList>,
}

/// A number, or a number in quotes, which some servers send.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(untagged)]
enum Seconds {
    Number(f64),
    Text(String),
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(untagged)]
enum ScopeList {
    Text(String),
    List(Vec<String>),
}

const fn bearer() -> BasicTokenType {
    BasicTokenType::Bearer
}

impl oauth2::TokenResponse for TokenReply {
    type TokenType = BasicTokenType;

    fn access_token(&self) -> &AccessToken {
        &self.access_token
    }

    fn token_type(&self) -> &BasicTokenType {
        &self.token_type
    }

    fn expires_in(&self) -> Option<std::time::Duration> {
        self.life().and_then(|life| life.to_std().ok())
    }

    fn refresh_token(&self) -> Option<&RefreshToken> {
        self.refresh_token.as_ref()
    }

    fn scopes(&self) -> Option<&Vec<Scope>> {
        None
    }
}

impl TokenReply {
    fn life(&self) -> Option<Duration> {
        let seconds = match self.expires_in.as_ref()? {
            Seconds::Number(seconds) => *seconds,
            Seconds::Text(text) => text.trim().parse().ok()?,
        };
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_precision_loss,
            reason = "clamped first, and nobody counts parts of a second"
        )]
        let seconds = seconds.clamp(0.0, LONGEST_LIFE.num_seconds() as f64) as i64;
        Some(Duration::seconds(seconds))
    }

    /// The set, for tokens that were asked for at `asked_at`.
    pub(super) fn into_set(self, asked_at: DateTime<Utc>) -> TokenSet {
        let life = self.life().unwrap_or(ASSUMED_LIFE);
        let scopes = match self.scope {
            None => Vec::new(),
            Some(ScopeList::Text(text)) => text.split_whitespace().map(str::to_owned).collect(),
            Some(ScopeList::List(list)) => list,
        };
        TokenSet {
            access_token: self.access_token.into_secret().into(),
            refresh_token: self.refresh_token.map(|token| token.into_secret().into()),
            expires_at: asked_at + life,
            scopes,
        }
    }
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret as _;

    use super::*;

    fn read(json: &str) -> TokenSet {
        let reply: TokenReply = serde_json::from_str(json).unwrap();
        reply.into_set(DateTime::UNIX_EPOCH)
    }

    fn life(json: &str) -> i64 {
        read(json).expires_at.timestamp()
    }

    #[test]
    fn scopes_have_two_names_and_two_shapes() {
        for json in [
            r#"{"access_token": "a", "scope": "account  pullrequest"}"#,
            r#"{"access_token": "a", "scopes": "account pullrequest"}"#,
            r#"{"access_token": "a", "scopes": ["account", "pullrequest"]}"#,
        ] {
            assert_eq!(read(json).scopes, ["account", "pullrequest"], "{json}");
        }
        assert!(
            read(r#"{"access_token": "a", "scope": null}"#)
                .scopes
                .is_empty()
        );
    }

    #[test]
    fn a_life_that_is_not_told_is_assumed_short_of_an_hour() {
        for (json, seconds) in [
            (r#"{"access_token": "a"}"#, 3300),
            (r#"{"access_token": "a", "expires_in": null}"#, 3300),
            (r#"{"access_token": "a", "expires_in": 7200}"#, 7200),
            (r#"{"access_token": "a", "expires_in": "7200"}"#, 7200),
            (r#"{"access_token": "a", "expires_in": "soon"}"#, 3300),
            (r#"{"access_token": "a", "expires_in": -5}"#, 0),
            (r#"{"access_token": "a", "expires_in": 1e300}"#, 31_622_400),
        ] {
            assert_eq!(life(json), seconds, "{json}");
        }
    }

    #[test]
    fn long_tokens_are_kept_whole_and_never_shown() {
        let token = "s3cret".repeat(500);
        let set = read(&format!(
            r#"{{"access_token": "{token}", "refresh_token": "{token}", "token_type": "bearer"}}"#
        ));
        assert_eq!(set.access_token.expose_secret(), token);
        assert_eq!(set.refresh_token.as_ref().unwrap().expose_secret(), token);
        assert!(!format!("{set:?}").contains("s3cret"));
    }
}
