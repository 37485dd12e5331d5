//! The account page.

use axum::extract::State;
use maud::Markup;
use secrecy::SecretString;

use crate::error::PageError;
use crate::pages;
use crate::pages::account::Account;
use crate::service::{App, Service};
use crate::session::Person;

pub(crate) async fn show(State(app): State<App>, person: Person) -> Result<Markup, PageError> {
    app.account_page(&person, None).await
}

impl Service {
    /// The page, with a token that was made just now if one was.
    pub(crate) async fn account_page(
        &self,
        person: &Person,
        fresh_token: Option<SecretString>,
    ) -> Result<Markup, PageError> {
        let now = self.now();
        let id = person.user.id;
        let owner = id.to_string();
        let mut connections = self.archive.credentials().await?;
        connections.retain(|record| record.owner.as_ref() == Some(&owner));
        let account = Account {
            connections,
            identities: self.archive.identities_of(id).await?,
            sessions: self.archive.sessions_of(id, now).await?,
            tokens: self.archive.service_tokens_of(id).await?,
            has_consumer: self.oauth.is_some(),
            fresh_token,
            now,
        };
        Ok(pages::account::page(person, &account))
    }
}
