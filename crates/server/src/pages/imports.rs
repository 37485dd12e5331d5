//! The list of imports.

use std::collections::HashMap;

use bucketload_archive::ImportLine;
use bucketload_model::{AnnouncedRemoval, ImportState, UserRole};
use chrono::{DateTime, Utc};
use maud::{Markup, html};

use super::layout::{self, Room};
use super::parts::{form_field, grouped, time};
use super::{asks, icons, import_line, new_import};
use crate::events::EventId;
use crate::imports::filter::Chosen;
use crate::imports::look::Lines;
use crate::session::Person;

/// What the page shows.
#[derive(Debug)]
pub(crate) struct List {
    pub(crate) chosen: Chosen,
    pub(crate) lines: Lines,
    /// How many stand how, of those that match whatever their state.
    pub(crate) counts: HashMap<ImportState, u64>,
    pub(crate) workspaces: Vec<String>,
    pub(crate) removals: Vec<AnnouncedRemoval>,
    /// The last event that the page knows of.
    pub(crate) seen_until: EventId,
    pub(crate) now: DateTime<Utc>,
}

const PATH: &str = "imports";

pub(crate) fn page(person: &Person, list: &List) -> Markup {
    let in_all: u64 = list.counts.values().sum();
    let is_empty = in_all == 0 && list.chosen.is_plain();
    let content = html! {
        @if !list.removals.is_empty() { (announced(&list.removals)) }
        @if is_empty {
            (nothing_yet(person))
        } @else {
            (search(list))
            (states(list, in_all))
            @if list.lines.lines.is_empty() {
                (nothing_found())
            } @else {
                (table(person, list))
            }
        }
    };
    layout::live_page(person, Room::Imports, "Imports", list.seen_until, &content)
}

fn search(list: &List) -> Markup {
    let chosen = &list.chosen;
    html! {
        form class="search" method="get" action=(PATH) role="search" {
            @for state in &chosen.states {
                input type="hidden" name="state" value=(state.name());
            }
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
                            option value=(workspace)
                                selected[chosen.workspace.as_ref().is_some_and(
                                    |chosen| chosen.as_str() == workspace)] { (workspace) }
                        }
                    }
                }
            }
            button type="submit" { (icons::SEARCH.show()) "Find" }
        }
    }
}

/// The states there are, each with its number; they filter the list.
fn states(list: &List, in_all: u64) -> Markup {
    let chosen = &list.chosen;
    let count = |state: ImportState| list.counts.get(&state).copied().unwrap_or_default();
    let is_chosen = |state: ImportState| chosen.states == [state];
    let of_all = chosen.with_states(&[]).is_plain();
    let current = |here: bool| here.then_some("true");
    html! {
        nav class="chips" aria-label="Filter by state" data-counts[of_all] {
            a href=(chosen.with_states(&[]).address(PATH, None))
                aria-current=[current(chosen.states.is_empty())] {
                "All " span class="count" { (grouped(in_all)) }
            }
            @for state in ORDER {
                a href=(chosen.with_states(&[state]).address(PATH, None))
                    aria-current=[current(is_chosen(state))] data-state=(state.name())
                    hidden[count(state) == 0 && !is_chosen(state)] {
                    (state_words(state)) " "
                    span class="count" { (grouped(count(state))) }
                }
            }
        }
    }
}

/// What goes on comes first, then what wants somebody's attention.
const ORDER: [ImportState; 9] = [
    ImportState::Running,
    ImportState::Waiting,
    ImportState::Queued,
    ImportState::Cancelling,
    ImportState::Paused,
    ImportState::Failed,
    ImportState::CompleteWithGaps,
    ImportState::Complete,
    ImportState::Cancelled,
];

const fn state_words(state: ImportState) -> &'static str {
    match state {
        ImportState::Queued => "Queued",
        ImportState::Running => "Running",
        ImportState::Waiting => "Waiting",
        ImportState::Paused => "Paused",
        ImportState::Cancelling => "Stopping",
        ImportState::Complete => "Complete",
        ImportState::CompleteWithGaps => "With gaps",
        ImportState::Failed => "Failed",
        ImportState::Cancelled => "Stopped",
    }
}

