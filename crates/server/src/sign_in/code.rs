//! Signing in with a code from the terminal.

use axum::Form;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use bucketload_archive::CodeFor;
use bucketload_model::UserState;
use serde::Deserialize;

use crate::codes::MOST_MISSES;
use crate::error::PageError;
use crate::pages;
use crate::security::local_path::local_path;
use crate::security::peer::Peer;
use crate::security::secrets::code_hash;
use crate::service::App;
use crate::session::Visitor;

#[derive(Deserialize)]
pub(crate) struct Code {
    code: String,
    #[serde(default)]
    next: String,
}

pub(crate) async fn submit(
    State(app): State<App>,
    Peer(address): Peer,
    visitor: Visitor,
    headers: HeaderMap,
    Form(form): Form<Code>,
) -> Result<Response, PageError> {
    let now = app.now();
    if !app.limits.codes.allows(address, now) {
        return Err(PageError::too_often());
    }
    let next = local_path(&form.next);
    let mut transaction = app.archive.begin().await?;
    let found = transaction
        .take_code(&code_hash(&form.code), now, MOST_MISSES)
        .await?;
    let user = match found {
        Some(CodeFor::User(id)) => transaction.user(id).await?,
        Some(CodeFor::FirstAdministrator) | None => None,
    };
    let Some(user) = user.filter(|user| user.state == UserState::Active) else {
        // A miss counts.
        transaction.commit().await?;
        let button = app.bitbucket_button().await?;
        let words = "That code is wrong, used, or older than half an hour. “bucketload auth \
                     admin-code” makes a new one.";
        let page = pages::sign_in::page(&visitor, &button, &next, Some(words));
        return Ok((StatusCode::FORBIDDEN, page).into_response());
    };
    let (begun, _) = app
        .begin_session(&mut transaction, &visitor.token, Some(user.id), &headers)
        .await?;
    transaction.touch_user(user.id, now).await?;
    app.note(&mut transaction, &user, "signed in", "with a one-time code")
        .await?;
    transaction.commit().await?;
    Ok(begun.go_to(&next))
}
