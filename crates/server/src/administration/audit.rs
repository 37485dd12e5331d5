//! Who did what.

use axum::extract::{Query, State};
use maud::Markup;
use serde::Deserialize;

use crate::error::PageError;
use crate::pages;
use crate::service::App;
use crate::session::Administrator;

/// Entries on a page.
const PAGE_LENGTH: u32 = 50;

#[derive(Deserialize)]
pub(crate) struct Before {
    before: Option<String>,
}

pub(crate) async fn show(
    State(app): State<App>,
    Administrator(person): Administrator,
    Query(query): Query<Before>,
) -> Result<Markup, PageError> {
    let before = query.before.as_deref();
    let mut entries = app.archive.audit_log(before, PAGE_LENGTH + 1).await?;
    let has_more = entries.len() > PAGE_LENGTH as usize;
    entries.truncate(PAGE_LENGTH as usize);
    Ok(pages::audit::page(&person, &entries, has_more))
}
