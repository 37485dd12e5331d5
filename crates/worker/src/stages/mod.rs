//! One file per stage, and what they share.

mod accounts;
mod children;
mod comment_source;
mod copies;
mod downloads;
mod files;
mod finish;
mod git;
mod images;
mod issue_attachments;
mod issue_children;
mod issue_tracker;
mod issues;
mod lfs;
mod lfs_fetch;
pub(crate) mod pull_request_activity;
mod pull_request_comments;
mod pull_request_diffs;
mod pull_request_statuses;
mod pull_request_tasks;
mod pull_requests;
mod repository;
pub(crate) mod settings;
mod transfer;
mod users;
mod wiki;

pub(crate) use accounts::account_records;
pub(crate) use comment_source::{CommentSource, foresee};
pub(crate) use copies::BroughtMirrors;
pub(crate) use downloads::{fresh as fresh_downloads, is_same as is_same_download};
pub(crate) use files::shown_name;
pub(crate) use issue_tracker::has_issues;
pub(crate) use issues::FIELD_LISTS;
pub(crate) use pull_request_activity::record as activity_record;
pub(crate) use pull_request_comments::record as comment_record;
pub(crate) use pull_request_diffs::COMMIT;
pub(crate) use pull_requests::{covered, record as pull_request_record};
pub(crate) use settings::{Document, project_key};

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bucketload_archive::{IssueOrigin, PeopleMet, StoredRepository, Transaction};
use bucketload_bitbucket::{Account, Endpoint, Loose, Page, PageUrl, RequestError};
use bucketload_model::{
    Checkpoint, Fence, Gap, GapReason, ImportId, ProgressEvent, RepositoryName, Stage, StageReport,
    StageState,
};
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;

use self::accounts::account_uuid;
use crate::Importer;
use crate::failure::{StageError, describe};

/// What a stage works with.
#[derive(Debug, Clone)]
pub(crate) struct StageContext {
    pub(crate) importer: Importer,
    pub(crate) import: ImportId,
    /// Which claim of the import this is.
    pub(crate) fence: Fence,
    pub(crate) name: RepositoryName,
    /// Known to every stage but the first.
    pub(crate) repository: Option<StoredRepository>,
    /// How the lists come along.
    pub(crate) listing: watch::Sender<Listing>,
    /// Where the stages stood when this run began.
    pub(crate) before: BTreeMap<Stage, StageState>,
    /// The mirrors that this run has made what other machines know.
    pub(crate) brought: Arc<BroughtMirrors>,
    /// Has this import's stages come to an end, and only them: no request more is sent, a
    /// git transfer is broken off.
    pub(crate) ending: CancellationToken,
    /// Stops them at once; whoever cancels it cancels `ending`, too.
    pub(crate) cancel: CancellationToken,
}

/// Bitbucket's servers need not agree on the time, nor see a change at once.
const OVERLAP: chrono::Duration = chrono::Duration::minutes(5);

/// How the lists come along, for the stages at their heels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Listing {
    /// Pages of pull requests stored so far.
    pub(crate) pages: u64,
    /// The stages of which no more will come: ended, stopped or left out.
    pub(crate) ended: Ended,
    /// Whether any was new or changed, or may have been.
    pub(crate) may_have_changes: bool,
    /// Whether every discussion is read for the first time, and in its own list.
    pub(crate) comments_in_lists: bool,
    /// Whether the issue tracker answers.
    pub(crate) issues_come: bool,
    /// Shapes of comments that are stored of the activity.
    pub(crate) shapes: usize,
}

/// A set of stages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Ended(u32);

impl Ended {
    pub(crate) const fn insert(&mut self, stage: Stage) {
        self.0 |= 1 << stage as u32;
    }

    pub(crate) const fn contains(self, stage: Stage) -> bool {
        self.0 & (1 << stage as u32) != 0
    }
}

impl StageContext {
    /// The repository, which the first stage has stored.
    pub(crate) fn repository(&self) -> Result<&StoredRepository, StageError> {
        self.repository.as_ref().ok_or(StageError::Lost)
    }

