//! The suite on a server of PostgreSQL, and what concerns servers only.

mod open;
mod outage;
mod processes;
#[expect(clippy::duplicate_mod, reason = "each database runs the whole suite")]
#[path = "suite/mod.rs"]
mod suite;
mod tls;

const KIND: crate::support::Kind = crate::support::Kind::Postgres;
