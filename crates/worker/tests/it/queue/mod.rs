//! Imports in the background.

mod audit;
mod library;
mod postgres;
mod retention;
mod sqlite;
mod support;
