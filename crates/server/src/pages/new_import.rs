//! Choosing what to import.

use std::collections::HashMap;
use std::sync::Arc;

use bucketload_archive::ImportSummary;
use bucketload_model::{RepositoryName, WorkspaceSlug};
use maud::{Markup, html};

use super::icons;
use super::layout::{self, Room};
use super::parts::{bytes, form_field, grouped, import_state, time};
use super::trouble;
use crate::bitbucket::credentials::{Usable, Whose};
use crate::bitbucket::lists::{Candidate, Found, Sort, Unfit};
use crate::bitbucket::trouble::Trouble;
use crate::imports::new::Place;
use crate::session::Person;

/// What the page shows.
#[derive(Debug)]
pub(crate) struct NewImport {
    pub(crate) place: Place,
    /// The credentials to choose from.
    pub(crate) usable: Vec<Usable>,
    /// The one that is chosen.
    pub(crate) credential: Option<Usable>,
    pub(crate) has_consumer: bool,
    pub(crate) workspaces: Arc<Vec<WorkspaceSlug>>,
    /// Why Bitbucket does not show more.
    pub(crate) trouble: Option<Trouble>,
    pub(crate) found: Option<Arc<Found>>,
    /// What was imported of the workspace before.
    pub(crate) imported: HashMap<RepositoryName, ImportSummary>,
}

pub(crate) const PATH: &str = "imports/new";

pub(crate) const TITLE: &str = "New import";

pub(crate) fn page(person: &Person, new: &NewImport) -> Markup {
    let content = html! {
        p class="lead" {
            "Choose repositories; the next step shows what they take, and nothing begins before."
        }
        (connect(person, new))
        (source(new))
        @if let Some(mistyped) = &new.place.mistyped {
            p class="error" role="alert" {
                "“" (mistyped) "” is no workspace: its name is what stands in addresses, such as "
                code { "bitbucket.org/" strong { "teapots" } "/kettle" } "."
            }
        }
        @if let Some(trouble) = &new.trouble { (trouble::note(trouble)) }
        @if let Some(found) = &new.found { (choice(person, new, found)) }
        (elsewhere())
    };
    layout::page(person, Room::NewImport, TITLE, &content)
}

/// What to do for a credential of one's own, where there is none.
fn connect(person: &Person, new: &NewImport) -> Markup {
    let has_own = new.usable.iter().any(|one| one.whose == Whose::Own);
    let has_any = new.usable.iter().any(|one| one.whose != Whose::Nobody);
    html! {
        @if !has_own {
            section class=[(!has_any).then_some("notice")] {
                @if new.has_consumer {
                    h2 {
                        @if has_any { "Your own repositories" } @else { "Connect Bitbucket first" }
                    }
                    p {
                        "Connect Bitbucket, and you see here what your account may read. \
                         Bitbucket shows what you agree to before you do."
                    }
                    form method="post" action="account/connections" {
                        (form_field(&person.token))
                        button type="submit" class=[(!has_any).then_some("primary")] {
                            "Connect Bitbucket for imports" (icons::ARROW.show())
                        }
                    }
                } @else if !has_any {
                    h2 { "Only public repositories can be imported" }
                    p {
                        "This service has no OAuth consumer, so nobody can connect Bitbucket, and \
                         no credential of its own. An administrator sets "
                        code { "BUCKETLOAD_OAUTH_CLIENT_ID" } " and "
                        code { "BUCKETLOAD_OAUTH_CLIENT_SECRET" }
                        ", or keeps an access token with " code { "bucketload auth add-token" } "."
                    }
                }
            }
        }
    }
}

/// Where to look: a credential, a workspace, a part of the name, an order.
fn source(new: &NewImport) -> Markup {
    let place = &new.place;
    let chosen = place.workspace.as_ref();
    let is_listed = chosen.is_some_and(|chosen| new.workspaces.contains(chosen));
    html! {
        section {
            form class="source" method="get" action=(PATH) role="search" {
                label {
                    "Credential"
                    select name="credential" {
                        @for one in &new.usable {
                            option value=(one.which) selected[Some(one.which) == place.which] {
                                (one.label)
                                @if one.whose == Whose::Service { " (of this service)" }
                                @if one.ended.is_some() { " (ended)" }
                            }
                        }
                    }
                }
                @if new.workspaces.is_empty() {
                    label {
                        "Workspace"
                        input type="text" name="workspace" required autocomplete="off"
                            autocapitalize="none" spellcheck="false" placeholder="teapots"
                            value=[chosen];
                    }
                } @else {
                    label {
                        "Workspace"
                        select name="workspace" {
                            @if let Some(other) = chosen.filter(|_| !is_listed) {
                                option value=(other) selected { (other) }
                            }
                            @for workspace in new.workspaces.iter() {
                                option value=(workspace) selected[chosen == Some(workspace)] {
                                    (workspace)
                                }
                            }
                        }
                    }
                }
                label {
                    "Part of the name"
                    input type="search" name="q" value=(place.text) autocomplete="off"
                        spellcheck="false" placeholder="all repositories";
                }
                label {
                    "Order"
                    select name="sort" {
                        @for sort in Sort::ALL {
                            option value=(sort) selected[sort == place.sort] { (sort_words(sort)) }
                        }
                    }
                }
                button type="submit" { (icons::SEARCH.show()) "Show" }
                @if !new.workspaces.is_empty() {
                    details {
                        summary { "Another workspace" }
                        label {
                            span class="hint" {
                                "One that this credential sees without being a member, by its \
                                 name in addresses"
                            }
                            input type="text" name="workspace" autocomplete="off"
                                autocapitalize="none" spellcheck="false" placeholder="teapots";
                        }
                    }
                }
            }
        }
    }
}

