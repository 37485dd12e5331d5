//! Old imports that nobody misses go.

use bucketload_archive::DatabaseError;

use super::worker::Slots;

/// Imports that go in one transaction: others who write wait for it.
const BATCH: u32 = 100;

/// Batches in one round; the next one goes on.
const BATCHES: u32 = 20;

/// How long notices can be looked at.
const NOTICES_KEPT: chrono::Duration = chrono::Duration::days(30);

/// A state that lasts so long is told once more.
const STATES_KEPT: chrono::Duration = chrono::Duration::days(90);

impl Slots {
    /// Removes what is left of imports that ended long ago, in short transactions.
    pub(super) async fn remove_old_imports(&self) -> Result<(), DatabaseError> {
        let Some(keep) = self.options.keep_imports else {
            return Ok(());
        };
        let importer = &self.importer;
        let keep = chrono::Duration::from_std(keep).unwrap_or(chrono::Duration::MAX);
        let Some(before) = importer.clock.now().checked_sub_signed(keep) else {
            return Ok(());
        };
        let mut removed = 0;
        for _ in 0..BATCHES {
            let mut transaction = importer.archive.begin().await?;
            let some = transaction.remove_old_imports(before, BATCH).await?;
            transaction.commit().await?;
            removed += some;
            if some < u64::from(BATCH) || self.importer.cancel.is_cancelled() {
                break;
            }
        }
        if removed > 0 {
            tracing::info!(removed, "what is left of old imports is removed");
        }
        Ok(())
    }

    /// Removes what was told long ago.
    pub(super) async fn remove_old_notices(&self) -> Result<(), DatabaseError> {
        let now = self.importer.clock.now();
        let (before, oldest) = (now - NOTICES_KEPT, now - STATES_KEPT);
        let mut transaction = self.importer.archive.begin().await?;
        let removed = transaction
            .remove_old_notices(before, oldest, BATCH)
            .await?;
        transaction.commit().await?;
        tracing::debug!(removed, "old notices are removed");
        Ok(())
    }
}
