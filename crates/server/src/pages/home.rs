//! The list of imports.

use bucketload_archive::Overview;
use bucketload_model::{AnnouncedRemoval, ImportReport, Stage};
use maud::{Markup, html};

use super::icons;
use super::layout::{self, Room};
use super::parts::{counted, grouped, import_state, time};
use crate::session::Person;

pub(crate) fn page(person: &Person, overview: &Overview, removals: &[AnnouncedRemoval]) -> Markup {
    let reports = &overview.imports;
    let shown = reports.len() as u64;
    let content = html! {
        @if !removals.is_empty() { (announced(removals)) }
        @if reports.is_empty() {
            (nothing_yet())
        } @else {
            p class="lead" { "The latest import of each repository, the newest first." }
            div class="table-frame" {
                table {
                    thead {
                        tr {
                            th scope="col" { "Repository" }
                            th scope="col" { "State" }
                            th scope="col" class="number" { "Pull requests" }
                            th scope="col" class="number" { "Comments" }
                            th scope="col" { "Began" }
                        }
                    }
                    tbody {
                        @for report in reports { (row(report)) }
                    }
                }
            }
            @if overview.total > shown {
                p class="hint" {
                    "There are " (grouped(overview.total - shown)) " more; "
                    code { "bucketload status --all" } " shows all. "
                    (counts(overview))
                }
            }
        }
    };
    layout::page(person, Room::Imports, "Imports", &content)
}

/// How many of all stand how.
fn counts(overview: &Overview) -> String {
    let counts = overview.by_state.iter();
    let counts: Vec<String> = counts
        .map(|(state, count)| format!("{} {}", grouped(*count), state.name().replace('_', " ")))
        .collect();
    format!("In all: {}.", counts.join(", "))
}

fn row(report: &ImportReport) -> Markup {
    let stored = |stage: Stage| {
        let found = report.stages.iter().find(|one| one.name == stage);
        found.map_or(0, |stage| stage.stored)
    };
    let gaps = u64::try_from(report.gaps.len()).unwrap_or(u64::MAX);
    html! {
        tr {
            th scope="row" { (report.source) }
            td data-label="State" {
                (import_state(report.state))
                @if let Some(until) = report.waits_until {
                    div class="detail" { "until " (time(until)) }
                }
                @if gaps > 0 {
                    div class="detail" { (counted(gaps, "gap", "gaps")) }
                }
                @if let Some(error) = &report.error {
                    div class="detail" { (error) }
                }
            }
            td class="number" data-label="Pull requests" {
                (grouped(stored(Stage::PullRequests)))
            }
            td class="number" data-label="Comments" {
                (grouped(stored(Stage::PullRequestComments)))
            }
            td data-label="Began" { (time(report.started_at)) }
        }
    }
}

/// What Bitbucket will take away, once for each kind of request. Headers are words of
/// others: an address among them is shown, and leads nowhere.
fn announced(removals: &[AnnouncedRemoval]) -> Markup {
    html! {
        section class="card" {
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

fn nothing_yet() -> Markup {
    html! {
        div class="blank" {
            h2 { "Nothing was imported yet" }
            p {
                "Imports are started on the machine of this service, for now; they show here \
                 while they run and when they have ended."
            }
            pre { code { "bucketload import workspace/repository" } }
        }
    }
}
