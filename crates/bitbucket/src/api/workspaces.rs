//! `/workspaces/{workspace}/members`.

use bucketload_model::WorkspaceSlug;

use crate::{Client, Endpoint, PageUrl};

impl Client {
    /// Everybody who is a member of a workspace. Needs the scope `account`.
    pub fn members(&self, workspace: &WorkspaceSlug) -> (Endpoint, PageUrl) {
        let mut url = self.address(&["workspaces", workspace.as_str(), "members"]);
        url.query_pairs_mut()
            .append_pair("pagelen", &Endpoint::Members.page_length().to_string());
        (Endpoint::Members, PageUrl(url))
    }
}
