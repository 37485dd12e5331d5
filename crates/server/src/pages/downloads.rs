//! Files that people can have: those that a repository offers, and those of an issue.

use bucketload_archive::NamedFile;
use bucketload_model::RepositoryName;
use maud::{Markup, html};
use url::form_urlencoded;

use super::layout::{self, Room};
use super::parts::{back_to, bytes, repository_path};
use crate::session::Person;

/// What the page shows.
#[derive(Debug)]
pub(crate) struct List {
    pub(crate) name: RepositoryName,
    pub(crate) files: Vec<NamedFile>,
    /// The next page begins behind this file, if there is one.
    pub(crate) next: Option<String>,
}

pub(crate) fn page(person: &Person, list: &List) -> Markup {
    let path = format!("{}/downloads", repository_path(&list.name));
    let content = html! {
        (back_to(&repository_path(&list.name), &list.name.to_string()))
        @if list.files.is_empty() {
            div class="blank" {
                h2 { "Nothing is here" }
                p { "An import brings the files that a repository offers for download." }
            }
        } @else {
            section { (files(&list.files, &path)) }
        }
        @if let Some(next) = &list.next {
            p class="pager" {
                a href={(path) "?after=" (encoded(next))} rel="next" { "More files" }
            }
        }
    };
    layout::page(person, Room::Repositories, "Downloads", &content)
}

fn encoded(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

/// Files, below a path by their hashes.
pub(crate) fn files(files: &[NamedFile], path: &str) -> Markup {
    html! {
        ul class="rows" {
            @for file in files {
                li {
                    @match &file.content {
                        Some((sha256, size)) => {
                            a class="grow" href={(path) "/" (sha256)} download { bdi { (file.name) } }
                            span class="detail" { (bytes(*size)) }
                        },
                        None => {
                            span class="grow" { bdi { (file.name) } }
                            span class="detail" { "its content is missing" }
                        },
                    }
                }
            }
        }
    }
}
