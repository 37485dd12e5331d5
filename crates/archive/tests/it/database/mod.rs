//! The tables: what is stored, when, and what another connection sees of it.

mod accounts;
mod activity;
mod disk_full;
mod entity_tags;
mod health;
mod imports;
mod open;
mod pending;
mod rows;
mod transactions;
