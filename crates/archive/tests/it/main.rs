//! Integration tests of the archive, one binary for all.

mod database;
mod export;
mod mirror;
mod support;