    /// Begins to write. The only way for a stage: it makes sure that the import is still
    /// this run's. A checkpoint that is new brings the import forward.
    pub(crate) async fn begin(&self) -> Result<Transaction, StageError> {
        self.begin_as(false).await
    }

    /// Begins to write what brings the import forward though no checkpoint says so.
    pub(crate) async fn begin_progress(&self) -> Result<Transaction, StageError> {
        self.begin_as(true).await
    }

    async fn begin_as(&self, progress: bool) -> Result<Transaction, StageError> {
        let mut transaction = self.importer.archive.begin().await?;
        let is_ours = transaction
            .check_fence(self.import, self.fence, progress)
            .await?;
        if is_ours {
            Ok(transaction)
        } else {
            Err(StageError::LeaseLost)
        }
    }

    pub(crate) fn emit(&self, event: ProgressEvent) {
        self.importer.sink.emit(event);
    }

    pub(crate) fn advanced(&self, stage: Stage, stored: u64, expected: Option<u64>) {
        self.emit(ProgressEvent::StageAdvanced {
            repository: self.name.clone(),
            stage,
            stored,
            expected,
        });
    }

    /// Records what is missing, and what finding out cost.
    pub(crate) async fn record_gap(
        &self,
        gap: Gap,
        endpoint: &str,
        requests: u64,
    ) -> Result<(), StageError> {
        let mut transaction = self.begin().await?;
        transaction.add_gap(self.import, &gap).await?;
        transaction
            .add_requests(self.import, endpoint, requests)
            .await?;
        transaction.commit().await?;
        self.announce_gap(gap);
        Ok(())
    }

    pub(crate) fn announce_gap(&self, gap: Gap) {
        tracing::warn!(
            repository = %self.name,
            stage = %gap.stage,
            object = %gap.object,
            reason = %gap.reason,
            detail = %gap.detail,
            "something is missing"
        );
        self.emit(ProgressEvent::GapRecorded {
            repository: self.name.clone(),
            gap,
        });
    }

    /// Runs one stage from its start or checkpoint to its end, unless it has
    /// ended before.
    pub(crate) async fn run(&self, stage: Stage) -> Result<(), StageError> {
        if self.is_over(stage) {
            return Ok(());
        }
        let span = tracing::info_span!("stage", %stage);
        self.run_stage(stage).instrument(span).await
    }

    async fn run_stage(&self, stage: Stage) -> Result<(), StageError> {
        let mut transaction = self.begin().await?;
        let now = self.importer.clock.now();
        transaction.start_stage(self.import, stage, now).await?;
        transaction.commit().await?;
        let counts = self.count(stage).await?;
        self.emit(ProgressEvent::StageStarted {
            repository: self.name.clone(),
            stage,
            stored: counts.stored,
            expected: counts.expected,
        });
        tracing::debug!(stored = counts.stored, "stage begins");

        let began = Instant::now();
        // A large future: 18 KiB.
        let work = Box::pin(self.dispatch(stage));
        let result = match stage {
            _ if self.ending.is_cancelled() => Err(StageError::Cancelled),
            // It must not be dropped: it has a thread that writes, or a program.
            Stage::Git | Stage::Wiki => work.await,
            _ => self.unless_stopped(work).await.flatten(),
        };
        self.end_stage(stage, &result, began.elapsed()).await?;
        result
    }

    /// Waits until these stages have ended, however they did.
    pub(crate) async fn wait_for(&self, stages: &[Stage]) -> Result<(), StageError> {
        let mut listing = self.listing.subscribe();
        let have_ended =
            |listing: &Listing| stages.iter().all(|stage| listing.ended.contains(*stage));
        // The sender lives in the context.
        let ended = listing.wait_for(have_ended).await;
        ended.map(drop).map_err(|_| StageError::Lost)
    }

    /// Drops what is being done when the import is stopped.
    pub(crate) async fn unless_stopped<T>(
        &self,
        what: impl Future<Output = T>,
    ) -> Result<T, StageError> {
        tokio::select! {
            () = self.cancel.cancelled() => Err(StageError::Cancelled),
            result = what => Ok(result),
        }
    }

