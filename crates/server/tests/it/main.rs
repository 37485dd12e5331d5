//! The server over real HTTP, with the simulator as Bitbucket.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stderr,
    reason = "a helper that fails is a test that fails"
)]

mod access;
mod accessible;
mod administration;
mod browser;
mod callback;
mod connections;
mod discussions;
mod events;
mod forms;
mod hostile;
mod imports;
mod imports_api;
mod limits;
mod metrics;
mod new_import;
mod openapi;
mod pages;
mod prefix;
mod quota;
mod recording;
mod repositories;
mod repositories_api;
mod seed;
mod sessions;
mod setup;
mod sign_in;
mod slow;
mod support;
mod tokens;
mod webdriver;
