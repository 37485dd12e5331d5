//! `/user` and what is below it.

use crate::error::RequestError;
use crate::{Account, Answer, Client, Endpoint, PageUrl};

use super::largest_pages;

impl Client {
    /// The account behind the credential.
    ///
    /// # Errors
    ///
    /// When the request fails for good. Access tokens of a repository, project or
    /// workspace belong to no account and are refused.
    pub async fn user(&self) -> Result<Answer<Account>, RequestError> {
        let url = self.address(&["user"]);
        self.get_object(Endpoint::User, &url).await
    }

    /// The e-mail addresses of the account behind the credential, as
    /// [`EmailAddress`](crate::EmailAddress).
    pub fn user_emails(&self) -> (Endpoint, PageUrl) {
        let url = self.address(&["user", "emails"]);
        largest_pages(Endpoint::UserEmails, url)
    }

    /// The workspaces of the account behind the credential, as
    /// [`WorkspaceAccess`](crate::WorkspaceAccess). Lists across workspaces are
    /// gone since April 2026 (CHANGE-2770); this is how to find what there is.
    pub fn user_workspaces(&self) -> (Endpoint, PageUrl) {
        let url = self.address(&["user", "workspaces"]);
        largest_pages(Endpoint::UserWorkspaces, url)
    }
}
