//! An authorization that a person has not answered yet.

use oauth2::{CsrfToken, PkceCodeChallenge, PkceCodeVerifier};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq as _;
use url::Url;

use super::{Callback, CallbackError, Consumer};

/// 256 bits: it cannot be guessed.
const STATE_BYTES: u32 = 32;

/// What must be remembered between sending a person away and their return. It
/// belongs to one browser session and is used once; kept anywhere, it is kept sealed.
#[derive(Debug, Serialize, Deserialize)]
pub struct PendingAuthorization {
    pub(super) state: CsrfToken,
    pub(super) pkce_verifier: PkceCodeVerifier,
}

/// A code that belongs to this authorization; good for one exchange, for some minutes.
#[derive(Debug)]
pub struct AuthorizationCode(pub(super) SecretString);

impl PendingAuthorization {
    pub(super) fn new() -> Self {
        let (_, pkce_verifier) = PkceCodeChallenge::new_random_sha256();
        Self {
            state: CsrfToken::new_random_len(STATE_BYTES),
            pkce_verifier,
        }
    }

    /// Where to send the person. No scopes are asked for: those ticked at the
    /// consumer apply.
    pub fn url(&self, consumer: &Consumer) -> Url {
        let challenge = PkceCodeChallenge::from_code_verifier_sha256(&self.pkce_verifier);
        let mut url = consumer.authorize_url.clone();
        url.query_pairs_mut()
            .append_pair("response_type", "code")
            .append_pair("client_id", &consumer.client_id)
            .append_pair("redirect_uri", consumer.redirect_uri.as_str())
            .append_pair("state", self.state.secret())
            .append_pair("code_challenge", challenge.as_str())
            .append_pair("code_challenge_method", challenge.method().as_str());
        url
    }

    /// Takes the code out of a callback, if it answers this authorization.
    ///
    /// # Errors
    ///
    /// When the state is missing or another's, when Bitbucket or the person refused,
    /// or when there is no code. The state is looked at first: what a stranger's link
    /// says is not even repeated.
    pub fn accept(&self, callback: &Callback) -> Result<AuthorizationCode, CallbackError> {
        let state = callback.state.as_deref();
        let state = state.ok_or(CallbackError::Missing { name: "state" })?;
        let is_ours = state.as_bytes().ct_eq(self.state.secret().as_bytes());
        if !bool::from(is_ours) {
            return Err(CallbackError::OtherState);
        }
        if let Some(refusal) = callback.refusal() {
            return Err(refusal);
        }
        let code = callback.code.clone();
        code.map(AuthorizationCode)
            .ok_or(CallbackError::Missing { name: "code" })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;
    use crate::oauth::ProviderRefusal;

    fn consumer() -> Consumer {
        Consumer::new(
            &Url::parse("https://bitbucket.org").unwrap(),
            "key",
            "s3cret".to_owned().into(),
            Url::parse("https://loads.example.org/auth/bitbucket/callback").unwrap(),
        )
        .unwrap()
    }

    fn query(url: &Url) -> HashMap<String, String> {
        url.query_pairs().into_owned().collect()
    }

    #[test]
    fn the_address_says_all_that_the_exchange_will_repeat() {
        let consumer = consumer();
        let pending = consumer.authorize();
        let asked = query(&pending.url(&consumer));
        assert_eq!(asked["response_type"], "code");
        assert_eq!(asked["client_id"], "key");
        assert_eq!(asked["redirect_uri"], consumer.redirect_uri.as_str());
        assert_eq!(asked["code_challenge_method"], "S256");
        assert_eq!(asked["state"].len(), 43);
        assert!(!asked.contains_key("scope"));
        assert!(!asked.values().any(|value| value.contains("s3cret")));
        assert_ne!(asked["code_challenge"], *pending.pkce_verifier.secret());
        // Nothing repeats from one authorization to the next.
        let other = query(&consumer.authorize().url(&consumer));
        assert_ne!(asked["state"], other["state"]);
        assert_ne!(asked["code_challenge"], other["code_challenge"]);
    }

    #[test]
    fn it_outlives_a_session_store_and_is_never_shown() {
        let consumer = consumer();
        let pending = consumer.authorize();
        let kept = serde_json::to_string(&pending).unwrap();
        let back: PendingAuthorization = serde_json::from_str(&kept).unwrap();
        assert_eq!(back.url(&consumer), pending.url(&consumer));
        let shown = format!("{pending:?}");
        assert!(!shown.contains(pending.state.secret()), "{shown}");
        assert!(!shown.contains(pending.pkce_verifier.secret()), "{shown}");
    }

    #[test]
    fn only_the_callback_with_its_own_state_is_accepted() {
        let pending = consumer().authorize();
        let accept = |query: &str| pending.accept(&Callback::parse(query).unwrap());
        let state = pending.state.secret();
        assert!(accept(&format!("code=abc&state={state}")).is_ok());
        for (query, error) in [
            ("code=abc", CallbackError::Missing { name: "state" }),
            ("code=abc&state=", CallbackError::OtherState),
            ("code=abc&state=x", CallbackError::OtherState),
            // A stranger's words are not repeated.
            ("error=access_denied&state=x", CallbackError::OtherState),
            (
                &format!("state={state}"),
                CallbackError::Missing { name: "code" },
            ),
            (
                &format!("error=access_denied&state={state}"),
                CallbackError::Refused {
                    refusal: ProviderRefusal::AccessDenied,
                    description: None,
                },
            ),
        ] {
            assert_eq!(accept(query).unwrap_err(), error, "{query}");
        }
    }
}
