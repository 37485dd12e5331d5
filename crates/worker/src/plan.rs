//! What an import would do and cost, before it does anything.

use bucketload_bitbucket::{Endpoint, PullRequestFilter, RequestError, RequestErrorKind};
use bucketload_model::{RepositoryName, Stage};
use serde::Serialize;

use crate::failure::StageError;
use crate::stages::covered;
use crate::{Importer, Selection};

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
    /// Whether only what changed will be listed. It may be stored already.
    is_update: bool,
    members: Option<u64>,
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
        let repository = self.client.repository(name).await?.item.value.uuid;
        let mut reported = Reported::default();
        let mut filter = PullRequestFilter::default();
        if let Some(covered) = covered(self, &repository).await? {
            reported.is_update = true;
            filter.updated_since = Some(covered.until);
        }
        if selection.contains(Stage::PullRequests) {
            reported.pull_requests = self.size(name, &filter).await?;
        }
        if selection.contains(Stage::PullRequestComments) {
            filter.has_comments = true;
            reported.commented = self.size(name, &filter).await?;
        }
        if selection.contains(Stage::Users) && !self.client.credential().is_anonymous() {
            let (endpoint, url) = self.client.members(&name.workspace);
            reported.members = allowed(self.client.size(endpoint, &url).await)?;
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
fn allowed(size: Result<Option<u64>, RequestError>) -> Result<Option<u64>, StageError> {
    match size {
        Ok(size) => Ok(size),
        Err(error) if error.class().is_about_one_list() => Ok(None),
        Err(error) if matches!(error.kind, RequestErrorKind::Status { status: 400, .. }) => {
            Ok(None)
        }
        Err(error) => Err(error.into()),
    }
}

fn plan_stage(stage: Stage, reported: &Reported) -> StagePlan {
    let pages = |objects: Option<u64>, endpoint: Endpoint| {
        objects.map_or(1, |count| count.div_ceil(endpoint.page_length()).max(1))
    };
    let (objects, requests_min, requests_max) = match stage {
        Stage::Repository => (Some(1), 1, 1),
        Stage::Git | Stage::Finish => (None, 0, 0),
        Stage::Users => match reported.members {
            // Read within the last hour for another repository, it is not read again.
            Some(_) => (
                reported.members,
                0,
                pages(reported.members, Endpoint::Members),
            ),
            None => (None, 0, 0),
        },
        Stage::PullRequests => {
            let pages = pages(reported.pull_requests, Endpoint::PullRequests);
            (reported.pull_requests, pages, pages)
        }
        // One page for each discussion; one of more than a hundred comments takes
        // another for every further hundred.
        Stage::PullRequestComments => match (reported.commented, reported.is_update) {
            (Some(commented), false) => (None, commented, commented),
            (Some(commented), true) => (None, 0, commented),
            (None, _) => (None, 0, reported.pull_requests.unwrap_or_default()),
        },
    };
    StagePlan {
        name: stage,
        objects,
        requests_min,
        requests_max,
    }
}
