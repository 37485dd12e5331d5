#![doc = include_str!("../README.md")]

mod credential;

pub use credential::Credential;
