//! The lists of pull requests and of issues: what both have in common is nearly all.

use bucketload_archive::StateCounts;
use bucketload_model::RepositoryName;
use maud::{Markup, html};

use super::discussion::{sent_time, state};
use super::icons;
use super::layout::{self, Room};
use super::parts::{back_to, grouped, repository_path};
use crate::repositories::filter::Chosen;
use crate::session::Person;

/// What the page shows.
#[derive(Debug)]
pub(crate) struct List {
    pub(crate) name: RepositoryName,
    pub(crate) kind: Kind,
    pub(crate) chosen: Chosen,
    /// How many there are in each state.
    pub(crate) states: StateCounts,
    pub(crate) lines: Vec<Line>,
    /// The next page is below this number, if there is one.
    pub(crate) next: Option<i64>,
}

/// Of what the list is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    PullRequests,
    Issues,
}

/// One of them.
#[derive(Debug)]
pub(crate) struct Line {
    pub(crate) id: i64,
    pub(crate) title: String,
    pub(crate) state: Option<String>,
    pub(crate) author: String,
    /// Where a change comes from, and where it goes.
    pub(crate) branches: Option<(String, String)>,
    /// Kind and priority of an issue.
    pub(crate) labels: Vec<String>,
    pub(crate) comments: Option<u64>,
    pub(crate) created_on: Option<String>,
    pub(crate) updated_on: Option<String>,
}

impl Kind {
    const fn title(self) -> &'static str {
        match self {
            Self::PullRequests => "Pull requests",
            Self::Issues => "Issues",
        }
    }

    const fn path(self) -> &'static str {
        match self {
            Self::PullRequests => "pull-requests",
            Self::Issues => "issues",
        }
    }

    /// What there is when there is nothing.
    const fn none(self) -> &'static str {
        match self {
            Self::PullRequests => {
                "An import brings the pull requests of a repository, those that are closed too."
            }
            Self::Issues => {
                "Bitbucket has no issues any more. An export that somebody made before 20 August \
                 2026 can be brought on the page of the repository."
            }
        }
    }
}

impl List {
    fn path(&self) -> String {
        format!("{}/{}", repository_path(&self.name), self.kind.path())
    }
}

pub(crate) fn page(person: &Person, list: &List) -> Markup {
    let in_all: u64 = list.states.values().sum();
    let is_empty = list.lines.is_empty();
    let content = html! {
        (back_to(&repository_path(&list.name), &list.name.to_string()))
        @if is_empty && in_all == 0 && list.chosen.is_plain() {
            div class="blank" {
                h2 { "Nothing is here" }
                p { (list.kind.none()) }
            }
        } @else {
            (search(list))
            (states(list, in_all))
            @if is_empty {
                (nothing(list))
            } @else {
                (table(list))
            }
            (pager(list))
        }
    };
    layout::page(person, Room::Repositories, list.kind.title(), &content)
}

fn search(list: &List) -> Markup {
    let chosen = &list.chosen;
    html! {
        form class="search" method="get" action=(list.path()) role="search" {
            @if let Some(state) = &chosen.state {
                input type="hidden" name="state" value=(state);
            }
            label {
                span class="away" { "Title, or # and the number" }
                input type="search" name="q" value=(chosen.text) placeholder="Title, or #number"
                    autocomplete="off" spellcheck="false";
            }
            label class="narrow" {
                span class="away" { "Opened by" }
                input type="search" name="author" value=(chosen.author) placeholder="Opened by"
                    autocomplete="off" spellcheck="false";
            }
            button type="submit" { (icons::SEARCH.show()) "Find" }
        }
    }
}

fn states(list: &List, in_all: u64) -> Markup {
    let (chosen, path) = (&list.chosen, list.path());
    let current = |here: bool| here.then_some("true");
    html! {
        nav class="chips" aria-label="Filter by state" {
            a href=(chosen.with_state(None).address(&path, None))
                aria-current=[current(chosen.state.is_none())] {
                "All " span class="count" { (grouped(in_all)) }
            }
            @for (state, count) in &list.states {
                a href=(chosen.with_state(Some(state)).address(&path, None))
                    aria-current=[current(chosen.state.as_ref() == Some(state))] {
                    (state.to_lowercase()) " " span class="count" { (grouped(*count)) }
                }
            }
        }
    }
}

fn nothing(list: &List) -> Markup {
    html! {
        div class="blank" {
            h2 { "Nothing matches" }
            @if list.next.is_none() {
                p { a href=(list.path()) { "Show all" } }
            } @else {
                p { "At least not among those that were looked through so far." }
            }
        }
    }
}

fn pager(list: &List) -> Markup {
    html! {
        @if let Some(next) = list.next {
            p class="pager" {
                a href=(list.chosen.address(&list.path(), Some(next))) rel="next" {
                    @if list.chosen.is_search() {
                        "Look on below #" (next)
                    } @else {
                        "Older"
                    }
                }
            }
        }
    }
}

fn table(list: &List) -> Markup {
    let has_comments = list.kind == Kind::PullRequests;
    html! {
        div class="table-frame" {
            table class="list" {
                thead {
                    tr {
                        th scope="col" class="widest" { (list.kind.title()) }
                        th scope="col" { "State" }
                        @if has_comments { th scope="col" class="number" { "Comments" } }
                        th scope="col" { "Last changed" }
                    }
                }
                tbody { @for line in &list.lines { (row(line, &list.path(), has_comments)) } }
            }
        }
    }
}

fn row(line: &Line, path: &str, has_comments: bool) -> Markup {
    html! {
        tr {
            th scope="row" {
                a href={(path) "/" (line.id)} {
                    "#" (line.id) " " bdi { (line.title) }
                }
                div class="detail" {
                    "opened by " bdi { (line.author) } " " (sent_time(line.created_on.as_deref()))
                    @if let Some((from, to)) = &line.branches {
                        " · " code { (from) } " to " code { (to) }
                    }
                    @for label in &line.labels { " · " (label) }
                }
            }
            td data-label="State" { (state(line.state.as_deref())) }
            @if has_comments {
                td data-label="Comments" class="number" {
                    @match line.comments {
                        Some(comments) => (grouped(comments)),
                        None => "unknown",
                    }
                }
            }
            td data-label="Last changed" { (sent_time(line.updated_on.as_deref())) }
        }
    }
}
