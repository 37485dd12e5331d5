//! Who may come in.

use axum::Form;
use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use bucketload_auth::oauth::redirect_uri;
use bucketload_model::{UserRole, WorkspaceSlug};
use maud::Markup;
use serde::Deserialize;

use crate::error::PageError;
use crate::pages;
use crate::service::App;
use crate::session::Administrator;
use crate::switches::{MOST_DAYS, Switches};

pub(crate) async fn show(
    State(app): State<App>,
    Administrator(person): Administrator,
) -> Result<Markup, PageError> {
    let switches = app.switches().await?;
    let callback = redirect_uri(&app.public_url);
    Ok(pages::switches::page(
        &person,
        &switches,
        app.oauth.is_some(),
        &callback,
    ))
}

/// The form. A box that is not ticked is not sent.
#[derive(Deserialize)]
pub(crate) struct Changed {
    bitbucket_sign_in: Option<String>,
    admission: String,
    #[serde(default)]
    workspaces: String,
    approval: Option<String>,
    new_role: String,
    link_by_email: Option<String>,
    idle_days: String,
    session_days: String,
}

impl Changed {
    fn check(self) -> Result<Switches, PageError> {
        let admission = self.admission.parse();
        let admission = admission
            .map_err(|()| PageError::unusable("Choose who gets an account by signing in."))?;
        let new_role = self.new_role.parse::<UserRole>().ok();
        let new_role = new_role.filter(|role| *role != UserRole::Administrator);
        Ok(Switches {
            bitbucket_sign_in: self.bitbucket_sign_in.is_some(),
            admission,
            workspaces: workspaces(&self.workspaces)?,
            approval: self.approval.is_some(),
            new_role: new_role
                .ok_or_else(|| PageError::unusable("Choose the role of new accounts."))?,
            link_by_email: self.link_by_email.is_some(),
            idle_days: days(&self.idle_days)?,
            session_days: days(&self.session_days)?,
        })
    }
}

fn workspaces(text: &str) -> Result<Vec<WorkspaceSlug>, PageError> {
    let names = text.split([' ', ',', '\n', '\r', '\t']);
    let names = names.filter(|name| !name.is_empty());
    names
        .map(|name| {
            name.parse().map_err(|error| {
                PageError::unusable(format!("{error}. Name workspaces as in their addresses."))
            })
        })
        .collect()
}

fn days(text: &str) -> Result<u16, PageError> {
    let days = text.trim().parse().ok();
    days.filter(|days| (1..=MOST_DAYS).contains(days))
        .ok_or_else(|| PageError::unusable(format!("Days are a number from 1 to {MOST_DAYS}.")))
}

pub(crate) async fn change(
    State(app): State<App>,
    Administrator(person): Administrator,
    Form(form): Form<Changed>,
) -> Result<Response, PageError> {
    let before = app.switches().await?.write();
    let after = form.check()?.write();
    let mut transaction = app.archive.begin().await?;
    for ((name, value), (_, old)) in after.iter().zip(&before) {
        if value == old {
            continue;
        }
        transaction.put_service_setting(name, value).await?;
        let subject = format!("{name}: {old} → {value}");
        app.note(
            &mut transaction,
            &person.user,
            "changed a setting",
            &subject,
        )
        .await?;
    }
    transaction.commit().await?;
    Ok(Redirect::to("/administration/sign-in").into_response())
}
