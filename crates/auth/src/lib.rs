#![doc = include_str!("../README.md")]

mod app_password;
mod credential;
pub mod oauth;
mod sealing;

pub use credential::Credential;
pub use sealing::{KeyError, KeyId, OpenError, SealError, Sealer, SecretKey};
