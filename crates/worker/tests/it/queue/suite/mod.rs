//! What holds with every database.

mod asked;
mod audit;
mod broken;
mod leases;
mod live;
mod notices;
mod outgrown;
mod retention;
mod schedules;

use super::KIND;
