//! What people said, and what happened meanwhile: the part that pull requests and issues
//! share.

use chrono::DateTime;
use maud::{Markup, html};

use super::icons::{self, Icon};
use super::parts::{badge, bytes, time};
use crate::discussion::{self, Comment, Entry, Event, Known, Someone, What};
use crate::mount;
use crate::text::Text;

/// Where a page of a discussion stands.
#[derive(Debug)]
pub(crate) struct Place {
    /// The path of the first page.
    pub(crate) path: String,
    pub(crate) is_first: bool,
    /// The next page begins behind this comment, if there is one.
    pub(crate) next: Option<i64>,
}

/// A time as it was sent.
pub(crate) fn sent_time(sent: Option<&str>) -> Markup {
    let parsed = sent.and_then(|sent| DateTime::parse_from_rfc3339(sent).ok());
    html! {
        @match parsed {
            Some(moment) => (time(moment.to_utc())),
            None => (sent.unwrap_or("at an unknown time")),
        }
    }
}

/// Where a pull request or an issue stands.
pub(crate) fn state(state: Option<&str>) -> Markup {
    let state = state.unwrap_or("unknown").to_lowercase();
    let (class, icon): (_, Icon) = match state.as_str() {
        "open" | "new" => ("active", icons::RUN),
        "merged" | "resolved" | "closed" => ("good", icons::CHECK),
        "on hold" => ("warn", icons::CLOCK),
        "declined" => ("bad", icons::STOP),
        _ => ("plain", icons::STOP),
    };
    badge(class, icon, &state)
}

/// Somebody, and what else they were called.
pub(crate) fn someone(someone: &Someone) -> Markup {
    html! {
        strong { bdi { (someone.name) } }
        @if !someone.former_names.is_empty() {
            " " span class="detail" { "formerly " bdi { (someone.former_names.join(", ")) } }
        }
        @if someone.is_former {
            " " span class="detail" { "(account is gone)" }
        }
    }
}

/// A text, and where the whole of it is when it is long.
pub(crate) fn text(text: &Text, known: &Known, whole: &str) -> Markup {
    html! {
        div class="text" { (text.show(&known.surroundings)) }
        @if let Some(size) = text.cut_from() {
            p class="detail" {
                "This is the beginning of a text of " (bytes(size)) ". "
                a href=(whole) { "Read the whole as it was typed" }
            }
        }
    }
}

/// A part of a discussion, with the way to the next one.
pub(crate) fn entries(entries: &[Entry], known: &Known, place: &Place) -> Markup {
    html! {
        section id="discussion" class="bare" {
            h2 { "Discussion" }
            @if !place.is_first {
                p class="pager" { a href=(place.path) { "From the beginning" } }
            }
            @if entries.is_empty() {
                p class="empty" { "Nobody said anything." }
            }
            ol class="discussion" {
                @for entry in entries {
                    @match entry {
                        Entry::Thread(comments) => li class="thread" {
                            @for one in comments { (comment(one, known, &place.path)) }
                        },
                        Entry::Event(one) => li class="event" { (event(one, known)) },
                    }
                }
            }
            @if let Some(next) = place.next {
                p class="pager" {
                    a href={(place.path) "?after=" (next)} rel="next" { "Later" }
                }
            }
        }
    }
}

fn comment(comment: &Comment, known: &Known, path: &str) -> Markup {
    let anchor = format!("comment-{}", comment.id);
    let author = known.person(comment.author.as_ref());
    html! {
        article class={"comment depth-" (comment.depth)} id=(anchor) {
            header {
                (someone(&author)) " "
                a class="detail" href=(mount::here(&anchor)) {
                    (sent_time(comment.created_on.as_deref()))
                }
                @if let Some(edited) = &comment.edited_on {
                    " " span class="detail" { "edited " (sent_time(Some(edited))) }
                }
                @if comment.is_resolved { " " (badge("good", icons::CHECK, "resolved")) }
            }
            @if let Some(place) = &comment.place { (line_of_code(place)) }
            @if comment.is_deleted {
                p class="detail" { "This comment was deleted." }
            }
            @if let Some(said) = &comment.text {
                (text(said, known, &format!("{path}/text?comment={}", comment.id)))
            }
        }
    }
}

fn line_of_code(place: &discussion::Place) -> Markup {
    html! {
        p class="place detail" {
            code { bdi { (place.path.as_deref().unwrap_or("a file of the change")) } }
            @if let Some((first, last)) = place.lines {
                @if first == last { " line " (first) } @else { " lines " (first) " to " (last) }
                @if place.is_before { " of the file before" }
            }
            @if place.is_outdated { " " (badge("plain", icons::CLOCK, "outdated")) }
        }
    }
}

fn event(event: &Event, known: &Known) -> Markup {
    let who = known.person(event.who.as_ref());
    let icon = match &event.what {
        What::Approved => icons::CHECK,
        What::ChangesRequested => icons::WARNING,
        What::State(state, _) if state == "MERGED" => icons::CHECK,
        What::State(..) => icons::STOP,
        _ => icons::RUN,
    };
    html! {
        (icon.show())
        span {
            (someone(&who)) " " (what(&event.what)) " "
            span class="detail" { (sent_time(event.happened_on.as_deref())) }
        }
    }
}

fn what(what: &What) -> Markup {
    let shown = |value: &Option<String>| value.clone().unwrap_or_else(|| "nothing".to_owned());
    html! {
        @match what {
            What::Opened => "opened it",
            What::Approved => "approved it",
            What::ChangesRequested => "asked for changes",
            What::State(state, reason) => {
                @match state.as_str() {
                    "OPEN" => "opened it again",
                    "MERGED" => "merged it",
                    "DECLINED" => "declined it",
                    other => { "set the state to " (other.to_lowercase()) },
                }
                @if let Some(reason) = reason { ": " q { bdi { (reason) } } }
            },
            What::Pushed(commit) => { "pushed commits up to " code { (commit) } },
            What::Edited => "edited it",
            What::Field { name, .. } if name == "content" => "edited the text",
            What::Field { name, before, since } => {
                "changed " (name) " from " q { bdi { (shown(before)) } }
                " to " q { bdi { (shown(since)) } }
            },
            What::Other => "did something that is not known here",
        }
    }
}

/// A fact with its name, for the list at the head of the page.
pub(crate) fn fact(name: &str, value: &Markup) -> Markup {
    html! { div { dt { (name) } dd { (value) } } }
}

/// A title that is no longer than a heading may be.
pub(crate) fn heading(id: i64, title: &str) -> String {
    const LONGEST_CHARS: usize = 300;
    let cut: String = title.chars().take(LONGEST_CHARS).collect();
    let more = if cut.len() < title.len() { "…" } else { "" };
    format!("#{id} {cut}{more}")
}
