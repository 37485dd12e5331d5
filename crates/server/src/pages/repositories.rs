//! The list of repositories.

use std::collections::HashMap;

use bucketload_archive::{ImportLine, RepositoryEntry};
use bucketload_model::ImportId;
use chrono::{DateTime, Utc};
use maud::{Markup, html};

use super::layout::{self, Room};
use super::parts::{repository_path, time};
use super::{icons, import_line, upload};
use crate::repositories::list::Chosen;
use crate::session::Person;

/// What the page shows.
#[derive(Debug)]
pub(crate) struct List {
    pub(crate) chosen: Chosen,
    pub(crate) entries: Vec<RepositoryEntry>,
    /// The latest import of each of them that has one.
    pub(crate) lines: HashMap<ImportId, ImportLine>,
    pub(crate) workspaces: Vec<String>,
    /// The address of the next page, if there is one.
    pub(crate) next: Option<String>,
    pub(crate) max_upload_bytes: u64,
}

const PATH: &str = "repositories";

pub(crate) fn page(person: &Person, list: &List) -> Markup {
    let content = html! {
        @if list.entries.is_empty() && list.chosen.is_plain() {
            div class="blank" {
                h2 { "Nothing is in the archive yet" }
                p { "A repository shows here once an import has begun to bring it home." }
            }
        } @else {
            (search(list))
            @if list.entries.is_empty() {
                div class="blank" {
                    h2 { "Nothing matches" }
                    p { a href=(PATH) { "Show all repositories" } }
                }
            } @else {
                (table(list))
            }
        }
        (upload::sections(person, None, list.max_upload_bytes))
    };
    layout::page(person, Room::Repositories, "Repositories", &content)
}

fn search(list: &List) -> Markup {
    let chosen = &list.chosen;
    let is_chosen = |workspace: &str| {
        let chosen = chosen.workspace.as_ref();
        chosen.is_some_and(|chosen| chosen.as_str() == workspace)
    };
    html! {
        form class="search" method="get" action=(PATH) role="search" {
            label {
                span class="away" { "Find a repository" }
                input type="search" name="q" value=(chosen.text) placeholder="Find a repository"
                    autocomplete="off" spellcheck="false";
            }
            @if list.workspaces.len() > 1 {
                label {
                    span class="away" { "Workspace" }
                    select name="workspace" {
                        option value="" { "All workspaces" }
                        @for workspace in &list.workspaces {
                            option value=(workspace) selected[is_chosen(workspace)] { (workspace) }
                        }
                    }
                }
            }
            button type="submit" { (icons::SEARCH.show()) "Find" }
        }
    }
}

fn table(list: &List) -> Markup {
    html! {
        div class="table-frame" {
            table {
                thead {
                    tr {
                        th scope="col" { "Repository" }
                        th scope="col" { "Latest import" }
                        th scope="col" { "Last imported" }
                        th scope="col" { "Last proven" }
                    }
                }
                tbody { @for entry in &list.entries { (row(entry, list)) } }
            }
        }
        @if let Some(next) = &list.next {
            p class="pager" { a href=(next) rel="next" { "More repositories" } }
        }
    }
}

fn row(entry: &RepositoryEntry, list: &List) -> Markup {
    let line = entry.latest_import.and_then(|id| list.lines.get(&id));
    html! {
        tr {
            th scope="row" { a href=(repository_path(&entry.name)) { (entry.name) } }
            td data-label="Latest import" {
                @match line {
                    Some(line) => div { (import_line::state(line)) },
                    None => "from an export",
                }
            }
            td data-label="Last imported" { (when(entry.imported_at)) }
            td data-label="Last proven" { (when(entry.proven_at)) }
        }
    }
}

fn when(moment: Option<DateTime<Utc>>) -> Markup {
    html! {
        @match moment {
            Some(moment) => (time(moment)),
            None => "never",
        }
    }
}
