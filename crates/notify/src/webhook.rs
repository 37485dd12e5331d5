//! One POST for each message, signed.

use std::fmt::{self, Write as _};

use bucketload_model::is_loopback;
use reqwest::{header, redirect};
use ring::hmac;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Serialize;
use url::Url;

use crate::{ChannelError, LONGEST_SEND, Message, SendError};

/// The version of the body. It grows when a field is removed or means something else.
const VERSION: u32 = 1;

/// Has the signature of the body.
const SIGNATURE: &str = "x-bucketload-signature";

/// Where messages are posted, and how.
#[derive(Debug)]
pub struct WebhookOptions {
    /// The whole address; it often has a secret in it.
    pub url: SecretString,
    /// What bodies are signed with.
    pub secret: Option<SecretString>,
    /// Whether it may be `http://` on another machine.
    pub allow_insecure: bool,
}

/// Posts messages to an address.
#[derive(Clone)]
pub struct Webhook {
    http: reqwest::Client,
    url: Url,
    key: Option<hmac::Key>,
}

/// The path may be a secret.
impl fmt::Debug for Webhook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let host = self.url.host_str();
        f.debug_struct("Webhook")
            .field("host", &host)
            .finish_non_exhaustive()
    }
}

#[derive(Serialize)]
struct Body<'a> {
    version: u32,
    #[serde(flatten)]
    message: &'a Message,
}

impl Webhook {
    /// A webhook; nothing is sent yet.
    ///
    /// # Errors
    ///
    /// When its address cannot be used.
    pub fn new(options: WebhookOptions) -> Result<Self, ChannelError> {
        let wanted = "https://host/path";
        let url = Url::parse(options.url.expose_secret()).ok();
        let url = url.filter(|url| url.has_host() && matches!(url.scheme(), "http" | "https"));
        let url = url.ok_or(ChannelError::Address { wanted })?;
        let is_here = url.host().is_some_and(|host| is_loopback(&host));
        if url.scheme() == "http" && !options.allow_insecure && !is_here {
            return Err(ChannelError::Insecure);
        }
        // Another part of the process may have installed it already; it is the same one.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder()
            .user_agent(concat!("bucketload/", env!("CARGO_PKG_VERSION")))
            .timeout(LONGEST_SEND)
            // What is told, and the signature, go to one address only.
            .redirect(redirect::Policy::none())
            .build()
            .map_err(|error| ChannelError::Tls(error.into()))?;
        let key = options
            .secret
            .map(|secret| hmac::Key::new(hmac::HMAC_SHA256, secret.expose_secret().as_bytes()));
        Ok(Self { http, url, key })
    }

    pub(crate) fn description(&self) -> String {
        let host = self.url.host_str().unwrap_or_default();
        let signed = if self.key.is_some() {
            "signed"
        } else {
            "not signed"
        };
        match self.url.port() {
            Some(port) => format!("{host}:{port}, {signed}"),
            None => format!("{host}, {signed}"),
        }
    }

    pub(crate) async fn send(&self, message: &Message) -> Result<(), SendError> {
        let body = Body {
            version: VERSION,
            message,
        };
        let body = serde_json::to_vec(&body);
        let body = body.map_err(|error| SendError::Unwritable(error.into()))?;
        let mut request = self
            .http
            .post(self.url.clone())
            .header(header::CONTENT_TYPE, "application/json");
        if let Some(key) = &self.key {
            request = request.header(SIGNATURE, signature(key, &body));
        }
        // What it says beside its status is not read.
        let status = request
            .body(body)
            .send()
            .await
            .map_err(of_network)?
            .status();
        if status.is_success() {
            return Ok(());
        }
        Err(SendError::Refused {
            status: status.as_u16(),
        })
    }
}

fn of_network(error: reqwest::Error) -> SendError {
    if error.is_timeout() {
        return SendError::Late {
            seconds: LONGEST_SEND.as_secs(),
        };
    }
    SendError::Network(error.without_url())
}

/// `sha256=` and the HMAC in hexadecimal digits, as other services have it.
fn signature(key: &hmac::Key, body: &[u8]) -> String {
    let tag = hmac::sign(key, body);
    let mut text = String::from("sha256=");
    for byte in tag.as_ref() {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn webhook(url: &str, allow_insecure: bool) -> Result<Webhook, ChannelError> {
        Webhook::new(WebhookOptions {
            url: url.into(),
            secret: None,
            allow_insecure,
        })
    }

    #[test]
    fn what_is_sent_in_clear_stays_on_this_machine() {
        for url in [
            "https://h.example.org/x",
            "http://127.0.0.1:1/x",
            "http://localhost/x",
        ] {
            assert!(webhook(url, false).is_ok(), "{url}");
        }
        let elsewhere = "http://h.example.org/x";
        assert!(matches!(
            webhook(elsewhere, false),
            Err(ChannelError::Insecure)
        ));
        assert!(webhook(elsewhere, true).is_ok());
        for url in [
            "",
            "hooks.example.org",
            "ftp://h.example.org/x",
            "file:///x",
        ] {
            assert!(
                matches!(webhook(url, true), Err(ChannelError::Address { .. })),
                "{url}"
            );
        }
    }

    #[test]
    fn the_address_is_not_shown_beyond_its_host() {
        let webhook = webhook(
            "https://user:s3cret@h.example.org:8443/s3cret?k=s3cret",
            false,
        );
        let webhook = webhook.unwrap();
        assert_eq!(webhook.description(), "h.example.org:8443, not signed");
        assert!(!format!("{webhook:?}").contains("s3cret"));
    }

    /// RFC 4231, test case 2.
    #[test]
    fn signatures_are_those_of_the_rfc() {
        let key = hmac::Key::new(hmac::HMAC_SHA256, b"Jefe");
        assert_eq!(
            signature(&key, b"what do ya want for nothing?"),
            "sha256=5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
    }
}
