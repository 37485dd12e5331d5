//! The suite with a file of SQLite.

#[expect(clippy::duplicate_mod, reason = "each database runs the whole suite")]
#[path = "suite/mod.rs"]
mod suite;

const KIND: crate::support::Kind = crate::support::Kind::Sqlite;
