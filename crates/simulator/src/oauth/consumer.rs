//! OAuth consumers: what a workspace registers for an application.

use serde::{Deserialize, Serialize};

/// An application that may send people to the consent page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OAuthConsumer {
    /// "Key" on Bitbucket's pages.
    pub client_id: String,
    /// "Secret" on Bitbucket's pages.
    pub client_secret: String,
    /// A request may name any address that starts with this one. Empty: none will do.
    pub callback_url: String,
    /// The permissions that are ticked; a request can only narrow them.
    pub scopes: Vec<String>,
}

impl OAuthConsumer {
    /// The key of the consumer that every simulator knows unless told otherwise.
    pub const DEFAULT_ID: &str = "simulator-consumer";
    /// Its secret.
    pub const DEFAULT_SECRET: &str = "simulator-consumer-secret";
    /// Its callback: where the service listens unless told otherwise.
    pub const DEFAULT_CALLBACK: &str = "http://127.0.0.1:8080/auth/bitbucket/callback";

    /// A consumer with every permission that an archive needs.
    pub fn new(
        client_id: impl Into<String>,
        client_secret: impl Into<String>,
        callback_url: impl Into<String>,
    ) -> Self {
        Self {
            client_id: client_id.into(),
            client_secret: client_secret.into(),
            callback_url: callback_url.into(),
            scopes: crate::credentials::ALL_SCOPES.map(str::to_owned).to_vec(),
        }
    }

    /// The same with these permissions only.
    #[must_use]
    pub fn with_scopes(mut self, scopes: &[&str]) -> Self {
        self.scopes = scopes.iter().map(|scope| (*scope).to_owned()).collect();
        self
    }
}

impl Default for OAuthConsumer {
    fn default() -> Self {
        Self::new(
            Self::DEFAULT_ID,
            Self::DEFAULT_SECRET,
            Self::DEFAULT_CALLBACK,
        )
    }
}
