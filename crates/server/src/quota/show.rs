//! The page of the quota.

use axum::extract::State;
use maud::Markup;

use crate::error::PageError;
use crate::pages;
use crate::service::App;
use crate::session::Person;

pub(crate) async fn show(State(app): State<App>, person: Person) -> Result<Markup, PageError> {
    let quota = app.quota().await?;
    Ok(pages::quota::page(&person, &quota))
}
