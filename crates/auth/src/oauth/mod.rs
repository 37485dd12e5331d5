//! Sign-in with Bitbucket by OAuth 2.0: the authorization code flow of RFC 6749,
//! with PKCE (RFC 7636) as extra defence.
//!
//! Bitbucket does not document PKCE and does not enforce it; `state` and the
//! consumer's secret carry the protection.

mod callback;
mod client;
mod consumer;
mod error;
mod http;
mod pending;
mod token;

pub use callback::{Callback, CallbackError, ProviderRefusal};
pub use client::OAuthClient;
pub use consumer::{CALLBACK_PATH, Consumer, ConsumerError, redirect_uri};
pub use error::{TokenError, TokenErrorClass};
pub use pending::{AuthorizationCode, PendingAuthorization};
pub use token::TokenSet;
