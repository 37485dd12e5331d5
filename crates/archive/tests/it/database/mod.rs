//! The tables: what is stored, when, and what another connection sees of it.

mod postgres;
mod released;
mod same;
mod sqlite;
mod upgrade;
