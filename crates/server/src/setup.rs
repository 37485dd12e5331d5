//! The first administrator.

use axum::Form;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Redirect, Response};
use bucketload_archive::{CodeFor, UserRecord};
use bucketload_model::{UserId, UserRole, UserState};
use serde::Deserialize;

use crate::codes::MOST_MISSES;
use crate::error::PageError;
use crate::pages;
use crate::security::peer::Peer;
use crate::security::secrets::code_hash;
use crate::service::{App, Service};
use crate::session::Visitor;

const MAX_NAME_CHARS: usize = 100;

#[derive(Deserialize)]
pub(crate) struct Setup {
    code: String,
    display_name: String,
}

impl Service {
    /// Whether the house still has no master.
    pub(crate) async fn needs_setup(&self) -> Result<bool, PageError> {
        let users = self.archive.users().await?;
        Ok(!users
            .iter()
            .any(|user| user.role == UserRole::Administrator && user.state == UserState::Active))
    }
}

pub(crate) async fn show(State(app): State<App>, visitor: Visitor) -> Result<Response, PageError> {
    if !app.needs_setup().await? {
        return Ok(Redirect::to("/").into_response());
    }
    Ok(pages::setup::page(&visitor, None, "").into_response())
}

pub(crate) async fn submit(
    State(app): State<App>,
    Peer(address): Peer,
    visitor: Visitor,
    headers: HeaderMap,
    Form(form): Form<Setup>,
) -> Result<Response, PageError> {
    let now = app.now();
    if !app.limits.codes.allows(address, now) {
        return Err(PageError::too_often());
    }
    let Some(display_name) = one_line(&form.display_name) else {
        let words = "Tell us what to call you: one line, at most 100 characters.";
        return Ok(pages::setup::refused(&visitor, words, &form.display_name));
    };
    let mut transaction = app.archive.begin().await?;
    if transaction.count_active_administrators().await? > 0 {
        return Ok(Redirect::to("/").into_response());
    }
    let found = transaction
        .take_code(&code_hash(&form.code), now, MOST_MISSES)
        .await?;
    if found != Some(CodeFor::FirstAdministrator) {
        // A miss counts.
        transaction.commit().await?;
        let words = "That code is wrong, used, or older than half an hour. The service prints a \
                     new one when it starts, and so does “bucketload auth admin-code”.";
        return Ok(pages::setup::refused(&visitor, words, &display_name));
    }
    let user = UserRecord {
        id: UserId::new(now),
        display_name,
        email: None,
        role: UserRole::Administrator,
        state: UserState::Active,
        created_at: now,
        seen_at: Some(now),
    };
    transaction.put_user(&user).await?;
    let (begun, _) = app
        .begin_session(&mut transaction, &visitor.token, Some(user.id), &headers)
        .await?;
    app.note(
        &mut transaction,
        &user,
        "became the first administrator",
        "",
    )
    .await?;
    transaction.commit().await?;
    Ok(begun.go_to("/"))
}

/// A name that can stand on a line.
pub(crate) fn one_line(text: &str) -> Option<String> {
    let text = text.trim();
    let is_good = !text.is_empty()
        && text.chars().count() <= MAX_NAME_CHARS
        && !text.chars().any(char::is_control);
    is_good.then(|| text.to_owned())
}
