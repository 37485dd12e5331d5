//! `/workspaces/{workspace}` and what is below it.

use bucketload_model::WorkspaceSlug;

use crate::error::RequestError;
use crate::{Answer, Client, Endpoint, PageUrl, Project, Workspace};

use super::largest_pages;

impl Client {
    /// One workspace.
    ///
    /// # Errors
    ///
    /// When the request fails for good.
    pub async fn workspace(
        &self,
        workspace: &WorkspaceSlug,
    ) -> Result<Answer<Workspace>, RequestError> {
        let url = self.address(&["workspaces", workspace.as_str()]);
        self.get_object(Endpoint::Workspace, &url).await
    }

    /// Everybody who is a member of a workspace, as
    /// [`Membership`](crate::Membership). Needs the scope `account`.
    pub fn members(&self, workspace: &WorkspaceSlug) -> (Endpoint, PageUrl) {
        let url = self.address(&["workspaces", workspace.as_str(), "members"]);
        largest_pages(Endpoint::Members, url)
    }

    /// The [`Project`]s of a workspace.
    pub fn projects(&self, workspace: &WorkspaceSlug) -> (Endpoint, PageUrl) {
        let url = self.address(&["workspaces", workspace.as_str(), "projects"]);
        largest_pages(Endpoint::Projects, url)
    }

    /// One project, by its key.
    ///
    /// # Errors
    ///
    /// When the request fails for good.
    pub async fn project(
        &self,
        workspace: &WorkspaceSlug,
        key: &str,
    ) -> Result<Answer<Project>, RequestError> {
        let url = self.address(&["workspaces", workspace.as_str(), "projects", key]);
        self.get_object(Endpoint::Project, &url).await
    }
}
