//! How far imports are while they run.

use bucketload_model::{ImportId, Stage};

use super::imports::inconsistent;
use super::sql::statement;
use super::{Archive, DatabaseError, Transaction, signed};

/// How far a stage is that is at work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StageAdvance {
    /// The stage.
    pub stage: Stage,
    /// What it had when it began.
    pub stored_before: u64,
    /// Objects in the archive now.
    pub stored: u64,
    /// Objects that Bitbucket reported, if it has.
    pub expected: Option<u64>,
    /// How far its transfer is, where it has one.
    pub transfer: Option<Transferred>,
}

/// How far a transfer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Transferred {
    /// Objects that came.
    pub objects: u64,
    /// Objects that were announced, once they were.
    pub of: Option<u64>,
    /// Bytes that came.
    pub bytes: u64,
}

impl Archive {
    /// The imports that somebody runs, or ran until a moment ago.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn leased_imports(&self) -> Result<Vec<ImportId>, DatabaseError> {
        let ids: Vec<String> = statement("select id from imports where lease_owner is not null")
            .fetch_all_scalars(&self.reader)
            .await?;
        let wrong = |id: &str| inconsistent("imports", "id", id);
        ids.into_iter()
            .map(|id| id.parse().map_err(|_| wrong(&id)))
            .collect()
    }
}

impl Transaction {
    /// Notes how far a stage is. One that has ended meanwhile knows better.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn advance_stage(
        &mut self,
        import: ImportId,
        advance: &StageAdvance,
    ) -> Result<(), DatabaseError> {
        let transfer = advance.transfer;
        statement(
            "update import_stages set stored_before = $3, stored = $4,
                 expected = coalesce($5, expected),
                 transferred_objects = coalesce($6, transferred_objects),
                 transfer_objects = coalesce($7, transfer_objects),
                 transferred_bytes = coalesce($8, transferred_bytes)
             where import_id = $1 and stage = $2 and state = 'running'",
        )
        .bind(import.to_string())
        .bind(advance.stage.name())
        .bind(signed(advance.stored_before))
        .bind(signed(advance.stored))
        .bind(advance.expected.map(signed))
        .bind(transfer.map(|transfer| signed(transfer.objects)))
        .bind(transfer.and_then(|transfer| transfer.of).map(signed))
        .bind(transfer.map(|transfer| signed(transfer.bytes)))
        .execute(&mut self.inner)
        .await?;
        Ok(())
    }
}
