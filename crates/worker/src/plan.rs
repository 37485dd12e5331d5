//! What an import would do and cost, before it does anything.

use bucketload_bitbucket::{Activity, Endpoint, PullRequestFilter, RequestError, RequestErrorKind};
use bucketload_model::{RepositoryName, RepositoryUuid, RequestEstimate, Stage};
use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::estimate::ActivityLength;
use crate::failure::StageError;
use crate::stages::{CommentSource, covered, foresee, fresh_downloads, settings};
use crate::{Importer, Selection, estimate};

/// What importing one repository would take.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RepositoryPlan {
    /// `workspace/slug`.
    pub source: String,
    /// Whether an interrupted import would go on. Then the counts below are those
    /// of the whole import, and less is left.
    pub resumes: bool,
    /// The stages, in order.
    pub stages: Vec<StagePlan>,
    /// REST requests at least.
    pub requests_min: u64,
    /// REST requests at most, if every answer comes at the first try.
    pub requests_max: u64,
    /// Hours that the most takes at the quota; null without a quota.
    pub hours_max: Option<f64>,
}

/// What one stage would take.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StagePlan {
    /// The stage.
    pub name: Stage,
    /// Objects that Bitbucket reports; null where it reports nothing beforehand.
    pub objects: Option<u64>,
    /// REST requests at least.
    pub requests_min: u64,
    /// REST requests at most.
    pub requests_max: u64,
}

/// What the lists report, as far as they do.
#[derive(Debug, Clone, Copy, Default)]
struct Reported {
    /// Pull requests that will be listed.
    pull_requests: Option<u64>,
    /// Those of them with comments.
    commented: Option<u64>,
    /// Whether every discussion will be read in its own list: neither may it be
    /// stored already, nor be in the activity.
    is_each_discussion_read: bool,
    /// Entries of activity.
    entries: Option<u64>,
    /// Whether only the news of the activity will be read.
    is_activity_update: bool,
    members: Option<u64>,
    /// Those of the pull requests with open tasks.
    with_tasks: Option<u64>,
    /// Pull requests that are stored, and what builds said of them is not.
    without_statuses: u64,
    /// What reading the settings takes.
    settings: RequestEstimate,
    /// Issues that will be listed; absent where none will.
    issues: Option<u64>,
    /// Whether they are asked for, though nobody may answer.
    is_tracker_asked: bool,
    downloads: Downloads,
}

/// What is known of the files beside the repository.
#[derive(Debug, Clone, Copy, Default)]
enum Downloads {
    /// Nothing.
    #[default]
    Unknown,
    /// None was read before.
    First(u64),
    /// Some of them may be there already.
    Later(u64),
    /// They were read a short while ago, and are not read again.
    Fresh(Option<u64>),
}

