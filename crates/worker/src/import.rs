//! One import, from start or resumption to report.

use bucketload_archive::{DatabaseError, ImportStart, StoredImport};
use bucketload_model::{
    ErrorClass, ImportId, ImportReport, ImportState, ProgressEvent, RepositoryName, Stage,
};
use tokio::sync::watch;

use crate::failure::{StageError, describe};
use crate::stages::{Listing, StageContext};
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
    /// the archive up to date.
    ///
    /// A failure of Bitbucket, of git or of the caller's patience is no error
    /// here: it stands in the outcome, and the import can be resumed.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn import(
        &self,
        name: &RepositoryName,
        selection: &Selection,
    ) -> Result<ImportOutcome, ImportError> {
        let interrupted = self.interrupted(name, selection).await?;
        let import = match &interrupted {
            Some(import) => import.id,
            None => ImportId::new(self.clock.now()),
        };
        self.record_start(name, selection, import, interrupted.is_some())
            .await?;
        self.sink.emit(ProgressEvent::ImportStarted {
            repository: name.clone(),
            stages: selection.stages().to_vec(),
            resumed: interrupted.is_some(),
        });
        let context = StageContext {
            importer: self.clone(),
            import,
            name: name.clone(),
            repository: None,
            listing: watch::Sender::new(Listing::default()),
            before: self.archive.stage_states(import).await?,
            cancel: self.cancel.child_token(),
        };
        // The futures of all stages are part of this one: 17 KiB.
        let failure = Box::pin(run_stages(context)).await?;
        let report = self.record_end(import, failure.as_ref()).await?;
        self.sink.emit(ProgressEvent::ImportFinished {
            repository: name.clone(),
            report: Box::new(report.clone()),
        });
        Ok(ImportOutcome { report, failure })
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

    async fn record_start(
        &self,
        name: &RepositoryName,
        selection: &Selection,
        import: ImportId,
        resumed: bool,
    ) -> Result<(), ImportError> {
        let previous = self.archive.latest_import(name).await?;
        let mut transaction = self.archive.begin().await?;
        if resumed {
            transaction
                .set_import_state(import, ImportState::Running, None, None)
                .await?;
        } else {
            // One that was killed and will not be resumed, because other stages
            // are wanted now, must not look as if it still ran.
            if let Some(old) = previous.filter(|old| old.state == ImportState::Running) {
                transaction
                    .set_import_state(
                        old.id,
                        ImportState::Cancelled,
                        Some("another selection of stages was imported instead"),
                        Some(self.clock.now()),
                    )
                    .await?;
            }
            let start = ImportStart {
                id: import,
                name,
                stages: selection.stages(),
                now: self.clock.now(),
            };
            transaction.start_import(&start).await?;
        }
        Ok(transaction.commit().await?)
    }

    async fn record_end(
        &self,
        import: ImportId,
        failure: Option<&Failure>,
    ) -> Result<ImportReport, ImportError> {
        let vanished = ImportError::Vanished(import);
        let report = self.archive.report(import).await?.ok_or(vanished)?;
        let state = match failure.map(|failure| failure.error.class()) {
            Some(ErrorClass::Cancelled) => ImportState::Cancelled,
            Some(ErrorClass::RateLimited) => ImportState::Waiting,
            Some(_) => ImportState::Failed,
            None if report.gaps.is_empty() && report.missing() == 0 => ImportState::Complete,
            None => ImportState::CompleteWithGaps,
        };
        let reason =
            failure.map(|failure| format!("{}: {}", failure.stage, describe(&failure.error)));
        let mut transaction = self.archive.begin().await?;
        transaction
            .set_import_state(import, state, reason.as_deref(), Some(self.clock.now()))
            .await?;
        for removal in self.client.announced_removals() {
            transaction
                .put_announced_removal(&removal, self.clock.now())
                .await?;
        }
        transaction.commit().await?;
        let vanished = ImportError::Vanished(import);
        self.archive.report(import).await?.ok_or(vanished)
    }
}

/// Runs the graph of stages and returns the failure that matters most, if any.
async fn run_stages(mut context: StageContext) -> Result<Option<Failure>, ImportError> {
    if let Err(error) = context.run(Stage::Repository).await {
        return Ok(Some(Failure {
            stage: Stage::Repository,
            error,
        }));
    }
    let archive = &context.importer.archive;
    let stored = archive.latest_import(&context.name).await?;
    if let Some(uuid) = stored.and_then(|import| import.repository) {
        context.repository = archive.repository_by_uuid(&uuid).await?;
    }
    let context = &context;
    let run = async |stage| {
        let result = context.run(stage).await;
        // However a list ended, and even if it was not wanted: nobody should wait for
        // more of it.
        context.listing.send_modify(|listing| match stage {
            Stage::PullRequests => listing.is_over = true,
            Stage::PullRequestActivity => listing.feed.is_over = true,
            _ => {}
        });
        let error = result.err()?;
        if error.stops_everything() {
            context.cancel.cancel();
        }
        Some(Failure { stage, error })
    };
    let (git, users, pull_requests, comments, activity) = tokio::join!(
        run(Stage::Git),
        run(Stage::Users),
        run(Stage::PullRequests),
        run(Stage::PullRequestComments),
        run(Stage::PullRequestActivity),
    );
    let failures = [git, users, pull_requests, comments, activity];
    if let Some(failure) = most_important(failures.into_iter().flatten()) {
        return Ok(Some(failure));
    }
    Ok(run(Stage::Finish).await)
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
