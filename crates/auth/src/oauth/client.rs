//! Codes and refresh tokens for access tokens.

use std::sync::Arc;

use bucketload_model::Clock;
use oauth2::basic::{
    BasicErrorResponse, BasicRevocationErrorResponse, BasicTokenIntrospectionResponse,
};
use oauth2::{
    AuthType, ClientId, ClientSecret, EndpointNotSet, EndpointSet, PkceCodeVerifier, RedirectUrl,
    RefreshToken, RequestTokenError, StandardRevocableToken, TokenUrl,
};
use secrecy::{ExposeSecret as _, SecretString};

use super::callback::one_line;
use super::http::{self, HttpError};
use super::token::TokenReply;
use super::{AuthorizationCode, Consumer, PendingAuthorization, TokenError, TokenSet};

type Protocol = oauth2::Client<
    BasicErrorResponse,
    TokenReply,
    BasicTokenIntrospectionResponse,
    StandardRevocableToken,
    BasicRevocationErrorResponse,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointSet,
>;

/// Speaks to the token page for one consumer. Cheap to clone.
#[derive(Debug, Clone)]
pub struct OAuthClient {
    consumer: Arc<Consumer>,
    http: reqwest::Client,
    clock: Arc<dyn Clock>,
}

impl OAuthClient {
    /// A client.
    ///
    /// # Errors
    ///
    /// When TLS cannot be set up.
    pub fn new(consumer: Consumer, clock: Arc<dyn Clock>) -> Result<Self, TokenError> {
        Ok(Self {
            consumer: Arc::new(consumer),
            http: http::client().map_err(TokenError::Network)?,
            clock,
        })
    }

    /// The consumer.
    pub fn consumer(&self) -> &Consumer {
        &self.consumer
    }

    /// Exchanges a code for the first tokens of a grant.
    ///
    /// # Errors
    ///
    /// See [`TokenError::class`]; a code that was used or is too old is a dead grant.
    pub async fn exchange(
        &self,
        pending: &PendingAuthorization,
        code: AuthorizationCode,
    ) -> Result<TokenSet, TokenError> {
        let asked_at = self.clock.now();
        let protocol = self.protocol();
        let code = oauth2::AuthorizationCode::new(code.0.expose_secret().to_owned());
        let verifier = PkceCodeVerifier::new(pending.pkce_verifier.secret().clone());
        let request = protocol.exchange_code(code).set_pkce_verifier(verifier);
        let send = |request| http::send(self.http.clone(), request);
        let reply = request.request_async(&send).await.map_err(told)?;
        sendable(reply.into_set(asked_at))
    }

    /// Exchanges a refresh token for new tokens. It is used up by that: the new
    /// refresh token must be kept before the new access token is used.
    ///
    /// # Errors
    ///
    /// See [`TokenError::class`].
    pub async fn refresh(&self, refresh_token: &SecretString) -> Result<TokenSet, TokenError> {
        let asked_at = self.clock.now();
        let protocol = self.protocol();
        let token = RefreshToken::new(refresh_token.expose_secret().to_owned());
        let request = protocol.exchange_refresh_token(&token);
        let send = |request| http::send(self.http.clone(), request);
        let reply = request.request_async(&send).await.map_err(told)?;
        sendable(reply.into_set(asked_at))
    }

    fn protocol(&self) -> Protocol {
        let consumer = &self.consumer;
        oauth2::Client::new(ClientId::new(consumer.client_id.clone()))
            .set_client_secret(ClientSecret::new(
                consumer.client_secret.expose_secret().to_owned(),
            ))
            // Bitbucket documents Basic, and a secret in a body ends in more logs.
            .set_auth_type(AuthType::BasicAuth)
            .set_redirect_uri(RedirectUrl::from_url(consumer.redirect_uri.clone()))
            .set_token_uri(TokenUrl::from_url(consumer.token_url.clone()))
    }
}

/// A token goes into a header, where not every character may stand.
fn sendable(set: TokenSet) -> Result<TokenSet, TokenError> {
    let token = set.access_token.expose_secret();
    if !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Ok(set);
    }
    Err(TokenError::Unreadable {
        reason: "its access token is empty or holds characters that no token has".to_owned(),
    })
}

/// The protocol's error without what was received.
fn told(error: RequestTokenError<HttpError, BasicErrorResponse>) -> TokenError {
    match error {
        RequestTokenError::ServerResponse(answer) => TokenError::Refused {
            code: one_line(answer.error().as_ref()),
            description: answer.error_description().map(|text| one_line(text)),
        },
        RequestTokenError::Request(error) => error.into(),
        // The message of the parser can quote a value; the path cannot.
        RequestTokenError::Parse(error, _) => TokenError::Unreadable {
            reason: format!("it makes no sense at “{}”", error.path()),
        },
        RequestTokenError::Other(_) => TokenError::Unreadable {
            reason: "it is empty".to_owned(),
        },
    }
}
