//! `/repositories/{workspace}` and `/repositories/{workspace}/{repo_slug}`.

use bucketload_model::{RepositoryName, WorkspaceSlug};

use crate::error::RequestError;
use crate::{Answer, Client, Endpoint, PageUrl, Repository};

impl Client {
    /// One repository.
    ///
    /// # Errors
    ///
    /// When the request fails for good. A private repository is 404 for those
    /// who may not see it.
    pub async fn repository(
        &self,
        name: &RepositoryName,
    ) -> Result<Answer<Repository>, RequestError> {
        let url = self.address(&["repositories", name.workspace.as_str(), name.slug.as_str()]);
        self.get_object(Endpoint::Repository, &url).await
    }

    /// Every repository of a workspace that the credential may read, oldest first.
    pub fn repositories(&self, workspace: &WorkspaceSlug) -> (Endpoint, PageUrl) {
        let mut url = self.address(&["repositories", workspace.as_str()]);
        // A stable order keeps pages from shifting under us.
        url.query_pairs_mut()
            .append_pair("pagelen", &Endpoint::Repositories.page_length().to_string())
            .append_pair("sort", "created_on");
        (Endpoint::Repositories, PageUrl(url))
    }
}
