//! What the service and its users let it do at Bitbucket.

use axum::Form;
use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use bucketload_archive::CredentialRecord;
use bucketload_model::{CredentialId, UserId};
use maud::Markup;
use serde::Deserialize;

use crate::error::PageError;
use crate::pages;
use crate::pages::credentials::Kept;
use crate::service::App;
use crate::session::Administrator;

pub(crate) async fn show(
    State(app): State<App>,
    Administrator(person): Administrator,
) -> Result<Markup, PageError> {
    let users = app.archive.users().await?;
    let kept = app.archive.credentials().await?.into_iter();
    let kept = kept.map(|record| {
        let owner = owner(&record).and_then(|id| users.iter().find(|user| user.id == id));
        Kept {
            owner: owner.cloned(),
            record,
        }
    });
    let kept: Vec<Kept> = kept.collect();
    let configured = app.asking.credential();
    let configured = (!configured.is_anonymous()).then(|| configured.description());
    Ok(pages::credentials::page(
        &person,
        &kept,
        configured.as_deref(),
    ))
}

/// The user whose it is, if it is one's.
fn owner(record: &CredentialRecord) -> Option<UserId> {
    record.owner.as_ref()?.parse().ok()
}

#[derive(Deserialize)]
pub(crate) struct Which {
    credential: String,
}

/// Forgets one, whosever it is. Bitbucket still knows it.
pub(crate) async fn remove(
    State(app): State<App>,
    Administrator(person): Administrator,
    Form(form): Form<Which>,
) -> Result<Response, PageError> {
    let id: CredentialId = form
        .credential
        .parse()
        .map_err(|_| PageError::not_found())?;
    let record = app.archive.credential(id).await?;
    let record = record.ok_or_else(PageError::not_found)?;
    if app.archive.remove_credential(id).await? {
        let whose = match owner(&record) {
            Some(owner) => app.archive.user(owner).await?,
            None => None,
        };
        let whose = whose.map_or_else(|| "the service".to_owned(), |user| user.display_name);
        let subject = format!("{} ({}), of {whose}", record.label, record.kind.name());
        app.note_alone(&person.user, "removed a credential", &subject)
            .await?;
    }
    Ok(Redirect::to("/administration/credentials").into_response())
}
