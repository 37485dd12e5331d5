//! The Bitbucket accounts that a user signs in with.

use axum::Form;
use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use bucketload_model::AccountUuid;
use serde::Deserialize;

use crate::error::PageError;
use crate::policy::{self, Disconnect};
use crate::service::App;
use crate::session::Person;
use crate::sign_in::flow::Purpose;
use crate::sign_in::words;

/// Off to Bitbucket, to come back with another account.
pub(crate) async fn connect(State(app): State<App>, person: Person) -> Result<Response, PageError> {
    let oauth = app.oauth.as_ref().ok_or_else(words::no_consumer)?;
    let (sealed, address) = app.begin_flow(
        oauth,
        &person.session,
        Purpose::Connect,
        "/account".to_owned(),
    )?;
    let mut transaction = app.archive.begin().await?;
    transaction
        .set_session_flow(&person.token.hash(), &sealed)
        .await?;
    transaction.commit().await?;
    Ok(Redirect::to(address.as_str()).into_response())
}

#[derive(Deserialize)]
pub(crate) struct Which {
    account: String,
    /// They have read what it means.
    #[serde(default)]
    confirm: Option<String>,
}

pub(crate) async fn disconnect(
    State(app): State<App>,
    person: Person,
    Form(form): Form<Which>,
) -> Result<Response, PageError> {
    let account: AccountUuid = form.account.parse().map_err(|_| PageError::not_found())?;
    let user = &person.user;
    let mut transaction = app.archive.begin().await?;
    let identities = transaction.count_identities(user.id).await?;
    let administrators = transaction.count_active_administrators().await?;
    match policy::disconnect(user, identities, administrators) {
        Disconnect::Harmless => {}
        Disconnect::LastWayIn if form.confirm.is_some() => {}
        Disconnect::LastWayIn => {
            return Err(PageError::unusable(
                "It is the last Bitbucket account that you sign in with. Tick the box that says \
                 so to disconnect it all the same.",
            ));
        }
        Disconnect::LockedOut => {
            return Err(PageError::unusable(
                "You are the last administrator, and it is the last account that you sign in \
                 with. Connect another one first, or make somebody else administrator.",
            ));
        }
    }
    if !transaction.remove_identity(user.id, &account).await? {
        return Err(PageError::not_found());
    }
    app.note(
        &mut transaction,
        user,
        "disconnected a Bitbucket account",
        account.as_str(),
    )
    .await?;
    transaction.commit().await?;
    Ok(Redirect::to("/account").into_response())
}
