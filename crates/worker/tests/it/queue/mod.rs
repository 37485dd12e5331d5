//! Imports in the background.

mod asked;
mod audit;
mod broken;
mod leases;
mod library;
mod retention;
mod schedules;
mod support;
