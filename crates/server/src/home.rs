//! The first page: what was imported.

use std::cmp::Reverse;

use axum::extract::State;
use maud::Markup;

use crate::error::PageError;
use crate::pages;
use crate::service::App;
use crate::session::Person;

/// Longer lists come with filters and pages.
const MOST_SHOWN: usize = 200;

pub(crate) async fn show(State(app): State<App>, person: Person) -> Result<Markup, PageError> {
    let imports = app.archive.latest_imports().await?;
    let mut reports = Vec::new();
    for import in imports.iter().take(MOST_SHOWN) {
        reports.extend(app.archive.report(import.id).await?);
    }
    // The latest first; the archive has them by name.
    reports.sort_by_key(|report| Reverse(report.id));
    let removals = app.archive.announced_removals().await?;
    let page = pages::home::page(&person, &reports, imports.len(), &removals);
    Ok(page)
}