const fn sort_words(sort: Sort) -> &'static str {
    match sort {
        Sort::Updated => "Last changed first",
        Sort::Name => "By name",
        Sort::Size => "Largest first",
        Sort::Created => "Oldest first",
    }
}

fn choice(person: &Person, new: &NewImport, found: &Found) -> Markup {
    html! {
        @if found.candidates.is_empty() {
            div class="blank" {
                h2 { "No repository to import" }
                @if new.place.text.is_empty() {
                    p {
                        "The workspace shows none to this credential. Its permissions may be for \
                         other projects: choose another credential."
                    }
                } @else {
                    p { "No name has “" (new.place.text) "” in it." }
                    p {
                        @let all = Place { text: String::new(), ..new.place.clone() };
                        a href=(all.address(PATH, 1)) { "Show all repositories" }
                    }
                }
            }
        } @else {
            form method="post" action=(PATH) data-choice="repository" {
                (form_field(&person.token))
                @for (name, value) in new.place.fields() {
                    input type="hidden" name=(name) value=(value);
                }
                (table(new, found))
                @if found.has_more() {
                    p class="pager" {
                        a href=(new.place.address(PATH, found.pages + 1)) rel="next" {
                            "Show more repositories"
                        }
                    }
                }
                @if found.is_cut_short() {
                    p class="hint" {
                        "Only the first thousand are shown: a part of the name finds the others."
                    }
                }
                (bulk(found))
            }
        }
        @if !found.unfit.is_empty() { (unfit(&found.unfit)) }
    }
}

fn table(new: &NewImport, found: &Found) -> Markup {
    html! {
        div class="table-frame" {
            table class="candidates" {
                thead {
                    tr {
                        th scope="col" class="pick" {
                            input type="checkbox" data-all aria-label="Choose all that are shown"
                                hidden;
                        }
                        th scope="col" { "Repository" }
                        th scope="col" { "Language" }
                        th scope="col" class="number" { "Size" }
                        th scope="col" { "Last changed" }
                        th scope="col" { "Imported" }
                    }
                }
                tbody {
                    @for candidate in &found.candidates {
                        (row(candidate, new.imported.get(&candidate.name)))
                    }
                }
            }
        }
    }
}

fn row(candidate: &Candidate, import: Option<&ImportSummary>) -> Markup {
    let name = &candidate.name;
    html! {
        tr {
            td class="pick" {
                input type="checkbox" name="repository" value=(name.slug)
                    aria-label={"Choose " (name.slug)};
            }
            th scope="row" {
                span { (name.slug) }
                @match candidate.is_private {
                    Some(true) => { " " span class="badge" { (icons::KEY.show()) "private" } }
                    Some(false) => { " " span class="badge" { "public" } }
                    None => {}
                }
            }
            td data-label="Language" { (candidate.language.as_deref().unwrap_or("–")) }
            td data-label="Size" class="number" {
                @match candidate.size_bytes { Some(size) => (bytes(size)), None => "–" }
            }
            td data-label="Last changed" {
                @match candidate.updated_at { Some(updated) => (time(updated)), None => "–" }
            }
            td data-label="Imported" {
                @match import {
                    Some(import) => a class="plain" href={"imports/" (import.id)} {
                        (import_state(import.state))
                    },
                    None => span class="hint" { "not yet" },
                }
            }
        }
    }
}

fn bulk(found: &Found) -> Markup {
    let shown = found.candidates.len() as u64;
    let in_all = found.in_all.unwrap_or(shown);
    html! {
        div class="bulk" role="group" aria-label="With those that are chosen" {
            span class="chosen" data-chosen { "With those that are chosen:" }
            button class="primary" type="submit" { "Look at what it takes" (icons::ARROW.show()) }
            label class="check" {
                input type="checkbox" name="all" value="1";
                span {
                    "all " (grouped(in_all)) " that match"
                    @if in_all > shown { ", also those not shown yet" }
                    @if in_all > 1_000 { " (the first 1,000)" }
                }
            }
        }
    }
}

/// What is in the list and cannot be imported.
fn unfit(unfit: &[Unfit]) -> Markup {
    html! {
        section {
            h2 { "Cannot be imported" }
            ul class="rows" {
                @for one in unfit {
                    li {
                        (icons::WARNING.show())
                        div class="grow" {
                            strong { (one.name) }
                            div class="detail" { (one.why) "." }
                        }
                    }
                }
            }
        }
    }
}

fn elsewhere() -> Markup {
    html! {
        p class="hint" {
            "What Bitbucket removed can still come home: "
            "bring " a href="repositories#issue-export" { "an export of issues" } " or "
            a href="repositories#wiki-bundle" { "a wiki that was kept" } "."
        }
    }
}
