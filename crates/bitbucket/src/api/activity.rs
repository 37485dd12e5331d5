//! The activity of all pull requests, and of one.

use bucketload_model::{PullRequestId, RepositoryName};

use crate::{Client, Endpoint, PageUrl};

impl Client {
    /// What happened to all pull requests of a repository, as
    /// [`Activity`](crate::Activity), newest first. Deleted comments are left out.
    pub fn activity(&self, name: &RepositoryName) -> (Endpoint, PageUrl) {
        self.list_below(
            Endpoint::PullRequestsActivity,
            name,
            &["pullrequests", "activity"],
        )
    }

    /// What happened to one pull request, as [`Activity`](crate::Activity), newest first.
    pub fn pull_request_activity(
        &self,
        name: &RepositoryName,
        id: PullRequestId,
    ) -> (Endpoint, PageUrl) {
        self.list_of_pull_request(Endpoint::PullRequestActivity, name, id, "activity")
    }
}
