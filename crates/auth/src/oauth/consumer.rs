//! The OAuth consumer: what an owner of a workspace registered in Bitbucket.

use secrecy::{ExposeSecret as _, SecretString};
use url::Url;

use super::PendingAuthorization;
use crate::credential::fingerprint;

/// The path of the callback, below the public URL.
///
/// Bitbucket accepts every address that *begins with* the registered one. So the
/// whole path is registered, and nothing else is ever served below it.
pub const CALLBACK_PATH: &str = "/auth/bitbucket/callback";

/// The exact callback address of a service that people reach at `public_url`.
pub fn redirect_uri(public_url: &Url) -> Url {
    let mut url = public_url.clone();
    let path = format!("{}{CALLBACK_PATH}", url.path().trim_end_matches('/'));
    url.set_path(&path);
    url.set_query(None);
    url.set_fragment(None);
    url
}

/// A consumer, with the addresses that it uses.
#[derive(Debug, Clone)]
pub struct Consumer {
    /// Its key; not a secret.
    pub client_id: String,
    /// Its secret.
    pub client_secret: SecretString,
    /// Where people are sent to agree.
    pub authorize_url: Url,
    /// Where codes and refresh tokens are exchanged.
    pub token_url: Url,
    /// The callback, exactly as registered.
    pub redirect_uri: Url,
}

/// Why there is no consumer.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum ConsumerError {
    /// Key or secret is empty or holds characters that none of Bitbucket's has.
    #[error("the {what} of the OAuth consumer is not one of Bitbucket's")]
    Unusable {
        /// `key` or `secret`.
        what: &'static str,
    },
    /// The root cannot have paths below it.
    #[error("{url} cannot be the root of Bitbucket's pages")]
    Address {
        /// The address given.
        url: Url,
    },
}

impl Consumer {
    /// A consumer of the Bitbucket at `web_url`, such as `https://bitbucket.org`.
    ///
    /// # Errors
    ///
    /// When key or secret is empty or not printable, or `web_url` is no web address.
    pub fn new(
        web_url: &Url,
        client_id: impl Into<String>,
        client_secret: SecretString,
        redirect_uri: Url,
    ) -> Result<Self, ConsumerError> {
        let client_id = client_id.into();
        for (what, value) in [
            ("key", client_id.as_str()),
            ("secret", client_secret.expose_secret()),
        ] {
            if value.is_empty() || !value.bytes().all(|byte| byte.is_ascii_graphic()) {
                return Err(ConsumerError::Unusable { what });
            }
        }
        if !matches!(web_url.scheme(), "http" | "https") {
            return Err(ConsumerError::Address {
                url: web_url.clone(),
            });
        }
        let page = |path: &str| {
            let mut url = web_url.clone();
            url.set_path(&format!("{}{path}", web_url.path().trim_end_matches('/')));
            url
        };
        Ok(Self {
            client_id,
            client_secret,
            authorize_url: page("/site/oauth2/authorize"),
            token_url: page("/site/oauth2/access_token"),
            redirect_uri,
        })
    }

    /// Begins an authorization; [`PendingAuthorization::url`] is where to send the person.
    pub fn authorize(&self) -> PendingAuthorization {
        PendingAuthorization::new()
    }

    /// The name of the rate bucket: Bitbucket counts the requests of all people who
    /// signed in with one consumer together.
    pub fn bucket(&self) -> String {
        consumer_bucket(&self.client_id)
    }
}

/// The rate bucket of a consumer, from its key.
pub(crate) fn consumer_bucket(client_id: &str) -> String {
    format!("oauth-consumer:{}", fingerprint(client_id))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn consumer(web: &str) -> Result<Consumer, ConsumerError> {
        let redirect = redirect_uri(&Url::parse("https://loads.example.org/").unwrap());
        Consumer::new(
            &Url::parse(web).unwrap(),
            "key",
            "s3cret".to_owned().into(),
            redirect,
        )
    }

    #[test]
    fn its_pages_are_bitbuckets() {
        let consumer = consumer("https://bitbucket.org").unwrap();
        assert_eq!(
            consumer.authorize_url.as_str(),
            "https://bitbucket.org/site/oauth2/authorize"
        );
        assert_eq!(
            consumer.token_url.as_str(),
            "https://bitbucket.org/site/oauth2/access_token"
        );
        assert!(!format!("{consumer:?}").contains("s3cret"));
    }

    #[test]
    fn the_callback_stands_below_the_public_address() {
        for (public, callback) in [
            (
                "http://127.0.0.1:8080",
                "http://127.0.0.1:8080/auth/bitbucket/callback",
            ),
            (
                "https://example.org/loads/?a=b#c",
                "https://example.org/loads/auth/bitbucket/callback",
            ),
        ] {
            assert_eq!(
                redirect_uri(&Url::parse(public).unwrap()).as_str(),
                callback
            );
        }
    }

    #[test]
    fn what_cannot_be_a_consumer_is_refused() {
        assert!(matches!(
            consumer("mailto:sam@example.org"),
            Err(ConsumerError::Address { .. })
        ));
        let url = Url::parse("https://bitbucket.org").unwrap();
        for (key, secret, what) in [
            ("", "s", "key"),
            ("k", "a b", "secret"),
            ("k\n", "s", "key"),
        ] {
            let refused = Consumer::new(&url, key, secret.to_owned().into(), url.clone());
            assert_eq!(refused.unwrap_err(), ConsumerError::Unusable { what });
        }
    }
}