impl Importer {
    /// Plans an import of a repository with one small request for each list.
    ///
    /// # Errors
    ///
    /// When the repository cannot be read, or the database fails.
    pub async fn plan(
        &self,
        name: &RepositoryName,
        selection: &Selection,
    ) -> Result<RepositoryPlan, StageError> {
        let resumes = self.interrupted(name, selection).await?.is_some();
        let repository = self.client.repository(name).await?.item.value;
        let has_issues = repository.has_issues == Some(true);
        let updated_on = repository.updated_on.and_then(|text| text.parse().ok());
        let repository = repository.uuid;
        let mut reported = Reported::default();
        let mut filter = PullRequestFilter::default();
        let has_activity = selection.contains(Stage::PullRequestActivity);
        reported.is_each_discussion_read = !has_activity;
        if let Some(covered) = covered(self, &repository, Stage::PullRequests).await? {
            reported.is_each_discussion_read = false;
            filter.updated_since = Some(covered.until);
        }
        if has_activity {
            let stage = Stage::PullRequestActivity;
            let covered = self.archive.covered_list(&repository, stage).await?;
            reported.is_activity_update = covered.is_some() && !self.whole_lists;
        }
        if has_activity && !reported.is_activity_update {
            let (endpoint, url) = self.client.activity(name);
            let newest = self.client.page::<Activity>(endpoint, &url).await;
            if let Some(newest) = allowed(newest.map(Some))? {
                reported.entries = newest.size;
                let source = foresee(self, name, &newest).await;
                reported.is_each_discussion_read |=
                    source == Some(CommentSource::Lists) && filter.updated_since.is_none();
            }
        }
        if selection.contains(Stage::PullRequests) {
            reported.pull_requests = self.size(name, &filter).await?;
        }
        if selection.contains(Stage::PullRequestComments) {
            let filter = PullRequestFilter {
                has_comments: true,
                ..filter
            };
            reported.commented = self.size(name, &filter).await?;
        }
        if selection.contains(Stage::PullRequestTasks) {
            let filter = PullRequestFilter {
                has_tasks: true,
                ..filter
            };
            reported.with_tasks = self.size(name, &filter).await?;
        }
        if selection.contains(Stage::PullRequestStatuses) {
            let stage = Stage::PullRequestStatuses;
            let stored = self.archive.count_without_list(&repository, stage).await?;
            reported.without_statuses = stored;
        }
        if selection.contains(Stage::Users) && !self.client.credential().is_anonymous() {
            let (endpoint, url) = self.client.members(&name.workspace);
            reported.members = allowed(self.client.size(endpoint, &url).await)?;
        }
        if selection.contains(Stage::Settings) {
            let wanted = settings::wanted(self, &repository).await?;
            reported.settings = settings::estimate(&wanted);
        }
        if has_issues && selection.stages().iter().any(|stage| is_of_issues(*stage)) {
            reported.is_tracker_asked = selection.contains(Stage::Issues);
            reported.issues = self.issues_ahead(name, &repository).await?;
        }
        if selection.contains(Stage::Downloads) {
            let ahead = self.downloads_ahead(name, &repository, updated_on);
            reported.downloads = ahead.await?;
        }
        let stages: Vec<StagePlan> = selection
            .stages()
            .iter()
            .map(|stage| plan_stage(*stage, &reported))
            .collect();
        let requests_max = stages.iter().map(|stage| stage.requests_max).sum();
        let quota = self.client.hourly_quota();
        #[expect(clippy::cast_precision_loss, reason = "an estimate of hours")]
        let hours_max = quota.map(|quota| requests_max as f64 / f64::from(quota));
        Ok(RepositoryPlan {
            source: name.to_string(),
            resumes,
            requests_min: stages.iter().map(|stage| stage.requests_min).sum(),
            requests_max,
            hours_max,
            stages,
        })
    }

    async fn issues_ahead(
        &self,
        name: &RepositoryName,
        repository: &RepositoryUuid,
    ) -> Result<Option<u64>, StageError> {
        let covered = covered(self, repository, Stage::Issues).await?;
        let (endpoint, url) = match covered {
            Some(covered) => self.client.issues_changed_since(name, covered.until),
            None => self.client.issues(name),
        };
        allowed(self.client.size(endpoint, &url).await)
    }

    async fn downloads_ahead(
        &self,
        name: &RepositoryName,
        repository: &RepositoryUuid,
        updated_on: Option<DateTime<Utc>>,
    ) -> Result<Downloads, StageError> {
        if let Some(covered) = fresh_downloads(self, repository, updated_on).await? {
            return Ok(Downloads::Fresh(covered.expected));
        }
        let before = self.archive.covered_list(repository, Stage::Downloads);
        let is_first = before.await?.is_none();
        let (endpoint, url) = self.client.downloads(name);
        Ok(match allowed(self.client.size(endpoint, &url).await)? {
            None => Downloads::Unknown,
            Some(files) if is_first => Downloads::First(files),
            Some(files) => Downloads::Later(files),
        })
    }

    async fn size(
        &self,
        name: &RepositoryName,
        filter: &PullRequestFilter,
    ) -> Result<Option<u64>, StageError> {
        let (endpoint, url) = self.client.pull_requests_matching(name, filter);
        allowed(self.client.size(endpoint, &url).await)
    }
}

