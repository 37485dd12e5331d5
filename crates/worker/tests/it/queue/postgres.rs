//! The suite on a server of PostgreSQL, and what concerns servers only.

#[expect(clippy::duplicate_mod, reason = "each database runs the whole suite")]
#[path = "suite/mod.rs"]
mod suite;
mod tickets;

const KIND: crate::support::Kind = crate::support::Kind::Postgres;
