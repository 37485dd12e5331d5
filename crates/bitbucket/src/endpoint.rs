//! The kinds of thing that are asked for, for counting.

use std::fmt;

/// A family of endpoints. Reports count requests by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Endpoint {
    /// `GET /repositories/{workspace}/{repo_slug}`.
    Repository,
    /// `GET /repositories/{workspace}`.
    Repositories,
    /// `GET /workspaces/{workspace}/members`.
    Members,
    /// `GET /repositories/{workspace}/{repo_slug}/pullrequests`.
    PullRequests,
    /// `GET /repositories/{workspace}/{repo_slug}/pullrequests/{id}/comments`.
    PullRequestComments,
}

impl Endpoint {
    /// The name in reports: the words of the path.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Repository => "repository",
            Self::Repositories => "repositories",
            Self::Members => "members",
            Self::PullRequests => "pullrequests",
            Self::PullRequestComments => "pullrequests/comments",
        }
    }
}

impl Endpoint {
    /// Objects on a page, the most that Bitbucket allows: more is answered
    /// with 400.
    pub const fn page_length(self) -> u64 {
        match self {
            Self::PullRequests => 50,
            Self::Repository | Self::Repositories | Self::Members | Self::PullRequestComments => {
                100
            }
        }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
