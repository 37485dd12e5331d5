#![doc = include_str!("../README.md")]

mod app_password;
mod credential;
mod keeper;
pub mod oauth;
mod sealing;
mod session;
mod source;

pub use credential::{Credential, CredentialKind};
pub use keeper::{GrantKeeper, KeeperError, KeeperFuture, KeptGrant, Lease};
pub use sealing::{KeyError, KeyId, OpenError, SealError, Sealer, SecretKey};
pub use session::{GrantError, GrantSession};
pub use source::{CredentialSource, Signed};
