#![doc = include_str!("../README.md")]

mod credential;
pub mod oauth;
mod sealing;

pub use credential::Credential;
pub use sealing::{KeyError, KeyId, OpenError, SealError, Sealer, SecretKey};
