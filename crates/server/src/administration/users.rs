//! The people who use the service.

use axum::Form;
use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use bucketload_archive::UserRecord;
use bucketload_model::{UserId, UserRole, UserState};
use maud::Markup;
use serde::Deserialize;

use crate::error::PageError;
use crate::pages;
use crate::policy::{self, Locked};
use crate::service::App;
use crate::session::Administrator;

pub(crate) async fn show(
    State(app): State<App>,
    Administrator(person): Administrator,
) -> Result<Markup, PageError> {
    let users = app.archive.users().await?;
    let identities = app.archive.identities().await?;
    Ok(pages::users::page(&person, &users, &identities))
}

#[derive(Deserialize)]
pub(crate) struct Change {
    user: String,
    action: String,
    #[serde(default)]
    role: String,
}

/// What the form asks for: the new role and state, and what to call it in the log.
fn wanted(form: &Change, user: &UserRecord) -> Option<(UserRole, UserState, String)> {
    Some(match form.action.as_str() {
        "approve" => (user.role, UserState::Active, "approved".to_owned()),
        "unblock" => (user.role, UserState::Active, "unblocked".to_owned()),
        "block" => (user.role, UserState::Blocked, "blocked".to_owned()),
        "role" => {
            let role = form.role.parse().ok()?;
            (role, user.state, format!("made {role}"))
        }
        _ => return None,
    })
}

pub(crate) async fn change(
    State(app): State<App>,
    Administrator(person): Administrator,
    Form(form): Form<Change>,
) -> Result<Response, PageError> {
    let id: UserId = form.user.parse().map_err(|_| PageError::not_found())?;
    let mut transaction = app.archive.begin().await?;
    let user = transaction.user(id).await?;
    let user = user.ok_or_else(PageError::not_found)?;
    let (role, state, action) =
        wanted(&form, &user).ok_or_else(|| PageError::unusable("Choose what to change."))?;
    let administrators = transaction.count_active_administrators().await?;
    policy::may_become(&user, role, state, administrators).map_err(
        |Locked::LastAdministrator| {
            PageError::unusable(
                "That is the last administrator: nobody would be left to decide anything. Make \
                 somebody else administrator first.",
            )
        },
    )?;
    let changed = UserRecord {
        role,
        state,
        ..user
    };
    transaction.put_user(&changed).await?;
    if state == UserState::Blocked {
        transaction.remove_sessions_of(id).await?;
    }
    let subject = format!("{} {id}", changed.display_name);
    app.note(&mut transaction, &person.user, &action, &subject)
        .await?;
    transaction.commit().await?;
    Ok(Redirect::to("/administration/users").into_response())
}
