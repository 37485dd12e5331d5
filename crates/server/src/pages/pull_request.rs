//! One pull request.

use bucketload_model::RepositoryName;
use maud::{Markup, html};

use super::discussion::{Place, entries, fact, heading, sent_time, someone, state, text};
use super::icons;
use super::layout::{self, Room};
use super::parts::{back_to, badge, repository_path};
use crate::discussion::{Entry, Known, Participant, PullRequest, Side, Task};
use crate::session::Person;

/// Everything that the page shows.
#[derive(Debug)]
pub(crate) struct Whole {
    pub(crate) id: i64,
    pub(crate) name: RepositoryName,
    pub(crate) pull_request: PullRequest,
    pub(crate) entries: Vec<Entry>,
    pub(crate) tasks: Vec<Task>,
    pub(crate) known: Known,
    pub(crate) place: Place,
}

pub(crate) fn page(person: &Person, whole: &Whole) -> Markup {
    let list = format!("{}/pull-requests", repository_path(&whole.name));
    let content = html! {
        (back_to(&list, &format!("Pull requests of {}", whole.name)))
        (head(whole))
        @if whole.place.is_first {
            (description(whole))
            (tasks(whole))
        }
        (entries(&whole.entries, &whole.known, &whole.place))
    };
    let title = heading(whole.id, &whole.pull_request.title);
    layout::page(person, Room::Repositories, &title, &content)
}

fn head(whole: &Whole) -> Markup {
    let (it, known) = (&whole.pull_request, &whole.known);
    let author = known.person(it.author.as_ref());
    html! {
        section class="head" {
            p class="states" {
                (state(it.state.as_deref()))
                @if it.is_draft { (badge("plain", icons::CLOCK, "draft")) }
            }
            dl class="facts-list" {
                (fact("Opened", &html! {
                    "by " (someone(&author)) ", " (sent_time(it.created_on.as_deref()))
                }))
                (fact("Branches", &html! {
                    (side(&it.source)) " to " (side(&it.destination))
                }))
                @if let Some(closer) = &it.closed_by {
                    (fact("Closed", &html! { "by " (someone(&known.person(Some(closer)))) }))
                }
                @if let Some(reason) = &it.reason {
                    (fact("Reason", &html! { bdi { (reason) } }))
                }
                @if let Some(commit) = &it.merge_commit {
                    (fact("Merged as", &html! { code { (commit) } }))
                }
                (fact("Last changed", &sent_time(it.updated_on.as_deref())))
                @if !it.participants.is_empty() {
                    (fact("Taking part", &participants(&it.participants, known)))
                }
            }
        }
    }
}

fn side(side: &Side) -> Markup {
    html! {
        code { bdi { (side.branch.as_deref().unwrap_or("a branch that is gone")) } }
        @match (&side.repository, &side.commit) {
            (Some(_), Some(commit)) => { " at " code { (commit) } },
            (Some(_), None) => {},
            (None, _) => " of a repository that is gone",
        }
    }
}

fn participants(participants: &[Participant], known: &Known) -> Markup {
    html! {
        ul class="people" {
            @for one in participants {
                li {
                    (someone(&known.person(Some(&one.account))))
                    @if one.is_reviewer { " " span class="detail" { "reviewer" } }
                    @if one.has_approved { " " (badge("good", icons::CHECK, "approved")) }
                    @if one.wants_changes {
                        " " (badge("warn", icons::WARNING, "asked for changes"))
                    }
                }
            }
        }
    }
}

fn description(whole: &Whole) -> Markup {
    html! {
        section id="description" {
            h2 { "Description" }
            @match &whole.pull_request.description {
                Some(said) => (text(said, &whole.known, &format!("{}/text", whole.place.path))),
                None => p class="empty" { "It has none." },
            }
        }
    }
}

fn tasks(whole: &Whole) -> Markup {
    html! {
        @if !whole.tasks.is_empty() {
            section id="tasks" {
                h2 { "Tasks" }
                ul class="rows" {
                    @for task in &whole.tasks {
                        li {
                            @if task.is_done {
                                (badge("good", icons::CHECK, "done"))
                            } @else {
                                (badge("warn", icons::CLOCK, "open"))
                            }
                            div class="grow text" {
                                @if let Some(said) = &task.text {
                                    (said.show(&whole.known.surroundings))
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}
