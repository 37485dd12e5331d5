//! Integration tests of the archive, one binary for all.

mod credentials;
mod database;
#[path = "../../../../tests/earlier/mod.rs"]
mod earlier;
mod export;
mod mirror;
#[path = "../../../../tests/postgres/mod.rs"]
mod postgres;
mod support;
mod verify;
