//! `/repositories/{workspace}/{repo_slug}/pullrequests` and what is below it.

use bucketload_model::{PullRequestId, RepositoryName};
use chrono::{DateTime, SecondsFormat, Utc};

use crate::error::RequestError;
use crate::{Answer, Client, Endpoint, PageUrl, PullRequest};

/// Which pull requests a list has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PullRequestFilter {
    /// Those that changed at or after this time, by Bitbucket's clock. What is
    /// changed while the list is read stays in it, so pages may repeat an object
    /// and never skip one.
    pub updated_since: Option<DateTime<Utc>>,
    /// Those that were opened at or after this time.
    pub created_since: Option<DateTime<Utc>>,
    /// Those with comments that are not deleted.
    pub has_comments: bool,
    /// Those with tasks that are open.
    pub has_tasks: bool,
}

impl Client {
    /// Every [`PullRequest`] of all four states, oldest first, with reviewers and
    /// participants, which the list leaves out unless asked.
    pub fn pull_requests(&self, name: &RepositoryName) -> (Endpoint, PageUrl) {
        let mut url = self.below(name, &["pullrequests"]);
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

    /// The same list of those alone that a filter lets through.
    pub fn pull_requests_matching(
        &self,
        name: &RepositoryName,
        filter: &PullRequestFilter,
    ) -> (Endpoint, PageUrl) {
        let (endpoint, mut first) = self.pull_requests(name);
        let at_or_after = |field: &str, since: DateTime<Utc>| {
            let since = since.to_rfc3339_opts(SecondsFormat::Secs, true);
            format!("{field}>={since}")
        };
        let updated = filter.updated_since;
        let updated = updated.map(|since| at_or_after("updated_on", since));
        let created = filter.created_since;
        let created = created.map(|since| at_or_after("created_on", since));
        let commented = filter.has_comments.then(|| "comment_count>0".to_owned());
        let tasks = filter.has_tasks.then(|| "task_count>0".to_owned());
        let conditions = [updated, created, commented, tasks].into_iter().flatten();
        let conditions: Vec<String> = conditions.collect();
        if !conditions.is_empty() {
            let mut query = first.0.query_pairs_mut();
            query.append_pair("q", &conditions.join(" AND "));
        }
        (endpoint, first)
    }

    /// One pull request with all that Bitbucket says of it.
    ///
    /// # Errors
    ///
    /// When the request fails for good.
    pub async fn pull_request(
        &self,
        name: &RepositoryName,
        id: PullRequestId,
    ) -> Result<Answer<PullRequest>, RequestError> {
        let url = self.below(name, &["pullrequests", &id.to_string()]);
        self.get_object(Endpoint::PullRequest, &url).await
    }

    /// The discussion of one pull request as [`Comment`](crate::Comment)s, deleted
    /// ones included.
    pub fn pull_request_comments(
        &self,
        name: &RepositoryName,
        id: PullRequestId,
    ) -> (Endpoint, PageUrl) {
        self.list_of_pull_request(Endpoint::PullRequestComments, name, id, "comments")
    }

    /// The [`Task`](crate::Task)s of one pull request, resolved ones included;
    /// `task_count` counts only the others, so 0 does not mean that there are none.
    pub fn pull_request_tasks(
        &self,
        name: &RepositoryName,
        id: PullRequestId,
    ) -> (Endpoint, PageUrl) {
        self.list_of_pull_request(Endpoint::PullRequestTasks, name, id, "tasks")
    }

    /// What builds said of one pull request, as [`CommitStatus`](crate::CommitStatus).
    pub fn pull_request_statuses(
        &self,
        name: &RepositoryName,
        id: PullRequestId,
    ) -> (Endpoint, PageUrl) {
        self.list_of_pull_request(Endpoint::PullRequestStatuses, name, id, "statuses")
    }

    /// The [`Commit`](crate::Commit)s of one pull request, newest first. Empty when
    /// the source branch is gone, 404 when the fork is.
    pub fn pull_request_commits(
        &self,
        name: &RepositoryName,
        id: PullRequestId,
    ) -> (Endpoint, PageUrl) {
        self.list_of_pull_request(Endpoint::PullRequestCommits, name, id, "commits")
    }
}
