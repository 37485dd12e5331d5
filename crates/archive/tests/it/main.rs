//! Integration tests of the archive, one binary for all.

#[path = "../../../../tests/certificates/mod.rs"]
mod certificates;
mod copies;
mod credentials;
mod database;
#[path = "../../../../tests/earlier/mod.rs"]
mod earlier;
mod export;
mod mirror;
mod objects;
#[path = "../../../../tests/postgres/mod.rs"]
mod postgres;
#[path = "../../../../tests/s3/mod.rs"]
mod s3;
mod support;
mod verify;
