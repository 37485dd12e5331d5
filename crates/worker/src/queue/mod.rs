//! Imports in the background.
//!
//! | module | holds |
//! |---|---|
//! | (this) | `Queue`: what people ask for |
//! | `ask` | what people ask of imports that are there |
//! | `asker` | who asks, for the audit log |
//! | `clients` | which credential an import is run with |
//! | `worker` | `Worker`: runs what is asked for, a number of imports at once |
//! | `reconcile` | what was lost is found, what is due is begun, what is old goes |
//! | `retention` | old imports that nobody misses go |
//! | `tickets` | the tickets that wake workers up; the queue library appears there, in `worker` and in `every` |
//! | `every` | how often tickets are looked for |
//! | `schedule` | times that come again and again |
//!
//! `docs/QUEUE.md` tells how it works and what happens when something ends in the middle.

mod ask;
mod asker;
mod clients;
mod every;
mod reconcile;
mod retention;
mod schedule;
pub(crate) mod tickets;
mod worker;

use std::sync::Arc;

use bucketload_archive::{
    Archive, DatabaseError, Enqueued, MoveError, NewImport, Schedule, Transaction,
};
use bucketload_model::{Clock, ImportId, ImportState, Priority, RepositoryName, Stage};
use chrono::{DateTime, Utc};

pub use ask::Ask;
pub use asker::Asker;
pub use clients::{Clients, Fitting, NoClient, fitting};
pub use schedule::{Cron, ParseCronError};
pub use tickets::TicketError;
pub use worker::{Worker, WorkerOptions};

/// What people ask for: imports in the background.
#[derive(Debug, Clone)]
pub struct Queue {
    archive: Archive,
    clock: Arc<dyn Clock>,
    asker: Option<Asker>,
}

/// An import that somebody wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wish {
    /// Of what.
    pub name: RepositoryName,
    /// Its stages, in order.
    pub stages: Vec<Stage>,
    /// Whether lists are read whole, although only what changed would do.
    pub whole_lists: bool,
    /// What comes first.
    pub priority: Priority,
    /// Not to be begun before.
    pub not_before: Option<DateTime<Utc>>,
    /// The credential to run it with; absent for the one in the configuration.
    pub credential: Option<String>,
}

/// What was asked of the queue cannot be done.
#[derive(Debug, thiserror::Error)]
pub enum QueueError {
    /// It makes no sense for the import, or there is none.
    #[error(transparent)]
    Move(MoveError),
    /// The database failed.
    #[error("the archive's database failed")]
    Database(#[from] DatabaseError),
    /// Nobody can be woken up.
    #[error(transparent)]
    Ticket(#[from] TicketError),
}

impl From<MoveError> for QueueError {
    fn from(error: MoveError) -> Self {
        match error {
            MoveError::Database(error) => Self::Database(error),
            error => Self::Move(error),
        }
    }
}

impl Queue {
    /// The queue of an archive; its tables are made if they are missing.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn open(archive: Archive, clock: Arc<dyn Clock>) -> Result<Self, QueueError> {
        tickets::migrate(&archive).await?;
        Ok(Self {
            archive,
            clock,
            asker: None,
        })
    }

    /// The same queue, for somebody: what they ask is noted in the audit log, and their
    /// imports say who asked for them.
    #[must_use]
    pub fn asked_by(mut self, asker: Asker) -> Self {
        self.asker = Some(asker);
        self
    }

    fn asker_name(&self) -> Option<&str> {
        self.asker.as_ref().map(|asker| asker.name.as_str())
    }

    /// Notes what is asked, if it is known by whom.
    async fn note(
        &self,
        transaction: &mut Transaction,
        action: &str,
        subject: String,
        import: Option<ImportId>,
    ) -> Result<(), DatabaseError> {
        let Some(asker) = &self.asker else {
            return Ok(());
        };
        let now = self.clock.now();
        asker.note(transaction, action, subject, import, now).await
    }

    /// The same, of one import.
    async fn note_import(
        &self,
        transaction: &mut Transaction,
        action: &str,
        import: ImportId,
    ) -> Result<(), DatabaseError> {
        let name = match self.archive.import(import).await? {
            Some(import) => format!("{}, ", import.name),
            None => String::new(),
        };
        let subject = format!("{name}import {import}");
        self.note(transaction, action, subject, Some(import)).await
    }

    /// Asks for imports, all of them or none. What is asked for already and has not ended is
    /// not asked for twice. The answers stand in the order of the wishes.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn enqueue(&self, wishes: &[Wish]) -> Result<Vec<Enqueued>, QueueError> {
        let now = self.clock.now();
        let mut transaction = self.archive.begin().await?;
        let mut answers = Vec::with_capacity(wishes.len());
        let mut at_once = 0;
        for wish in wishes {
            let new = NewImport {
                name: &wish.name,
                stages: &wish.stages,
                whole_lists: wish.whole_lists,
                priority: wish.priority,
                not_before: wish.not_before,
                asked_by: self.asker_name(),
                credential: wish.credential.as_deref(),
                now,
            };
            let enqueued = transaction.enqueue(&new).await?;
            match wish.not_before {
                Some(time) if time > now => {
                    tickets::push(&mut transaction, Some(time), 1).await?;
                }
                _ => at_once += 1,
            }
            answers.push(enqueued);
        }
        tickets::push(&mut transaction, None, at_once.min(MOST_TICKETS)).await?;
        let names = asker::subject(wishes.iter().map(|wish| &wish.name));
        let only = match &answers[..] {
            [one] => Some(one.import()),
            _ => None,
        };
        self.note(&mut transaction, "asked for imports", names, only)
            .await?;
        transaction.commit().await?;
        Ok(answers)
    }

