//! The suite on a file of SQLite, and what concerns files only.

mod backup;
mod disk_full;
mod health;
mod open;
#[expect(clippy::duplicate_mod, reason = "each database runs the whole suite")]
#[path = "suite/mod.rs"]
mod suite;

const KIND: crate::support::Kind = crate::support::Kind::Sqlite;
