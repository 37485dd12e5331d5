//! Issues and what belongs to them.
//!
//! Bitbucket removed them on 20 August 2026 (CHANGE-3071): everything here is 410,
//! class [`Gone`](bucketload_model::ErrorClass::Gone), on bitbucket.org. Recordings
//! from before still answer.

use bucketload_model::{IssueId, RepositoryName};
use chrono::{DateTime, SecondsFormat, Utc};

use crate::{Client, Endpoint, PageUrl};

impl Client {
    /// Every [`Issue`](crate::Issue) of a repository, oldest first.
    pub fn issues(&self, name: &RepositoryName) -> (Endpoint, PageUrl) {
        let (endpoint, PageUrl(mut url)) = self.list_below(Endpoint::Issues, name, &["issues"]);
        // No change shifts it, and no two have the same: imported ones may be made at one time.
        url.query_pairs_mut().append_pair("sort", "id");
        (endpoint, PageUrl(url))
    }

    /// The same list of those alone that changed at or after this time, by Bitbucket's clock.
    pub fn issues_changed_since(
        &self,
        name: &RepositoryName,
        since: DateTime<Utc>,
    ) -> (Endpoint, PageUrl) {
        let (endpoint, PageUrl(mut url)) = self.issues(name);
        let since = since.to_rfc3339_opts(SecondsFormat::Secs, true);
        let q = format!("updated_on>={since}");
        url.query_pairs_mut().append_pair("q", &q);
        (endpoint, PageUrl(url))
    }

    /// The [`IssueComment`](crate::IssueComment)s of an issue. Those without text
    /// carry a change.
    pub fn issue_comments(&self, name: &RepositoryName, id: IssueId) -> (Endpoint, PageUrl) {
        self.list_of_issue(Endpoint::IssueComments, name, id, "comments")
    }

    /// What was changed in an issue, as [`IssueChange`](crate::IssueChange). Some
    /// issues answer 500 for ever.
    pub fn issue_changes(&self, name: &RepositoryName, id: IssueId) -> (Endpoint, PageUrl) {
        self.list_of_issue(Endpoint::IssueChanges, name, id, "changes")
    }

    /// The files of an issue, as [`IssueAttachment`](crate::IssueAttachment).
    pub fn issue_attachments(&self, name: &RepositoryName, id: IssueId) -> (Endpoint, PageUrl) {
        self.list_of_issue(Endpoint::IssueAttachments, name, id, "attachments")
    }

    /// One of these files, for [`Client::file`]; absent where no address can name it.
    pub fn issue_attachment(
        &self,
        name: &RepositoryName,
        id: IssueId,
        filename: &str,
    ) -> Option<(Endpoint, PageUrl)> {
        let list = ["issues", &id.to_string(), "attachments"];
        self.file_below(Endpoint::IssueAttachment, name, &list, filename)
    }

    /// The components that issues are about, as [`IssueField`](crate::IssueField).
    pub fn components(&self, name: &RepositoryName) -> (Endpoint, PageUrl) {
        self.list_below(Endpoint::Components, name, &["components"])
    }

    /// The milestones that issues are due for, as [`IssueField`](crate::IssueField).
    pub fn milestones(&self, name: &RepositoryName) -> (Endpoint, PageUrl) {
        self.list_below(Endpoint::Milestones, name, &["milestones"])
    }

    /// The versions that issues were found in, as [`IssueField`](crate::IssueField).
    pub fn versions(&self, name: &RepositoryName) -> (Endpoint, PageUrl) {
        self.list_below(Endpoint::Versions, name, &["versions"])
    }

    fn list_of_issue(
        &self,
        endpoint: Endpoint,
        name: &RepositoryName,
        id: IssueId,
        list: &str,
    ) -> (Endpoint, PageUrl) {
        self.list_below(endpoint, name, &["issues", &id.to_string(), list])
    }
}