    /// Waits until a stage is over, however it ended.
    async fn after(&self, stage: Stage) -> Result<(), StageError> {
        let mut listing = self.listing.subscribe();
        tokio::select! {
            () = self.ending.cancelled() => Err(StageError::Cancelled),
            // The sender is ours.
            _ = listing.wait_for(|listing| listing.ended.contains(stage)) => Ok(()),
        }
    }

    /// Whether an earlier run has ended a stage, and nothing new can come for it.
    ///
    /// A stage with gaps is run once more when an import is resumed: its
    /// checkpoints make that cheap, and what was wanting may be there now. So is
    /// one whose objects come from a stage that is run once more.
    fn is_over(&self, stage: Stage) -> bool {
        let is_skipped = |stage: &Stage| self.before.get(stage) == Some(&StageState::Skipped);
        let has_ended = |stage: &Stage| {
            is_skipped(stage) || self.before.get(stage) == Some(&StageState::Complete)
        };
        is_skipped(&stage) || (has_ended(&stage) && stage.needs().iter().all(has_ended))
    }

    async fn dispatch(&self, stage: Stage) -> Result<(), StageError> {
        match stage {
            Stage::Repository => repository::run(self).await,
            Stage::Git => git::run(self).await,
            Stage::Lfs => lfs::run(self).await,
            Stage::Wiki => wiki::run(self).await,
            Stage::Users => users::run(self).await,
            Stage::PullRequests => pull_requests::run(self).await,
            Stage::PullRequestComments => pull_request_comments::run(self).await,
            Stage::PullRequestActivity => pull_request_activity::run(self).await,
            Stage::PullRequestTasks => pull_request_tasks::run(self).await,
            Stage::PullRequestStatuses => pull_request_statuses::run(self).await,
            Stage::PullRequestDiffs => pull_request_diffs::run(self).await,
            Stage::Settings => settings::run(self).await,
            Stage::Issues => issues::run(self).await,
            Stage::IssueComments => issue_children::run(self, &issue_children::Comments).await,
            Stage::IssueChanges => issue_children::run(self, &issue_children::Changes).await,
            Stage::IssueAttachments => issue_attachments::run(self).await,
            Stage::Downloads => downloads::run(self).await,
            Stage::Images => images::run(self).await,
            // Large: it may run others again.
            Stage::Finish => Box::pin(finish::run(self)).await,
        }
    }

    async fn end_stage(
        &self,
        stage: Stage,
        result: &Result<(), StageError>,
        took: Duration,
    ) -> Result<(), StageError> {
        let archive = &self.importer.archive;
        let gaps = archive.gaps(self.import).await?;
        let counts = self.count(stage).await?;
        let missing = counts.missing();
        let is_cut_short = self.is_cut_short(stage).await?;
        let state = match result {
            // More may come when the stage before it is resumed.
            Ok(()) if is_cut_short => StageState::Running,
            Ok(()) if missing == 0 && !gaps.iter().any(|gap| gap.stage == stage) => {
                StageState::Complete
            }
            Ok(()) => StageState::CompleteWithGaps,
            Err(StageError::Cancelled | StageError::LeaseLost) => StageState::Running,
            Err(_) => StageState::Failed,
        };
        let report = StageReport {
            name: stage,
            state,
            expected: counts.expected,
            stored: counts.stored,
            missing,
            left_out: counts.left_out,
            seconds: 0.0,
            requests_estimated: None,
        };
        let mut transaction = self.begin().await?;
        if let Err(StageError::Request(error) | StageError::Outage { source: error, .. }) = result {
            transaction
                .add_requests(self.import, error.endpoint.name(), error.requests)
                .await?;
        }
        transaction.finish_stage(self.import, &report, took).await?;
        let now = self.importer.clock.now();
        let words = match result {
            Err(error) => describe(error),
            Ok(()) => in_words(&report),
        };
        transaction
            .log_stage_end(self.import, now, stage, &words)
            .await?;
        transaction.commit().await?;
        self.emit(ProgressEvent::StageFinished {
            repository: self.name.clone(),
            stage,
            state,
            stored: counts.stored,
            expected: counts.expected,
            took,
        });
        tracing::debug!(
            %state,
            stored = counts.stored,
            duration_ms = took.as_millis(),
            "stage ends"
        );
        Ok(())
    }

