//! Imports in the background.

mod asked;
mod broken;
mod leases;
mod library;
mod schedules;
mod support;
