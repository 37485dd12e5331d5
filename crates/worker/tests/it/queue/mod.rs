//! Imports in the background.

mod library;
mod postgres;
mod sqlite;
mod support;
mod tickets;