    /// Whether a stage that this one works on could not end.
    async fn is_cut_short(&self, stage: Stage) -> Result<bool, StageError> {
        for need in stage.needs() {
            let archive = &self.importer.archive;
            let progress = archive.stage_progress(self.import, *need).await?;
            let is_open = |state| matches!(state, StageState::Failed | StageState::Running);
            if progress.is_some_and(|progress| is_open(progress.state)) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// What a stage's counts are now, all from the database.
    pub(crate) async fn count(&self, stage: Stage) -> Result<Counts, StageError> {
        let archive = &self.importer.archive;
        let progress = archive.stage_progress(self.import, stage).await?;
        let reported = progress.and_then(|progress| progress.expected);
        if stage == Stage::Repository {
            // Reported and stored in one transaction.
            return Ok(Counts::of(reported, reported.unwrap_or_default()));
        }
        let Some(repository) = &self.repository else {
            return Ok(Counts::default());
        };
        let uuid = &repository.uuid;
        Ok(match stage {
            Stage::Git => {
                let report = archive.report(self.import).await?;
                let refs = report.map(|report| report.git.refs);
                Counts::of(reported, refs.unwrap_or_default())
            }
            Stage::Lfs => {
                let tally = archive.tally_lfs(uuid).await?;
                Counts::of(Some(tally.expected), tally.stored)
            }
            Stage::Wiki => {
                let wiki = archive.wiki(uuid).await?;
                Counts::of(reported, wiki.map_or(0, |wiki| wiki.refs))
            }
            // People who were met and are no members do not make up for a member
            // who is missing. They are what there is where members are not shown.
            Stage::Users if reported.is_none() && self.are_members_hidden().await? => {
                Counts::of(None, archive.count_accounts(uuid).await?)
            }
            Stage::Users => {
                Counts::of(reported, archive.count_members(&self.name.workspace).await?)
            }
            Stage::PullRequests => Counts::of(reported, archive.count_pull_requests(uuid).await?),
            Stage::PullRequestComments => {
                let tally = archive.tally_comments(uuid).await?;
                Counts::of(Some(tally.expected), tally.stored)
            }
            Stage::PullRequestActivity => Counts::of(reported, archive.count_activity(uuid).await?),
            Stage::PullRequestTasks | Stage::PullRequestStatuses => {
                let tally = archive.tally_children(uuid, stage).await?;
                Counts::of(Some(tally.expected), tally.stored)
            }
            Stage::PullRequestDiffs => {
                let tally = archive.tally_diffs(uuid).await?;
                Counts::of(Some(tally.expected), tally.stored)
            }
            Stage::Settings => settings::count(self, uuid).await?,
            Stage::Issues
            | Stage::IssueComments
            | Stage::IssueChanges
            | Stage::IssueAttachments => issue_tracker::count(self, stage, reported).await?,
            Stage::Downloads => Counts::of(
                reported,
                archive.count_objects_with_file(uuid, stage).await?,
            ),
            Stage::Images => images::count(self, repository).await?,
            Stage::Repository | Stage::Finish => Counts::default(),
        })
    }
}

impl StageContext {
    async fn are_members_hidden(&self) -> Result<bool, StageError> {
        if self.importer.client.credential().is_anonymous() {
            return Ok(true);
        }
        let gaps = self.importer.archive.gaps(self.import).await?;
        Ok(gaps.iter().any(|gap| gap.stage == Stage::Users))
    }
}

/// Objects that were reported, and objects that are there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Counts {
    pub(crate) expected: Option<u64>,
    pub(crate) stored: u64,
    /// Objects that were met and are not wanted.
    pub(crate) left_out: u64,
}

impl Counts {
    const fn of(expected: Option<u64>, stored: u64) -> Self {
        Self {
            expected,
            stored,
            left_out: 0,
        }
    }

