#![doc = include_str!("../README.md")]

mod announcement;
mod clock;
mod control;
mod control_http;
mod credentials;
mod endpoints;
mod error;
mod fault;
mod git;
mod http;
mod images;
mod lfs;
mod log;
mod oauth;
mod rate_limit;
mod replay;
mod seeded;
mod server;
mod simulator;
mod state;
mod storage;
mod truth;
mod world;

pub use announcement::Announcement;
pub use control::Control;
pub use credentials::{Credential, CredentialKind};
pub use error::SimulatorError;
pub use fault::{Effect, Fault};
pub use log::{LoggedRequest, RequestKind};
pub use oauth::{OAuthConsumer, OAuthGrant, OAuthOptions, ScopeField};
pub use rate_limit::{RateLimit, RetryHint};
pub use replay::ReplayOptions;
pub use seeded::{IssueTracker, SeedOptions};
pub use simulator::{Simulator, SimulatorOptions};
pub use truth::Truth;
pub use world::{Mutated, Mutation, World};

/// The endpoints of the REST API that the simulator serves, as the OpenAPI document writes them.
pub fn endpoints() -> Vec<&'static str> {
    endpoints::families().map(|route| route.path).collect()
}