/// A list that may not be read will be a gap of the import, not an error of its
/// plan; a question that is not understood leaves the estimate wide.
fn allowed<T>(answer: Result<Option<T>, RequestError>) -> Result<Option<T>, StageError> {
    match answer {
        Ok(answer) => Ok(answer),
        Err(error) if error.class().is_about_one_list() => Ok(None),
        Err(error) if matches!(error.kind, RequestErrorKind::Status { status: 400, .. }) => {
            Ok(None)
        }
        Err(error) => Err(error.into()),
    }
}

/// Whether a stage has something to do with issues.
const fn is_of_issues(stage: Stage) -> bool {
    matches!(
        stage,
        Stage::Issues | Stage::IssueComments | Stage::IssueChanges | Stage::IssueAttachments
    )
}

fn plan_stage(stage: Stage, reported: &Reported) -> StagePlan {
    let one = RequestEstimate::exactly(1);
    let nothing = RequestEstimate::default();
    let (objects, estimate) = match stage {
        Stage::Repository => (Some(1), one),
        // Images are asked for without a credential, and count for no quota.
        Stage::Git | Stage::Lfs | Stage::Wiki | Stage::Images | Stage::Finish => (None, nothing),
        Stage::Users => (
            reported.members,
            // Read within the last hour for another repository, it is not read again.
            reported.members.map_or(nothing, |members| RequestEstimate {
                min: 0,
                ..estimate::list(members, Endpoint::Members)
            }),
        ),
        Stage::PullRequests => {
            let pages = |count| estimate::list(count, Endpoint::PullRequests);
            (
                reported.pull_requests,
                reported.pull_requests.map_or(one, pages),
            )
        }
        Stage::PullRequestComments => {
            let commented = reported.commented;
            let is_each_read = commented.is_some() && reported.is_each_discussion_read;
            let most = commented.or(reported.pull_requests).unwrap_or_default();
            (None, estimate::comments(most, is_each_read))
        }
        Stage::PullRequestActivity => {
            let length = match (reported.is_activity_update, reported.entries) {
                (true, _) => ActivityLength::News,
                (false, Some(entries)) => ActivityLength::Entries(entries),
                (false, None) => {
                    ActivityLength::PullRequests(reported.pull_requests.unwrap_or_default())
                }
            };
            (reported.entries, estimate::activity(length))
        }
        Stage::PullRequestTasks => {
            // Those of pull requests that have no open ones any more are read, too.
            let most = reported.pull_requests.or(reported.with_tasks);
            let estimate = RequestEstimate {
                min: reported.with_tasks.unwrap_or_default(),
                max: most.unwrap_or_default(),
            };
            (None, estimate)
        }
        Stage::PullRequestStatuses => {
            let listed = reported.pull_requests.unwrap_or_default();
            let estimate = RequestEstimate {
                min: reported.without_statuses.max(listed),
                max: reported.without_statuses + listed,
            };
            (None, estimate)
        }
        Stage::PullRequestDiffs => {
            // Which commits the clone will lack shows when it is there.
            let estimate = RequestEstimate {
                min: 0,
                max: reported.pull_requests.unwrap_or_default(),
            };
            (None, estimate)
        }
        Stage::Settings => (None, reported.settings),
        Stage::Issues if reported.is_tracker_asked && reported.issues.is_none() => (None, one),
        Stage::Issues | Stage::IssueComments | Stage::IssueChanges | Stage::IssueAttachments => (
            reported.issues.filter(|_| stage == Stage::Issues),
            reported
                .issues
                .map_or(nothing, |issues| estimate::issues(stage, issues)),
        ),
        Stage::Downloads => {
            let files = |files, is_first| {
                let estimate = estimate::files(files, Endpoint::Downloads, is_first);
                (Some(files), estimate)
            };
            match reported.downloads {
                Downloads::Unknown => (None, one),
                Downloads::First(count) => files(count, true),
                Downloads::Later(count) => files(count, false),
                Downloads::Fresh(count) => (count, nothing),
            }
        }
    };
    StagePlan {
        name: stage,
        objects,
        requests_min: estimate.min,
        requests_max: estimate.max,
    }
}
