//! `/repositories/{workspace}/{repo_slug}/commits` and `…/commit/{commit}`.

use bucketload_model::{CommitHash, RepositoryName};

use crate::error::RequestError;
use crate::{Answer, Client, Commit, Endpoint, PageUrl};

impl Client {
    /// Every [`Commit`] that a branch or tag reaches, newest first.
    pub fn commits(&self, name: &RepositoryName) -> (Endpoint, PageUrl) {
        self.list_below(Endpoint::Commits, name, &["commits"])
    }

    /// One commit, by the 12 digits that pull requests show or by the whole hash;
    /// the answer has the whole one.
    ///
    /// # Errors
    ///
    /// When the request fails for good; 404 when no such commit is left.
    pub async fn commit(
        &self,
        name: &RepositoryName,
        hash: &CommitHash,
    ) -> Result<Answer<Commit>, RequestError> {
        let url = self.below(name, &["commit", hash.as_str()]);
        self.get_object(Endpoint::Commit, &url).await
    }
}
