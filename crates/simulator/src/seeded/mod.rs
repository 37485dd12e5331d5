//! Worlds that are computed from a seed: nothing but the people is stored.

mod account;
mod activity;
mod comment;
pub(crate) mod dice;
mod issue;
mod options;
mod pull_request;
mod repository;
mod settings;
mod task;
pub(crate) mod text;
pub(crate) mod time;
mod workspace;

pub use options::{IssueTracker, SeedOptions};
pub(crate) use repository::SeededRepository;
pub(crate) use workspace::{SeededWorkspace, build};
