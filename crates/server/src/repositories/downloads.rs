//! The files that a repository offers.

use axum::extract::{Path, Query, State};
use maud::Markup;
use serde::Deserialize;

use super::found::found;
use crate::error::PageError;
use crate::pages::downloads::{self, List};
use crate::service::App;
use crate::session::Person;

/// Files on a page.
const PAGE_LENGTH: u32 = 100;

/// Where a page begins.
#[derive(Debug, Clone, Default, Deserialize)]
pub(crate) struct Behind {
    /// The name of the last file of the page before.
    #[serde(default)]
    after: String,
}

pub(crate) async fn show(
    State(app): State<App>,
    person: Person,
    Path((workspace, slug)): Path<(String, String)>,
    Query(behind): Query<Behind>,
) -> Result<Markup, PageError> {
    let repository = found(&app, &workspace, &slug).await?;
    let page = app
        .archive
        .download_page(&repository.uuid, &behind.after, PAGE_LENGTH + 1);
    let mut files = page.await?;
    let has_more = files.len() > PAGE_LENGTH as usize;
    files.truncate(PAGE_LENGTH as usize);
    let next = files
        .last()
        .map(|(key, _)| key.clone())
        .filter(|_| has_more);
    let list = List {
        name: repository.name,
        files: files.into_iter().map(|(_, file)| file).collect(),
        next,
    };
    Ok(downloads::page(&person, &list))
}
