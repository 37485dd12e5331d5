//! What was taken from a file that somebody brought.

use bucketload_model::RepositoryName;
use bucketload_worker::{TakenExport, TakenWiki};
use maud::{Markup, html};

use super::icons;
use super::layout::{self, Room};
use super::parts::{back_to, badge, counted, grouped, repository_path};
use crate::session::Person;

/// More than these would hide the rest.
const SHOWN: usize = 200;

pub(crate) fn issues(person: &Person, name: &RepositoryName, taken: &TakenExport) -> Markup {
    let amounts = [
        ("issues", taken.issues),
        ("comments", taken.comments),
        ("changes", taken.changes),
        ("attachments", taken.attachments),
        ("new or changed here", taken.written),
    ];
    let missing = taken.missing.iter().map(|file| {
        let words = format!("{}, of issue #{}", file.name, file.issue);
        (words, file.problem.as_str())
    });
    let unreadable = taken.unreadable.iter();
    let content = html! {
        (back_to(&repository_path(name), &name.to_string()))
        section {
            p {
                @if taken.is_whole() {
                    (badge("good", icons::CHECK, "whole"))
                    " All of it is in the archive."
                } @else {
                    (badge("warn", icons::WARNING, "not whole"))
                    " All of it that can be read is in the archive."
                }
            }
            dl class="amounts" {
                @for (what, count) in amounts {
                    div { dt { (what) } dd { (grouped(count)) } }
                }
            }
            p class="hint" { "SHA-256 of the file: " code { (taken.sha256) } }
            @if taken.only_from_export {
                p class="hint" {
                    "Nothing else of this repository is in the archive. An import that reaches it \
                     at Bitbucket gives the issues to it."
                }
            }
        }
        (list("missing", "Attachments without content", missing))
        (list("unreadable", "What cannot be read", unreadable.map(|text| (text.clone(), ""))))
    };
    layout::page(person, Room::Repositories, "Export of issues", &content)
}

pub(crate) fn wiki(person: &Person, name: &RepositoryName, taken: &TakenWiki) -> Markup {
    let skipped = taken.skipped.iter().map(|name| (name.clone(), ""));
    let content = html! {
        (back_to(&repository_path(name), &name.to_string()))
        section {
            p {
                @if taken.skipped.is_empty() {
                    (badge("good", icons::CHECK, "whole"))
                    " The wiki is in the archive, with all its history."
                } @else {
                    (badge("warn", icons::WARNING, "not whole"))
                    " All of the wiki that can be kept is in the archive."
                }
            }
            dl class="amounts" {
                div { dt { "refs" } dd { (grouped(taken.refs)) } }
                div { dt { "new or changed here" } dd { (grouped(taken.written)) } }
            }
        }
        (list("skipped", "Refs whose names cannot be kept", skipped))
    };
    layout::page(person, Room::Repositories, "Wiki", &content)
}

fn list<'a>(
    id: &str,
    title: &str,
    lines: impl ExactSizeIterator<Item = (String, &'a str)>,
) -> Markup {
    let more = lines.len().saturating_sub(SHOWN) as u64;
    html! {
        @if lines.len() > 0 {
            section id=(id) {
                h2 { (title) }
                ul class="gaps" {
                    @for (what, why) in lines.take(SHOWN) {
                        li {
                            span class="grow" {
                                strong { (what) }
                                @if !why.is_empty() { span class="detail" { (why) } }
                            }
                        }
                    }
                }
                @if more > 0 { p class="hint" { "And " (counted(more, "other", "others")) "." } }
            }
        }
    }
}
