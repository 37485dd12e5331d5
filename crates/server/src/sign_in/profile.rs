//! Who somebody is at Bitbucket.

use std::time::Duration;

use bucketload_auth::Credential;
use bucketload_auth::oauth::TokenSet;
use bucketload_bitbucket::{
    Account, BuildError, Client, ClientOptions, EmailAddress, Page, RequestError, WaitPolicy,
    WorkspaceAccess,
};
use bucketload_model::{AccountUuid, WorkspaceSlug};
use futures::TryStreamExt as _;

use crate::service::Service;

/// A person waits in front of the browser.
const PATIENCE: Duration = Duration::from_secs(20);
const FIRST_RETRY_DELAY: Duration = Duration::from_millis(200);

/// Who somebody is at Bitbucket.
#[derive(Debug, Clone)]
pub(crate) struct Profile {
    /// The permanent id; names and addresses change hands.
    pub(crate) account: AccountUuid,
    pub(crate) display_name: Option<String>,
    pub(crate) nickname: Option<String>,
    /// Only if primary and confirmed: anybody can enter any address.
    pub(crate) email: Option<String>,
}

/// Why that stays unknown.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ProfileError {
    #[error("cannot speak to Bitbucket")]
    Build(#[from] BuildError),
    #[error("Bitbucket does not say who it is")]
    Request(#[from] RequestError),
    #[error("Bitbucket did not answer in time")]
    TooSlow,
}

impl Service {
    /// Asks Bitbucket whose tokens these are. The tokens are forgotten afterwards: to
    /// sign in is no consent to imports.
    pub(crate) async fn profile(&self, tokens: &TokenSet) -> Result<Profile, ProfileError> {
        let client = self.client(tokens)?;
        let read = async {
            let account: Account = client.user().await?.item.value;
            Ok(Profile {
                account: account.uuid,
                display_name: account.display_name,
                nickname: account.nickname,
                email: confirmed_email(&client).await?,
            })
        };
        tokio::time::timeout(PATIENCE, read)
            .await
            .map_err(|_| ProfileError::TooSlow)?
    }

    /// The workspaces of the account.
    pub(crate) async fn workspaces(
        &self,
        tokens: &TokenSet,
    ) -> Result<Vec<WorkspaceSlug>, ProfileError> {
        let client = self.client(tokens)?;
        let (endpoint, first) = client.user_workspaces();
        let read = client
            .pages::<WorkspaceAccess>(endpoint, first)
            .try_collect::<Vec<Page<WorkspaceAccess>>>();
        let pages = tokio::time::timeout(PATIENCE, read)
            .await
            .map_err(|_| ProfileError::TooSlow)??;
        let items = pages.into_iter().flat_map(|page| page.items);
        Ok(items.map(|item| item.value.workspace.slug).collect())
    }

    fn client(&self, tokens: &TokenSet) -> Result<Client, BuildError> {
        let options = ClientOptions {
            allow_insecure: self.bitbucket.allow_insecure,
            // A few requests for somebody who waits, outside of what is counted.
            hourly_quota: Some(0),
            wait: WaitPolicy::GiveUp,
            is_interactive: true,
            clock: self.clock.clone(),
            first_retry_delay: FIRST_RETRY_DELAY,
            ..ClientOptions::new(self.bitbucket.api_url.clone())
        };
        Client::new(
            options,
            Credential::AccessToken(tokens.access_token.clone()),
        )
    }
}

/// The address that is both primary and confirmed. A consumer without the permission
/// to see addresses signs people in all the same.
async fn confirmed_email(client: &Client) -> Result<Option<String>, RequestError> {
    let (endpoint, first) = client.user_emails();
    let page = match client.page::<EmailAddress>(endpoint, &first).await {
        Ok(page) => page,
        Err(error) if error.class() == bucketload_model::ErrorClass::Forbidden => return Ok(None),
        Err(error) => return Err(error),
    };
    let good = page
        .items
        .into_iter()
        .map(|item| item.value)
        .find(|address| address.is_primary == Some(true) && address.is_confirmed == Some(true));
    Ok(good.map(|address| address.email))
}
