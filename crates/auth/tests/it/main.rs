//! Sign-in against the simulator's OAuth pages.

#![expect(clippy::unwrap_used, reason = "a test that fails should say where")]

mod exchange;
mod replies;
mod support;
