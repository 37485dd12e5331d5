//! The list of a repository's pull requests.

use axum::extract::{Path, RawQuery, State};
use bucketload_archive::{DatabaseError, PullRequestEntry, StoredRepository};
use bucketload_model::Mention;
use maud::Markup;

use super::filter::Chosen;
use super::found::found;
use crate::discussion::{Account, Known, known};
use crate::error::PageError;
use crate::pages::discussions::{self, Kind, Line, List};
use crate::service::{App, Service};
use crate::session::Person;
use crate::text::Wanted;

/// Pull requests, or issues, on a page.
pub(super) const PAGE_LENGTH: u32 = 50;

pub(crate) async fn show(
    State(app): State<App>,
    person: Person,
    Path((workspace, slug)): Path<(String, String)>,
    RawQuery(query): RawQuery,
) -> Result<Markup, PageError> {
    let repository = found(&app, &workspace, &slug).await?;
    let chosen = Chosen::read(query.unwrap_or_default().as_bytes());
    let filter = chosen.filter(PAGE_LENGTH);
    let archive = &app.archive;
    let page = archive.pull_request_page(&repository.uuid, &filter).await?;
    let known = known_authors(&app, &repository, &page.entries).await?;
    let list = List {
        kind: Kind::PullRequests,
        states: archive.pull_request_states(&repository.uuid).await?,
        lines: page
            .entries
            .iter()
            .map(|entry| line(entry, &known))
            .collect(),
        next: page.next,
        name: repository.name,
        chosen,
    };
    Ok(discussions::page(&person, &list))
}

/// Who opened them.
pub(crate) async fn known_authors(
    service: &Service,
    repository: &StoredRepository,
    entries: &[PullRequestEntry],
) -> Result<Known, DatabaseError> {
    let mut wanted = Wanted::default();
    let authors = entries.iter().filter_map(author);
    wanted
        .people
        .extend(authors.filter_map(|author| author.key));
    known(service, repository, &wanted).await
}

pub(crate) fn author(entry: &PullRequestEntry) -> Option<Account> {
    let uuid = entry.author.as_ref()?.parse().ok()?;
    Some(Account {
        name: None,
        key: Some(Mention::Uuid(uuid)),
    })
}

fn line(entry: &PullRequestEntry, known: &Known) -> Line {
    let branches = entry
        .source_branch
        .clone()
        .zip(entry.destination_branch.clone());
    Line {
        id: entry.id.0,
        title: entry.title.clone().unwrap_or_default(),
        state: entry.state.clone(),
        author: known.person(author(entry).as_ref()).name,
        branches,
        labels: Vec::new(),
        comments: entry.comments,
        created_on: entry.created_on.clone(),
        updated_on: entry.updated_on.clone(),
    }
}
