//! The simulator's contract, over real HTTP and with the real `git`.
#![expect(
    clippy::unwrap_used,
    reason = "a helper that fails is a test that fails"
)]
#![expect(clippy::print_stdout, reason = "a skipped test says so")]

mod control;
mod credentials;
mod deviations;
mod files;
mod git;
mod issues;
mod lfs;
mod lists;
mod oauth;
mod replay;
mod schemas;
mod settings;
mod spec;
mod support;
mod world;
