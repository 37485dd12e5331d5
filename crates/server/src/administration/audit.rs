//! Who did what.

use axum::extract::{Query, State};
use maud::Markup;

use super::page::{self, Before};
use crate::error::PageError;
use crate::pages;
use crate::service::App;
use crate::session::Administrator;

pub(crate) async fn show(
    State(app): State<App>,
    Administrator(person): Administrator,
    Query(query): Query<Before>,
) -> Result<Markup, PageError> {
    let before = query.before.as_deref();
    let entries = app.archive.audit_log(before, page::ASKED).await?;
    let (entries, has_more) = page::shown(entries);
    Ok(pages::audit::page(&person, &entries, has_more))
}
