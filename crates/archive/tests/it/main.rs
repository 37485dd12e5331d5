//! Integration tests of the archive, one binary for all.

mod credentials;
mod database;
mod export;
mod mirror;
#[path = "../../../../tests/postgres/mod.rs"]
mod postgres;
mod support;
mod verify;
