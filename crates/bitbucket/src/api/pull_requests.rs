//! `/repositories/{workspace}/{repo_slug}/pullrequests` and what is below it.

use bucketload_model::{PullRequestId, RepositoryName};
use chrono::{DateTime, SecondsFormat, Utc};

use crate::{Client, Endpoint, PageUrl};

impl Client {
    /// Every pull request of all four states, oldest first, with reviewers and
    /// participants, which the list leaves out unless asked.
    pub fn pull_requests(&self, name: &RepositoryName) -> (Endpoint, PageUrl) {
        let mut url = self.address(&[
            "repositories",
            name.workspace.as_str(),
            name.slug.as_str(),
            "pullrequests",
        ]);
        let mut query = url.query_pairs_mut();
        for state in ["OPEN", "MERGED", "DECLINED", "SUPERSEDED"] {
            query.append_pair("state", state);
        }
        query
            .append_pair("pagelen", &Endpoint::PullRequests.page_length().to_string())
            // The one order in which a change during the crawl shifts nothing.
            .append_pair("sort", "created_on")
            .append_pair("fields", "+values.reviewers,+values.participants");
        drop(query);
        (Endpoint::PullRequests, PageUrl(url))
    }

    /// The same list of those alone that changed at or after `since`, by
    /// Bitbucket's clock. What is changed while the list is read stays in it, so
    /// pages may repeat an object and never skip one.
    pub fn pull_requests_since(
        &self,
        name: &RepositoryName,
        since: DateTime<Utc>,
    ) -> (Endpoint, PageUrl) {
        let (endpoint, mut first) = self.pull_requests(name);
        let since = since.to_rfc3339_opts(SecondsFormat::Secs, true);
        first
            .0
            .query_pairs_mut()
            .append_pair("q", &format!("updated_on>={since}"));
        (endpoint, first)
    }

    /// The discussion of one pull request, deleted comments included.
    pub fn pull_request_comments(
        &self,
        name: &RepositoryName,
        id: PullRequestId,
    ) -> (Endpoint, PageUrl) {
        let mut url = self.address(&[
            "repositories",
            name.workspace.as_str(),
            name.slug.as_str(),
            "pullrequests",
            &id.to_string(),
            "comments",
        ]);
        url.query_pairs_mut().append_pair(
            "pagelen",
            &Endpoint::PullRequestComments.page_length().to_string(),
        );
        (Endpoint::PullRequestComments, PageUrl(url))
    }
}
