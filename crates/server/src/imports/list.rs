//! The list of imports.

use axum::extract::{RawQuery, State};
use axum::response::{IntoResponse, Redirect};
use maud::Markup;

use super::filter::Chosen;
use crate::error::PageError;
use crate::pages::imports::{self, List};
use crate::service::App;
use crate::session::Person;

/// Imports on a page.
const PAGE_LENGTH: u32 = 50;

/// The first page of the house.
pub(crate) async fn home(_: Person) -> impl IntoResponse {
    Redirect::to("/imports")
}

pub(crate) async fn show(
    State(app): State<App>,
    person: Person,
    RawQuery(query): RawQuery,
) -> Result<Markup, PageError> {
    let chosen = Chosen::read(query.unwrap_or_default().as_bytes());
    // Before anything is read: what happens meanwhile is told once more and not left out.
    let seen_until = app.events.now();
    let filter = chosen.filter(None);
    let list = List {
        counts: app.counts(&filter).await?,
        workspaces: app.archive.imported_workspaces().await?,
        removals: app.archive.announced_removals().await?,
        lines: app.lines(filter, PAGE_LENGTH).await?,
        chosen,
        seen_until,
        now: app.now(),
    };
    Ok(imports::page(&person, &list))
}
