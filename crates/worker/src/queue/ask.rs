//! What people ask of imports that are there: one, or many at once.

use bucketload_archive::{MoveError, Transaction};
use bucketload_model::{ImportEvent, ImportId, ImportState};

use super::{MOST_TICKETS, Queue, QueueError, tickets};

/// What people ask of an import.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ask {
    /// To halt until it is resumed; see [`Transaction::ask_to_pause`].
    Pause,
    /// To stop.
    Cancel,
    /// To go on, after it was halted or stopped, while it waits or after it failed.
    Resume,
    /// To try once more what failed or is missing, and nothing else.
    Retry,
}

/// Imports of one transaction: nobody else writes meanwhile.
const BATCH: usize = 100;

impl Ask {
    /// Everything that can be asked.
    pub const ALL: [Self; 4] = [Self::Pause, Self::Cancel, Self::Resume, Self::Retry];

    /// The word for it, in addresses and forms.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pause => "pause",
            Self::Cancel => "cancel",
            Self::Resume => "resume",
            Self::Retry => "retry",
        }
    }

    /// What the audit log calls it.
    const fn in_audit_log(self) -> &'static str {
        match self {
            Self::Pause => "paused an import",
            Self::Cancel => "cancelled an import",
            Self::Resume => "resumed an import",
            Self::Retry => "retried an import",
        }
    }

    /// What happens to the import.
    pub const fn event(self) -> ImportEvent {
        match self {
            Self::Pause => ImportEvent::PauseAsked,
            Self::Cancel => ImportEvent::CancelAsked,
            Self::Resume => ImportEvent::Resumed,
            Self::Retry => ImportEvent::Retried,
        }
    }

    /// Whether it has somebody begin the import.
    const fn begins(self) -> bool {
        matches!(self, Self::Resume | Self::Retry)
    }
}

impl Queue {
    /// Asks something of one import.
    ///
    /// # Errors
    ///
    /// When there is no such import, it makes no sense for it, or the database fails.
    pub async fn ask(&self, import: ImportId, ask: Ask) -> Result<ImportState, QueueError> {
        let mut transaction = self.archive.begin().await?;
        let state = self.ask_in(&mut transaction, import, ask).await?;
        if ask.begins() {
            tickets::push(&mut transaction, None, 1).await?;
        }
        transaction.commit().await?;
        Ok(state)
    }

    /// Asks the same of many imports. What cannot be done with one costs nobody the others.
    /// The answers stand in the order of the imports.
    ///
    /// # Errors
    ///
    /// When the database fails; what was asked of the imports before that stays asked.
    pub async fn ask_each(
        &self,
        imports: &[ImportId],
        ask: Ask,
    ) -> Result<Vec<Result<ImportState, MoveError>>, QueueError> {
        let mut answers = Vec::with_capacity(imports.len());
        for batch in imports.chunks(BATCH) {
            let mut transaction = self.archive.begin().await?;
            let mut begin = 0;
            for import in batch {
                match self.ask_in(&mut transaction, *import, ask).await {
                    Ok(state) => {
                        begin += usize::from(ask.begins());
                        answers.push(Ok(state));
                    }
                    Err(MoveError::Database(error)) => return Err(error.into()),
                    Err(error) => answers.push(Err(error)),
                }
            }
            tickets::push(&mut transaction, None, begin.min(MOST_TICKETS)).await?;
            transaction.commit().await?;
        }
        Ok(answers)
    }

    /// An import that cannot be asked this leaves the transaction as it was.
    async fn ask_in(
        &self,
        transaction: &mut Transaction,
        import: ImportId,
        ask: Ask,
    ) -> Result<ImportState, MoveError> {
        let now = self.clock.now();
        let state = match ask {
            Ask::Pause => transaction.ask_to_pause(import, now).await?,
            Ask::Cancel => transaction.ask_to_cancel(import, now).await?,
            Ask::Resume | Ask::Retry => transaction.resume(import, ask.event(), now).await?,
        };
        self.note_import(transaction, ask.in_audit_log(), import)
            .await?;
        Ok(state)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_wish_has_a_word_of_its_own() {
        for one in Ask::ALL {
            let same = Ask::ALL.iter().filter(|other| other.name() == one.name());
            assert_eq!(same.count(), 1);
        }
    }
}
