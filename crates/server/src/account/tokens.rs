//! Tokens for scripts.

use axum::Form;
use axum::extract::{RawForm, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use bucketload_archive::{SecretHash, ServiceTokenRecord};
use bucketload_model::TokenScope;
use chrono::Duration;
use secrecy::ExposeSecret as _;
use serde::Deserialize;
use url::form_urlencoded;

use crate::error::PageError;
use crate::security::secrets::{row_id, service_token};
use crate::service::App;
use crate::session::Person;
use crate::setup::one_line;

/// Days that a token may be given.
pub(crate) const LIVES: [u16; 4] = [7, 30, 90, 365];

/// Nobody needs more; whoever makes more has lost count of them.
const MOST_TOKENS: usize = 50;

/// What the form holds. A scope is a field that may come several times.
struct NewToken {
    name: String,
    scopes: Vec<TokenScope>,
    days: u16,
}

impl NewToken {
    fn read(form: &[u8]) -> Result<Self, PageError> {
        let (mut name, mut scopes, mut days) = (None, Vec::new(), None);
        for (field, value) in form_urlencoded::parse(form) {
            match field.as_ref() {
                "name" => name = one_line(&value),
                "scope" => scopes.extend(value.parse::<TokenScope>()),
                "days" => days = value.parse().ok(),
                _ => {}
            }
        }
        scopes.sort_unstable();
        scopes.dedup();
        let name = name.ok_or_else(|| PageError::unusable("Give the token a name: one line."))?;
        if scopes.is_empty() {
            return Err(PageError::unusable("Choose what the token may do."));
        }
        let days = days.filter(|days| LIVES.contains(days));
        let days = days.ok_or_else(|| PageError::unusable("Choose how long the token lives."))?;
        Ok(Self { name, scopes, days })
    }
}

pub(crate) async fn create(
    State(app): State<App>,
    person: Person,
    RawForm(form): RawForm,
) -> Result<Response, PageError> {
    let new = NewToken::read(&form)?;
    let user = &person.user;
    if let Some(scope) = new.scopes.iter().find(|scope| scope.needs() > user.role) {
        return Err(PageError::unusable(format!(
            "Your role does not have the scope {scope}."
        )));
    }
    if app.archive.service_tokens_of(user.id).await?.len() >= MOST_TOKENS {
        return Err(PageError::unusable(
            "You have many tokens. Remove some first.",
        ));
    }
    let now = app.now();
    let token = service_token()?;
    let record = ServiceTokenRecord {
        id: row_id(now)?,
        user: user.id,
        name: new.name,
        scopes: new.scopes,
        created_at: now,
        ends_at: Some(now + Duration::days(new.days.into())),
        used_at: None,
    };
    let mut transaction = app.archive.begin().await?;
    transaction
        .put_service_token(&SecretHash::of(token.expose_secret()), &record)
        .await?;
    app.note(&mut transaction, user, "made a service token", &record.name)
        .await?;
    transaction.commit().await?;
    // Shown in the answer itself, once: it is kept nowhere.
    let page = app.account_page(&person, Some(token)).await?;
    Ok((StatusCode::CREATED, page).into_response())
}

#[derive(Deserialize)]
pub(crate) struct Which {
    token: String,
}

pub(crate) async fn remove(
    State(app): State<App>,
    person: Person,
    Form(form): Form<Which>,
) -> Result<Response, PageError> {
    let mut transaction = app.archive.begin().await?;
    let removed = transaction
        .remove_service_token(person.user.id, &form.token)
        .await?;
    if let Some(name) = removed {
        app.note(
            &mut transaction,
            &person.user,
            "removed a service token",
            &name,
        )
        .await?;
    }
    transaction.commit().await?;
    Ok(Redirect::to("/account#tokens").into_response())
}
