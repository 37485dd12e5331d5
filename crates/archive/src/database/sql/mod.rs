//! Statements: one text for every database, and what runs them.
//!
//! [`statement()`] takes a text that is known beforehand, with `$1`, `$2`, …;
//! [`StatementBuilder`] makes one whose length depends on its rows. A [`Statement`] runs on a
//! [`Pool`] or, within a transaction, on a [`Session`]. What is bound is text, a whole number
//! or bytes, and what comes back are rows of `i64`, `String`, `Vec<u8>` and `Option` of
//! these: they mean the same to every database.
//!
//! What a text has to mind, for PostgreSQL: a number that is written down or summed is no
//! `bigint` until it is cast to one; what is missing sorts last unless `nulls first` is said.

mod builder;
mod pool;
mod statement;
mod value;

pub(crate) use builder::StatementBuilder;
pub(crate) use pool::{Pool, Session};
pub(crate) use statement::{Statement, statement};
pub(crate) use value::Value;
