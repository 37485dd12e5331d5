//! The client against the simulator, over real HTTP.
#![expect(
    clippy::unwrap_used,
    reason = "a helper that fails is a test that fails"
)]
#![expect(clippy::print_stdout, reason = "a skipped test says so")]

mod diffs;
mod endpoints;
mod errors;
mod files;
mod hostile;
mod lenient;
mod lfs;
mod limits;
mod page_streams;
mod pages;
mod recorded;
mod recorded_endpoints;
mod retries;
mod support;
