//! Bitbucket as an OAuth 2.0 provider: the consent page, and the exchange of codes for tokens.

mod authorize;
mod consumer;
mod grants;
mod options;
mod page;
mod secrets;
mod site;
mod token;

pub use consumer::OAuthConsumer;
pub use grants::OAuthGrant;
pub use options::{OAuthOptions, ScopeField};

pub(crate) use site::SiteRequest;

/// Where people consent.
const AUTHORIZE: &str = "/site/oauth2/authorize";
/// Where codes and refresh tokens become access tokens.
const ACCESS_TOKEN: &str = "/site/oauth2/access_token";

/// Consumers, and the grants that they were given.
#[derive(Debug, Default)]
pub(crate) struct OAuth {
    pub(crate) options: OAuthOptions,
    pub(crate) consumers: Vec<OAuthConsumer>,
    pub(crate) grants: grants::Grants,
}

impl OAuth {
    /// Adds a consumer, or replaces the one of this key.
    pub(crate) fn add_consumer(&mut self, consumer: OAuthConsumer) {
        self.consumers
            .retain(|known| known.client_id != consumer.client_id);
        self.consumers.push(consumer);
    }

    fn consumer(&self, client_id: &str) -> Option<&OAuthConsumer> {
        self.consumers
            .iter()
            .find(|known| known.client_id == client_id)
    }
}

/// The scopes of a request, which can only narrow those there are; without any it means all.
/// The error is the one that is too much.
fn narrowed(asked: Option<&str>, granted: &[String]) -> Result<Vec<String>, String> {
    let asked: Vec<String> = asked
        .unwrap_or_default()
        .split_whitespace()
        .map(str::to_owned)
        .collect();
    if asked.is_empty() {
        return Ok(granted.to_vec());
    }
    match asked
        .iter()
        .find(|scope| !crate::credentials::implied(scope, granted))
    {
        Some(excessive) => Err(excessive.clone()),
        None => Ok(asked),
    }
}
