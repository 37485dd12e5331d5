//! How long grants live, and how their replies look.

use serde::{Deserialize, Serialize};

/// What tests may set about OAuth; tokens that are out keep what they were given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OAuthOptions {
    /// Life of an access token: an hour, as the API's document says.
    pub access_token_seconds: u64,
    /// Life of a code.
    pub code_seconds: u64,
    /// How long a refresh token works after it was first used: about ten minutes, as an engineer
    /// of Atlassian says.
    pub refresh_grace_seconds: u64,
    /// A refresh token that was not used for so long is dead: three months.
    pub idle_seconds: u64,
    /// Characters of a token; real ones regularly have more than 2,500.
    pub token_characters: usize,
    /// Whether replies say `expires_in`.
    pub sends_expires_in: bool,
    /// What replies call the scopes.
    pub scope_field: ScopeField,
    /// Whoever this names consents to everything at once, and no page is shown: a UUID, an
    /// account id or a nickname.
    pub auto_approve: Option<String>,
}

impl Default for OAuthOptions {
    fn default() -> Self {
        Self {
            access_token_seconds: 3_600,
            code_seconds: 600,
            refresh_grace_seconds: 600,
            idle_seconds: 90 * 86_400,
            token_characters: 2_600,
            sends_expires_in: true,
            scope_field: ScopeField::Scope,
            auto_approve: None,
        }
    }
}

impl OAuthOptions {
    /// With this person's consent to everything.
    pub fn approved_by(person: impl Into<String>) -> Self {
        Self {
            auto_approve: Some(person.into()),
            ..Self::default()
        }
    }
}

/// The name of the scopes in a reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ScopeField {
    /// `scope`, since 4 May 2026.
    #[default]
    Scope,
    /// `scopes`, before.
    Scopes,
    /// Both.
    Both,
}
