//! How much is done at once, and how large things may be.

use axum::body::Bytes;
use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use bucketload_model::Limits;
use maud::Markup;
use url::form_urlencoded;

use crate::error::PageError;
use crate::pages;
use crate::service::App;
use crate::session::Administrator;

/// More imports at once than any machine runs.
pub(crate) const MOST: u32 = 10_000;

pub(crate) async fn show(
    State(app): State<App>,
    Administrator(person): Administrator,
) -> Result<Markup, PageError> {
    let stored = app.archive.service_settings().await?;
    Ok(pages::limits::page(&person, &app.settings, &stored))
}

/// A limit that is left empty is that of the configuration.
pub(crate) async fn change(
    State(app): State<App>,
    Administrator(person): Administrator,
    form: Bytes,
) -> Result<Response, PageError> {
    let before = app.archive.service_settings().await?;
    let mut transaction = app.archive.begin().await?;
    let mut is_any = false;
    for (name, value) in form_urlencoded::parse(&form) {
        let Some(key) = Limits::KEYS.into_iter().find(|key| *key == name) else {
            continue;
        };
        is_any = true;
        let value = checked(value.trim())?;
        let old = before.get(key).map_or("", String::as_str);
        if value == old {
            continue;
        }
        transaction.put_service_setting(key, &value).await?;
        let words = |value: &str| match value {
            "" => "as configured".to_owned(),
            value => value.to_owned(),
        };
        let subject = format!("{key}: {} → {}", words(old), words(&value));
        app.note(
            &mut transaction,
            &person.user,
            "changed a setting",
            &subject,
        )
        .await?;
    }
    if !is_any {
        return Err(PageError::unusable("Give at least one limit."));
    }
    transaction.commit().await?;
    Ok(Redirect::to("/administration/limits").into_response())
}

fn checked(text: &str) -> Result<String, PageError> {
    if text.is_empty() {
        return Ok(String::new());
    }
    let number: Option<u32> = text.parse().ok();
    let number = number.filter(|number| (1..=MOST).contains(number));
    let number = number.ok_or_else(|| {
        PageError::unusable(format!(
            "A limit is a number from 1 to {MOST}, or empty for that of the configuration."
        ))
    })?;
    Ok(number.to_string())
}