fn table(person: &Person, list: &List) -> Markup {
    let may_ask = person.user.role >= UserRole::Member;
    let lines = &list.lines;
    let rows = html! {
        p class="news" hidden data-news {
            a href=(list.chosen.address(PATH, None)) { "There are new imports: show them" }
        }
        div class="table-frame" {
            table class="imports" {
                thead {
                    tr {
                        @if may_ask {
                            th scope="col" class="pick" {
                                input type="checkbox" data-all aria-label="Choose all of this page"
                                    hidden;
                            }
                        }
                        th scope="col" { "Repository" }
                        th scope="col" { "State" }
                        th scope="col" { "Progress" }
                    }
                }
                tbody { @for line in &lines.lines { (row(line, may_ask, list.now)) } }
            }
        }
    };
    html! {
        @if may_ask {
            form method="post" action="imports/ask" data-choice="import" {
                (form_field(&person.token))
                (rows)
                (bulk(list))
            }
        } @else {
            (rows)
        }
        @if let Some(next) = lines.next {
            p class="pager" {
                a href=(list.chosen.address(PATH, Some(next))) rel="next" { "Earlier imports" }
            }
        }
    }
}

fn row(line: &ImportLine, may_ask: bool, now: DateTime<Utc>) -> Markup {
    let summary = &line.summary;
    let name = summary.name.to_string();
    html! {
        tr id={"import-" (summary.id)} data-import=(summary.id) data-state=(summary.state) {
            @if may_ask {
                td class="pick" {
                    input type="checkbox" name="import" value=(summary.id)
                        aria-label={"Choose " (name)};
                }
            }
            th scope="row" {
                a href={"imports/" (summary.id)} { (name) }
                div class="detail" { (time(summary.started_at)) }
            }
            td data-label="State" { div data-part="state" { (import_line::state(line)) } }
            td data-label="Progress" class="progress" {
                div data-part="progress" { (import_line::progress(line, now)) }
            }
        }
    }
}

/// What can be done with what was chosen.
fn bulk(list: &List) -> Markup {
    let matching: u64 = if list.chosen.states.is_empty() {
        list.counts.values().sum()
    } else {
        let count = |state| list.counts.get(state).copied().unwrap_or_default();
        list.chosen.states.iter().map(count).sum()
    };
    let shown = list.lines.lines.len() as u64;
    html! {
        div class="bulk" role="group" aria-label="With those that are chosen" {
            @for (name, value) in list.chosen.fields() {
                input type="hidden" name=(name) value=(value);
            }
            input type="hidden" name="back"
                value={"/" (list.chosen.address(PATH, list.chosen.before))};
            span class="chosen" data-chosen { "With those that are chosen:" }
            (asks::all())
            @if matching > shown {
                label class="check" {
                    input type="checkbox" name="all" value="1";
                    span { "all " (grouped(matching)) " that match, also on other pages" }
                }
            }
        }
    }
}

/// What Bitbucket will take away, once for each kind of request. Headers are words of
/// others: an address among them is shown, and leads nowhere.
fn announced(removals: &[AnnouncedRemoval]) -> Markup {
    html! {
        section class="notice" {
            h2 { "Bitbucket announces removals" }
            ul class="rows" {
                @for removal in removals {
                    li {
                        (icons::WARNING.show())
                        div class="grow" {
                            code { (removal.endpoint) }
                            @if let Some(sunset) = &removal.sunset {
                                div class="detail" { "Ends on " (sunset) }
                            }
                            @if let Some(link) = &removal.link {
                                div class="detail" { (link) }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn nothing_yet(person: &Person) -> Markup {
    html! {
        div class="blank" {
            h2 { "Nothing was imported yet" }
            @if person.user.role >= UserRole::Member {
                p {
                    "Choose repositories of your workspaces. Their imports show here while they \
                     run and when they have ended, and go on when you close this page."
                }
                p { a class="button" href=(new_import::PATH) { "New import" } }
                p class="hint" { "On the machine of this service and by its API it works too:" }
            } @else {
                p { "Imports show here while they run and when they have ended." }
            }
            pre { code { "bucketload import workspace/repository --queue" } }
        }
    }
}

fn nothing_found() -> Markup {
    html! {
        div class="blank" {
            h2 { "Nothing matches" }
            p { "No import is of such a repository, or stands so." }
            p { a href=(PATH) { "Show all imports" } }
        }
    }
}
