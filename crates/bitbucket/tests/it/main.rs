//! The client against the simulator, over real HTTP.
#![expect(
    clippy::unwrap_used,
    reason = "a helper that fails is a test that fails"
)]

mod errors;
mod hostile;
mod lenient;
mod limits;
mod pages;
mod recorded;
mod retries;
mod support;