    /// Asks an import to halt until it is resumed.
    ///
    /// # Errors
    ///
    /// As [`Self::ask`].
    pub async fn pause(&self, import: ImportId) -> Result<ImportState, QueueError> {
        self.ask(import, Ask::Pause).await
    }

    /// Asks an import to stop.
    ///
    /// # Errors
    ///
    /// As [`Self::ask`].
    pub async fn cancel(&self, import: ImportId) -> Result<ImportState, QueueError> {
        self.ask(import, Ask::Cancel).await
    }

    /// Lets an import go on that was halted or stopped, waits or failed.
    ///
    /// # Errors
    ///
    /// As [`Self::ask`].
    pub async fn resume(&self, import: ImportId) -> Result<ImportState, QueueError> {
        self.ask(import, Ask::Resume).await
    }

    /// Tries once more what failed or is missing of an import, and nothing else.
    ///
    /// # Errors
    ///
    /// As [`Self::ask`].
    pub async fn retry(&self, import: ImportId) -> Result<ImportState, QueueError> {
        self.ask(import, Ask::Retry).await
    }

    /// Gives an import another place in the queue. False if there is no such import.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn set_priority(
        &self,
        import: ImportId,
        priority: Priority,
    ) -> Result<bool, QueueError> {
        let mut transaction = self.archive.begin().await?;
        let is_there = transaction.set_priority(import, priority).await?;
        if is_there {
            let action = format!("gave an import the priority {priority}");
            self.note_import(&mut transaction, &action, import).await?;
        }
        transaction.commit().await?;
        Ok(is_there)
    }

    /// Has repositories imported again and again, for the first time when the expression
    /// says so next. Returns when that is.
    ///
    /// # Errors
    ///
    /// When the expression has no next time, or the database fails.
    pub async fn schedule(
        &self,
        wishes: &[Wish],
        cron: &Cron,
    ) -> Result<Option<DateTime<Utc>>, QueueError> {
        let now = self.clock.now();
        let Some(next_at) = cron.next_after(now) else {
            return Ok(None);
        };
        let mut transaction = self.archive.begin().await?;
        for wish in wishes {
            transaction
                .put_schedule(&Schedule {
                    name: wish.name.clone(),
                    stages: wish.stages.clone(),
                    cron: cron.to_string(),
                    next_at,
                    scheduled_at: now,
                    priority: wish.priority,
                    asked_by: self.asker_name().map(ToOwned::to_owned),
                    credential: wish.credential.clone(),
                })
                .await?;
        }
        let names = asker::subject(wishes.iter().map(|wish| &wish.name));
        let action = format!("scheduled imports ({cron})");
        self.note(&mut transaction, &action, names, None).await?;
        transaction.commit().await?;
        Ok(Some(next_at))
    }

    /// Ends all schedules of a repository. Returns how many there were.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn unschedule(&self, name: &RepositoryName) -> Result<u64, QueueError> {
        let mut transaction = self.archive.begin().await?;
        let removed = transaction.remove_schedules(name).await?;
        if removed > 0 {
            self.note(&mut transaction, "ended a schedule", name.to_string(), None)
                .await?;
        }
        transaction.commit().await?;
        Ok(removed)
    }
}

/// Tickets for one batch of imports: whoever is woken up runs one import after the other
/// while there are any, so more than all workers together have places are no use.
const MOST_TICKETS: usize = 256;
