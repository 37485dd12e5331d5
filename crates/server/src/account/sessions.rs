//! Ending a session somewhere else.

use axum::Form;
use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;

use crate::error::PageError;
use crate::service::App;
use crate::session::Person;

#[derive(Deserialize)]
pub(crate) struct Which {
    session: String,
}

pub(crate) async fn end(
    State(app): State<App>,
    person: Person,
    Form(form): Form<Which>,
) -> Result<Response, PageError> {
    let mut transaction = app.archive.begin().await?;
    // A session that is gone already was to be ended: there is nothing to complain about.
    if transaction
        .remove_session_of(person.user.id, &form.session)
        .await?
    {
        app.note(&mut transaction, &person.user, "ended a session", "")
            .await?;
    }
    transaction.commit().await?;
    Ok(Redirect::to("/account#sessions").into_response())
}
