//! What a user lets this service do at Bitbucket in their name: a consent of its own,
//! beside that of signing in.

use axum::Form;
use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use bucketload_archive::{CredentialError, CredentialSecret, NewCredential, UserRecord};
use bucketload_auth::CredentialKind;
use bucketload_auth::oauth::TokenSet;
use bucketload_model::{CredentialId, UserRole, UserState};
use serde::Deserialize;

use crate::error::PageError;
use crate::service::{App, Service};
use crate::session::{Member, Person};
use crate::sign_in::callback::shortened;
use crate::sign_in::flow::Purpose;
use crate::sign_in::profile::Profile;
use crate::sign_in::words;

/// Off to Bitbucket, to come back with a grant.
pub(crate) async fn connect(
    State(app): State<App>,
    Member(person): Member,
) -> Result<Response, PageError> {
    let oauth = app.oauth.as_ref().ok_or_else(words::no_consumer)?;
    let next = "/account".to_owned();
    let (sealed, address) = app.begin_flow(oauth, &person.session, Purpose::Import, next)?;
    let mut transaction = app.archive.begin().await?;
    transaction
        .set_session_flow(&person.token.hash(), &sealed)
        .await?;
    transaction.commit().await?;
    Ok(Redirect::to(address.as_str()).into_response())
}

#[derive(Deserialize)]
pub(crate) struct Which {
    connection: String,
}

/// Forgets a grant. Bitbucket still knows the consent.
pub(crate) async fn remove(
    State(app): State<App>,
    person: Person,
    Form(form): Form<Which>,
) -> Result<Response, PageError> {
    let id: CredentialId = form
        .connection
        .parse()
        .map_err(|_| PageError::not_found())?;
    let owner = person.user.id.to_string();
    let record = app.archive.credential(id).await?;
    let record = record.filter(|record| record.owner.as_ref() == Some(&owner));
    let record = record.ok_or_else(PageError::not_found)?;
    if app.archive.remove_credential(id).await? {
        let action = "removed a connection for imports";
        app.note_alone(&person.user, action, &record.label).await?;
    }
    Ok(Redirect::to("/account#connections").into_response())
}

impl Service {
    /// Keeps the grant, in the place of an earlier one of the same account.
    pub(crate) async fn keep_connection(
        &self,
        user: &UserRecord,
        tokens: TokenSet,
        profile: &Profile,
    ) -> Result<(), PageError> {
        if user.state != UserState::Active || user.role < UserRole::Member {
            return Err(PageError::only_for("members"));
        }
        let oauth = self.oauth.as_ref().ok_or_else(words::no_consumer)?;
        let secret = CredentialSecret::Grant {
            consumer: oauth.consumer().client_id.clone(),
            tokens,
        };
        let owner = user.id.to_string();
        let records = self.archive.credentials().await?;
        let earlier = records.iter().find(|record| {
            record.kind == CredentialKind::OAuthGrant
                && record.owner.as_ref() == Some(&owner)
                && record.account_uuid.as_ref() == Some(&profile.account)
        });
        if let Some(record) = earlier {
            self.credentials.replace_secret(record.id, &secret).await?;
        } else {
            let name = profile.display_name.as_deref().map(shortened);
            let account = profile.account.to_string();
            let mut new = NewCredential {
                secret,
                label: name.clone().unwrap_or_else(|| account.clone()),
                account_uuid: Some(profile.account.clone()),
                account_name: name,
                workspace: None,
                scopes: Vec::new(),
                expires_at: None,
                owner: Some(owner),
            };
            match self.credentials.add(&new).await {
                // Names are not unique.
                Err(CredentialError::LabelTaken { label }) => {
                    new.label = format!("{label} {account}");
                    self.credentials.add(&new).await?;
                }
                result => drop(result?),
            }
        }
        let action = "connected Bitbucket for imports";
        self.note_alone(user, action, &profile.words()).await
    }
}
