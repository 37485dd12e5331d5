#![doc = include_str!("../README.md")]

mod account;
mod administration;
mod api;
mod assets;
mod bitbucket;
mod codes;
mod discussion;
mod error;
mod events;
#[doc(hidden)]
pub mod fuzzing;
mod health;
mod imports;
mod listen;
mod metrics;
mod monitor;
mod mount;
mod options;
mod pages;
mod policy;
mod quota;
mod repositories;
mod routes;
mod security;
mod server;
mod service;
mod session;
mod setup;
mod sign_in;
mod switches;
mod text;

pub use codes::{CodeError, OneTimeCode, administrator_code, first_administrator_code};
pub use metrics::Metrics;
pub use monitor::{Monitor, MonitorOptions};
pub use options::{
    BitbucketOptions, ConsumerOptions, ServerOptions, SettingLine, SettingPlace, UploadLimits,
};
pub use routes::{RouteLine, Who, routes};
pub use security::patience::Patience;
pub use security::peer::{NoProxy, TrustedProxies};
pub use security::secrets::NoRandom;
pub use server::{Server, ServerError};
