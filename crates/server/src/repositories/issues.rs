//! The list of a repository's issues.

use axum::extract::{Path, RawQuery, State};
use bucketload_archive::IssueEntry;
use maud::Markup;

use super::filter::Chosen;
use super::found::found;
use super::pull_requests::PAGE_LENGTH;
use crate::error::PageError;
use crate::pages::discussions::{self, Kind, Line, List};
use crate::service::App;
use crate::session::Person;

pub(crate) async fn show(
    State(app): State<App>,
    person: Person,
    Path((workspace, slug)): Path<(String, String)>,
    RawQuery(query): RawQuery,
) -> Result<Markup, PageError> {
    let repository = found(&app, &workspace, &slug).await?;
    let chosen = Chosen::read(query.unwrap_or_default().as_bytes());
    let filter = chosen.filter(PAGE_LENGTH);
    let page = app.archive.issue_page(&repository.uuid, &filter).await?;
    let list = List {
        kind: Kind::Issues,
        states: app.archive.issue_states(&repository.uuid).await?,
        lines: page.entries.iter().map(line).collect(),
        next: page.next,
        name: repository.name,
        chosen,
    };
    Ok(discussions::page(&person, &list))
}

fn line(entry: &IssueEntry) -> Line {
    let labels = [&entry.kind, &entry.priority];
    Line {
        id: entry.id.0,
        title: entry.title.clone().unwrap_or_default(),
        state: entry.state.clone(),
        author: entry
            .reporter
            .clone()
            .unwrap_or_else(|| "Former user".to_owned()),
        branches: None,
        labels: labels.into_iter().flatten().cloned().collect(),
        comments: None,
        created_on: entry.created_on.clone(),
        updated_on: entry.updated_on.clone(),
    }
}
