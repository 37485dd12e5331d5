//! Imports from the simulator, over real HTTP, real git and a real database.
#![expect(
    clippy::unwrap_used,
    reason = "a helper that fails is a test that fails"
)]

mod activity;
mod changes;
mod complete;
mod conditional;
mod diffs;
mod downloads;
mod failures;
mod faults;
mod gaps;
mod git_quota;
mod hostile_git;
mod images;
mod images_from;
mod issue_export;
mod issues;
mod lfs;
mod names;
mod people;
#[path = "../../../../tests/postgres/mod.rs"]
mod postgres;
mod queue;
#[expect(dead_code, reason = "no test needs all of it")]
#[path = "../../../../tests/receivers/mod.rs"]
mod receivers;
mod resume;
mod segments;
mod selection;
mod settings;
mod sunset;
mod support;
mod sweep;
mod tasks;
mod whole_world;
mod wiki;
