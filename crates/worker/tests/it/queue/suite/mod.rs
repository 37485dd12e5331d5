//! What holds with every database.

mod asked;
mod broken;
mod leases;
mod schedules;

use super::KIND;
