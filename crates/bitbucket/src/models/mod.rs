//! The few typed fields that the archive needs.
//!
//! Names are the API's own. Nearly everything is optional, because the live
//! answers differ from the specification in both directions.

mod account;
mod comment;
mod pull_request;
mod repository;

pub use account::{Account, Membership};
pub use comment::{Comment, Inline};
pub use pull_request::PullRequest;
pub use repository::Repository;
