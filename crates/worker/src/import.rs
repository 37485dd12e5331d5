//! One import, from its beginning or resumption to its report.

use bucketload_archive::{Claim, Claimed, DatabaseError, LeaseFile, Life, MoveError, NewImport};
use bucketload_archive::{Enqueued, StoredImport};
use bucketload_model::{
    ErrorClass, ImportEvent, ImportId, ImportReport, ImportState, LeaseOwner, Priority,
    RepositoryName, Stage,
};
use futures::future::join_all;

use crate::failure::StageError;
use crate::queue::TicketError;
use crate::run::Mode;
use crate::stages::StageContext;
use crate::{Importer, Selection};

/// An import that could not even be recorded.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The database failed.
    #[error("the archive's database failed")]
    Database(#[from] DatabaseError),
    /// The import is not in the database any more.
    #[error("the import {0} has vanished from the database")]
    Vanished(ImportId),
    /// Somebody else imports the repository right now.
    #[error("{name} is being imported by process {process}")]
    Busy {
        /// The repository.
        name: RepositoryName,
        /// Who imports it.
        process: String,
    },
    /// Others could not see that this process lives.
    #[error("cannot write to the folder of leases in the data directory")]
    Life(#[source] std::io::Error),
    /// Nobody can be woken up to go on.
    #[error(transparent)]
    Ticket(#[from] TicketError),
    /// The import's row stands as it cannot.
    #[error("the import cannot be changed")]
    Move(#[source] MoveError),
}

impl From<MoveError> for ImportError {
    fn from(error: MoveError) -> Self {
        match error {
            MoveError::Database(error) => Self::Database(error),
            error => Self::Move(error),
        }
    }
}

/// How an import ended.
#[derive(Debug)]
pub struct ImportOutcome {
    /// What it did.
    pub report: ImportReport,
    /// Why it could not end, if it could not.
    pub failure: Option<Failure>,
}

/// Why an import could not end.
#[derive(Debug)]
pub struct Failure {
    /// The stage that could not.
    pub stage: Stage,
    /// Why.
    pub error: StageError,
}

impl Importer {
    /// Imports a repository, goes on with an interrupted import of it, or brings
    /// the archive up to date. It is the import that workers and other commands see,
    /// and nobody else runs it meanwhile.
    ///
    /// A failure of Bitbucket, of git or of the caller's patience is no error
    /// here: it stands in the outcome, and the import can be resumed.
    ///
    /// # Errors
    ///
    /// When the database fails, or somebody else imports the repository.
    pub async fn import(
        &self,
        name: &RepositoryName,
        selection: &Selection,
    ) -> Result<ImportOutcome, ImportError> {
        let (claimed, life) = self.take(name, selection).await?;
        // The future of the run is part of this one.
        Box::pin(self.run(claimed, life, Mode::Foreground)).await
    }

    /// Finds the import that goes on, or makes a new one, and claims it.
    async fn take(
        &self,
        name: &RepositoryName,
        selection: &Selection,
    ) -> Result<(Claimed, LeaseFile), ImportError> {
        let owner = LeaseOwner::new();
        let life = self.data_dir.show_life(&owner).map_err(ImportError::Life)?;
        match self.try_take(name, selection, &owner).await {
            Ok(claimed) => Ok((claimed, life)),
            Err(error) => {
                life.end();
                Err(error)
            }
        }
    }

    async fn try_take(
        &self,
        name: &RepositoryName,
        selection: &Selection,
        owner: &LeaseOwner,
    ) -> Result<Claimed, ImportError> {
        let now = self.clock.now();
        let mut transaction = self.archive.begin().await?;
        let new = NewImport {
            name,
            stages: selection.stages(),
            whole_lists: self.whole_lists,
            priority: Priority::default(),
            not_before: None,
            asked_by: self.asked_by.as_ref().map(|asker| asker.name.as_str()),
            credential: None,
            now,
        };
        let mut dead = Vec::new();
        for lease in transaction.leases_of(name).await? {
            let life = self.data_dir.life(&lease.owner);
            if life != Life::Dead && lease.until >= now {
                return Err(ImportError::Busy {
                    name: name.clone(),
                    process: lease.owner.process().to_owned(),
                });
            }
            transaction.bury(&lease, now).await?;
            dead.push(lease.owner);
        }
        let enqueued = transaction.enqueue(&new).await?;
        if let Enqueued::Joined(import, ImportState::Paused) = enqueued {
            let resumed = ImportEvent::Resumed;
            transaction.resume(import, resumed, now).await?;
        }
        let claim = Claim {
            owner,
            now,
            until: now + self.times.lease,
            is_foreground: true,
        };
        let import = enqueued.import();
        let claimed = transaction.claim(import, &claim).await?;
        let claimed = claimed.ok_or(ImportError::Vanished(import))?;
        if let Some(asker) = &self.asked_by {
            let subject = format!("{name}, import {import}");
            asker
                .note(
                    &mut transaction,
                    "imported at a terminal",
                    subject,
                    Some(import),
                    now,
                )
                .await?;
        }
        transaction.commit().await?;
        for owner in dead {
            self.data_dir.forget(&owner);
        }
        Ok(claimed)
    }

    /// The latest import, if it did not end and had the same stages.
    pub(crate) async fn interrupted(
        &self,
        name: &RepositoryName,
        selection: &Selection,
    ) -> Result<Option<StoredImport>, DatabaseError> {
        let latest = self.archive.latest_import(name).await?;
        Ok(latest.filter(|import| {
            !matches!(
                import.state,
                ImportState::Complete | ImportState::CompleteWithGaps
            ) && import.stages == selection.stages()
        }))
    }
}

/// Runs the graph of stages and returns the failure that matters most, if any.
pub(crate) async fn run_stages(mut context: StageContext) -> Result<Option<Failure>, ImportError> {
    if let Err(error) = context.run(Stage::Repository).await {
        return Ok(Some(Failure {
            stage: Stage::Repository,
            error,
        }));
    }
    let archive = &context.importer.archive;
    let stored = archive.import(context.import).await?;
    if let Some(uuid) = stored.and_then(|import| import.repository) {
        context.repository = archive.repository_by_uuid(&uuid).await?;
    }
    let context = &context;
    // All at once: an import takes as long as its slowest branch. A stage that works on
    // another one's objects waits for them by itself.
    let between = Stage::ALL.iter().filter(|stage| stage.is_optional());
    let failures = join_all(between.map(|stage| run_stage(context, *stage))).await;
    if let Some(failure) = most_important(failures.into_iter().flatten()) {
        return Ok(Some(failure));
    }
    Ok(run_stage(context, Stage::Finish).await)
}

async fn run_stage(context: &StageContext, stage: Stage) -> Option<Failure> {
    let result = context.run(stage).await;
    // However a list ended, and even if it was not wanted: nobody should wait for
    // more of it.
    context
        .listing
        .send_modify(|listing| listing.ended.insert(stage));
    let error = result.err()?;
    if error.stops_everything() {
        context.ending.cancel();
        context.cancel.cancel();
    }
    Some(Failure { stage, error })
}

/// A stage that was stopped because another one failed says nothing about why.
fn most_important(failures: impl Iterator<Item = Failure>) -> Option<Failure> {
    failures.min_by_key(|failure| {
        (
            failure.error.class() == ErrorClass::Cancelled,
            !failure.error.stops_everything(),
            failure.stage,
        )
    })
}
