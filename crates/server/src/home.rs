//! The first page: what was imported.

use axum::extract::State;
use maud::Markup;

use crate::error::PageError;
use crate::pages;
use crate::service::App;
use crate::session::Person;

/// Longer lists come with filters and pages.
const MOST_SHOWN: usize = 200;

pub(crate) async fn show(State(app): State<App>, person: Person) -> Result<Markup, PageError> {
    let data_dir = &app.health.data_dir;
    let overview = app.archive.overview(data_dir, app.now(), Some(MOST_SHOWN));
    let overview = overview.await?;
    let removals = app.archive.announced_removals().await?;
    Ok(pages::home::page(&person, &overview, &removals))
}
