//! What people ask of imports: to halt, to stop, to go on, to try again.

use bucketload_model::{Happening, ImportEvent, ImportId, ImportState, Priority};
use chrono::{DateTime, Utc};

use super::MoveError;
use crate::Transaction;
use crate::database::sql::statement;

impl Transaction {
    /// Asks an import to halt until it is resumed. One that runs does so within a second.
    ///
    /// # Errors
    ///
    /// When there is no such import, it has ended, or the database fails.
    pub async fn ask_to_pause(
        &mut self,
        import: ImportId,
        now: DateTime<Utc>,
    ) -> Result<ImportState, MoveError> {
        self.ask(import, ImportEvent::PauseAsked, "pause", now)
            .await
    }

    /// Asks an import to stop. One that runs does so within a second.
    ///
    /// # Errors
    ///
    /// When there is no such import, it has ended, or the database fails.
    pub async fn ask_to_cancel(
        &mut self,
        import: ImportId,
        now: DateTime<Utc>,
    ) -> Result<ImportState, MoveError> {
        self.ask(import, ImportEvent::CancelAsked, "cancel", now)
            .await
    }

    async fn ask(
        &mut self,
        import: ImportId,
        event: ImportEvent,
        wanted: &str,
        now: DateTime<Utc>,
    ) -> Result<ImportState, MoveError> {
        self.lock_queue().await?;
        let state = self.import_state(import).await?.after(event)?;
        let is_run = matches!(state, ImportState::Running | ImportState::Cancelling);
        statement(
            "update imports set state = $2, wanted = $3,
                 wait_until_ms = case when $3 is null then null else wait_until_ms end,
                 finished_at_ms = coalesce($4, finished_at_ms),
                 error = coalesce($5, error)
             where id = $1",
        )
        .bind(import.to_string())
        .bind(state.name())
        .bind(is_run.then_some(wanted))
        .bind((!is_run).then(|| now.timestamp_millis()))
        .bind((state == ImportState::Cancelled).then_some("stopped on request"))
        .execute(&mut self.inner)
        .await?;
        self.log(import, now, Happening::Event(event), "").await?;
        Ok(state)
    }

    /// Puts an import back into the queue: `Resumed` for one that was halted or stopped,
    /// `Retried` for one that failed or ended with gaps. Its attempts count anew.
    ///
    /// # Errors
    ///
    /// When there is no such import, the event makes no sense for it, or the database fails.
    pub async fn resume(
        &mut self,
        import: ImportId,
        event: ImportEvent,
        now: DateTime<Utc>,
    ) -> Result<ImportState, MoveError> {
        self.lock_queue().await?;
        let before = self.import_state(import).await?;
        let state = before.after(event)?;
        self.log(import, now, Happening::Event(event), "").await?;
        if before == ImportState::Running {
            // It has not halted yet.
            statement("update imports set wanted = null where id = $1")
                .bind(import.to_string())
                .execute(&mut self.inner)
                .await?;
            return Ok(state);
        }
        statement(
            "update imports set state = $2, wanted = null, wait_until_ms = null,
                 not_before_ms = null, error = null, finished_at_ms = null, is_foreground = 0,
                 stalled_attempts = 0, progress_before = -1
             where id = $1",
        )
        .bind(import.to_string())
        .bind(state.name())
        .execute(&mut self.inner)
        .await?;
        Ok(state)
    }

    /// Gives an import another place in the queue. False if there is no such import.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn set_priority(
        &mut self,
        import: ImportId,
        priority: Priority,
    ) -> Result<bool, MoveError> {
        let rows = statement("update imports set priority = $2 where id = $1")
            .bind(import.to_string())
            .bind(i64::from(priority.get()))
            .execute(&mut self.inner)
            .await?;
        Ok(rows > 0)
    }
}
