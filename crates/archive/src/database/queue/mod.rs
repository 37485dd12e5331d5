//! Imports that wait for their turn, and who runs which.
//!
//! The row in `imports` is the truth. Whoever runs an import holds its lease; every
//! write for it first makes sure that the fence is still the holder's.

mod claim;
mod enqueue;
mod lease;
mod list;
mod lost;
mod requests;
mod retention;
mod schedules;
mod tickets;

use bucketload_model::{ImportId, ImportState, WrongTransition};

use super::sql::statement;
use super::{DatabaseError, Transaction};

pub use claim::{Claim, Claimed};
pub use enqueue::{Enqueued, NewImport};
pub use lease::{Release, Wanted};
pub use list::{ImportFilter, ImportSummary};
pub(super) use list::{pattern, same_pattern};
pub use lost::Lost;
pub use schedules::{Schedule, ScheduleLook};

/// What was asked of an import cannot be done.
#[derive(Debug, thiserror::Error)]
pub enum MoveError {
    /// There is no such import.
    #[error("there is no import {0}")]
    Unknown(ImportId),
    /// It makes no sense in the import's state.
    #[error(transparent)]
    Wrong(#[from] WrongTransition),
    /// The database failed.
    #[error("the archive's database failed")]
    Database(#[from] DatabaseError),
}

impl Transaction {
    /// Waits until nobody else changes the queue, and keeps others from it until the end.
    pub(super) async fn lock_queue(&mut self) -> Result<(), DatabaseError> {
        self.inner.lock("queue").await
    }

    /// Where an import stands, as of now.
    async fn import_state(&mut self, import: ImportId) -> Result<ImportState, MoveError> {
        let state: Option<String> = statement("select state from imports where id = $1")
            .bind(import.to_string())
            .fetch_optional_scalar(&mut self.inner)
            .await?;
        let state = state.ok_or(MoveError::Unknown(import))?;
        let parsed = state.parse();
        Ok(parsed.map_err(|_| super::imports::inconsistent("imports", "state", &state))?)
    }
}
