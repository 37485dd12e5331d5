//! `/repositories/{workspace}/{repo_slug}/refs`.

use bucketload_model::RepositoryName;

use crate::{Client, Endpoint, PageUrl};

impl Client {
    /// Branches and tags together, as [`Ref`](crate::Ref).
    pub fn refs(&self, name: &RepositoryName) -> (Endpoint, PageUrl) {
        self.list_below(Endpoint::Refs, name, &["refs"])
    }

    /// The branches, as [`Ref`](crate::Ref), with the merge strategies that each allows.
    pub fn branches(&self, name: &RepositoryName) -> (Endpoint, PageUrl) {
        self.list_below(Endpoint::Branches, name, &["refs", "branches"])
    }

    /// The tags, as [`Ref`](crate::Ref).
    pub fn tags(&self, name: &RepositoryName) -> (Endpoint, PageUrl) {
        self.list_below(Endpoint::Tags, name, &["refs", "tags"])
    }
}
