//! What an import would do and cost, before it does anything.

use bucketload_bitbucket::{Endpoint, RequestError};
use bucketload_model::{RepositoryName, Stage};
use serde::Serialize;

use crate::failure::StageError;
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
        self.client.repository(name).await?;
        let mut pull_requests = None;
        let wants_lists = selection.contains(Stage::PullRequests)
            || selection.contains(Stage::PullRequestComments);
        if wants_lists {
            let (endpoint, url) = self.client.pull_requests(name);
            pull_requests = reported(self.client.size(endpoint, &url).await)?;
        }
        let mut members = None;
        if selection.contains(Stage::Users) && !self.client.credential().is_anonymous() {
            let (endpoint, url) = self.client.members(&name.workspace);
            members = reported(self.client.size(endpoint, &url).await)?;
        }
        let stages: Vec<StagePlan> = selection
            .stages()
            .iter()
            .map(|stage| plan_stage(*stage, pull_requests, members))
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
}

/// A list that may not be read will be a gap of the import, not an error of its plan.
fn reported(size: Result<Option<u64>, RequestError>) -> Result<Option<u64>, StageError> {
    match size {
        Ok(size) => Ok(size),
        Err(error) if error.class().is_about_one_list() => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn plan_stage(stage: Stage, pull_requests: Option<u64>, members: Option<u64>) -> StagePlan {
    let pages = |objects: Option<u64>, page| objects.map_or(1, |n| n.div_ceil(page).max(1));
    let (objects, requests_min, requests_max) = match stage {
        Stage::Repository => (Some(1), 1, 1),
        Stage::Git | Stage::Finish => (None, 0, 0),
        Stage::Users => match members {
            Some(_) => (members, 0, pages(members, Endpoint::Members.page_length())),
            None => (None, 0, 0),
        },
        Stage::PullRequests => {
            let pages = pages(pull_requests, Endpoint::PullRequests.page_length());
            (pull_requests, pages, pages)
        }
        // One page for each pull request with comments, and nobody says beforehand
        // how many those are.
        Stage::PullRequestComments => (None, 0, pull_requests.unwrap_or_default()),
    };
    StagePlan {
        name: stage,
        objects,
        requests_min,
        requests_max,
    }
}
