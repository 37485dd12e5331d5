//! The tables: what is stored, when, and what another connection sees of it.

mod postgres;
mod same;
mod sqlite;