    pub(crate) fn missing(self) -> u64 {
        self.expected
            .map_or(0, |expected| expected.saturating_sub(self.stored))
    }
}

/// What a gap of a whole list or mirror is called.
const fn stage_object(stage: Stage) -> &'static str {
    match stage {
        Stage::Repository => "repository",
        Stage::Git => "git history",
        Stage::Lfs => "LFS objects",
        Stage::Wiki => "wiki",
        Stage::Users => "workspace members",
        Stage::PullRequests => "pull requests",
        Stage::PullRequestComments => "pull request comments",
        Stage::PullRequestActivity => "pull request activity",
        Stage::PullRequestTasks => "pull request tasks",
        Stage::PullRequestStatuses => "pull request statuses",
        Stage::PullRequestDiffs => "pull request diffs",
        Stage::Settings => "settings",
        Stage::Issues => "issues",
        Stage::IssueComments => "issue comments",
        Stage::IssueChanges => "issue changes",
        Stage::IssueAttachments => "issue attachments",
        Stage::Downloads => "downloads",
        Stage::Images => "images",
        Stage::Finish => "counts",
    }
}

/// Reads a checkpoint's address. One that is not on our host is no checkpoint of
/// ours.
fn page_url(context: &StageContext, endpoint: Endpoint, url: &str) -> Result<PageUrl, StageError> {
    let client = &context.importer.client;
    client.page_url(url).map_err(|kind| {
        StageError::from(RequestError {
            endpoint,
            url: client.api_url().clone(),
            requests: 0,
            kind,
        })
    })
}

/// A gap for each object on a page that could not be read.
fn unreadable<T>(context: &StageContext, stage: Stage, page: &Page<T>, what: &str) -> Vec<Gap> {
    let gaps = page.unreadable.iter().map(|item| Gap {
        stage,
        object: format!("{what}, object {} of {}", item.index + 1, page.url),
        reason: GapReason::Unreadable,
        detail: item.problem.clone(),
        url: Some(page.url.to_string()),
    });
    let gaps: Vec<Gap> = gaps.collect();
    if !gaps.is_empty() {
        tracing::debug!(repository = %context.name, %stage, "objects could not be read");
    }
    gaps
}

/// Ends the transaction of a page of a list: checkpoint, cost and gaps with the rows.
async fn end_page<T>(
    context: &StageContext,
    mut transaction: Transaction,
    stage: Stage,
    endpoint: &str,
    page: &Page<T>,
    expected: Option<u64>,
    gaps: Vec<Gap>,
) -> Result<(), StageError> {
    let checkpoint = match &page.next {
        Some(next) => Checkpoint::NextPage(next.to_string()),
        None => Checkpoint::EndOfList,
    };
    transaction
        .save_checkpoint(context.import, stage, &checkpoint, expected)
        .await?;
    transaction
        .add_requests(context.import, endpoint, page.requests)
        .await?;
    transaction
        .clear_gap(context.import, stage, stage_object(stage))
        .await?;
    for gap in &gaps {
        transaction.add_gap(context.import, gap).await?;
    }
    transaction.commit().await?;
    for gap in gaps {
        context.announce_gap(gap);
    }
    Ok(())
}

/// Notes who stands in the objects of a page: their accounts, and whom their texts mention.
async fn note_people<T: Sync>(
    context: &StageContext,
    transaction: &mut Transaction,
    page: &Page<T>,
    accounts: impl Iterator<Item = &Loose<Account>> + Send,
) -> Result<(), StageError> {
    let repository = &context.repository()?.uuid;
    let accounts: Vec<_> = account_records(accounts).collect();
    transaction
        .put_accounts(repository, context.import, accounts)
        .await?;
    let mut met = PeopleMet::default();
    for item in &page.items {
        met.learn(item.source.get(), IssueOrigin::Bitbucket);
    }
    let seen = context.import.began_at();
    Ok(transaction.put_people_met(repository, &met, seen).await?)
}

/// How a stage ended, for the log of its import.
fn in_words(report: &StageReport) -> String {
    let stored = report.stored;
    match (report.missing, report.expected) {
        (0, _) => format!("{stored} stored"),
        (missing, Some(expected)) => format!("{stored} of {expected} stored, {missing} missing"),
        (missing, None) => format!("{stored} stored, {missing} missing"),
    }
}
