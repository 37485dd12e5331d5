//! One issue.

use bucketload_archive::NamedFile;
use bucketload_model::RepositoryName;
use maud::{Markup, html};

use super::discussion::{Place, entries, fact, heading, sent_time, someone, state, text};
use super::downloads;
use super::layout::{self, Room};
use super::parts::{back_to, repository_path};
use crate::discussion::{Entry, Issue, Known};
use crate::session::Person;

/// Everything that the page shows.
#[derive(Debug)]
pub(crate) struct Whole {
    pub(crate) id: i64,
    pub(crate) name: RepositoryName,
    pub(crate) issue: Issue,
    pub(crate) entries: Vec<Entry>,
    pub(crate) files: Vec<NamedFile>,
    pub(crate) known: Known,
    pub(crate) place: Place,
}

pub(crate) fn page(person: &Person, whole: &Whole) -> Markup {
    let list = format!("{}/issues", repository_path(&whole.name));
    let content = html! {
        (back_to(&list, &format!("Issues of {}", whole.name)))
        (head(whole))
        @if whole.place.is_first {
            section id="description" {
                h2 { "Description" }
                @match &whole.issue.content {
                    Some(said) => (text(said, &whole.known, &format!("{}/text", whole.place.path))),
                    None => p class="empty" { "It has none." },
                }
            }
            @if !whole.files.is_empty() {
                section id="files" {
                    h2 { "Attachments" }
                    (downloads::files(&whole.files, &format!("{}/files", whole.place.path)))
                }
            }
        }
        (entries(&whole.entries, &whole.known, &whole.place))
    };
    let title = heading(whole.id, &whole.issue.title);
    layout::page(person, Room::Repositories, &title, &content)
}

fn head(whole: &Whole) -> Markup {
    let (issue, known) = (&whole.issue, &whole.known);
    let reporter = known.person(issue.reporter.as_ref());
    html! {
        section class="head" {
            p class="states" { (state(issue.state.as_deref())) }
            dl class="facts-list" {
                (fact("Reported", &html! {
                    "by " (someone(&reporter)) ", " (sent_time(issue.created_on.as_deref()))
                }))
                @if let Some(assignee) = &issue.assignee {
                    (fact("Assigned", &html! { "to " (someone(&known.person(Some(assignee)))) }))
                }
                @for (name, value) in &issue.labels {
                    (fact(&capitalised(name), &html! { bdi { (value) } }))
                }
                (fact("Last changed", &sent_time(issue.updated_on.as_deref())))
            }
        }
    }
}

fn capitalised(word: &str) -> String {
    let mut letters = word.chars();
    let first = letters.next().map(|first| first.to_ascii_uppercase());
    first.into_iter().chain(letters).collect()
}
