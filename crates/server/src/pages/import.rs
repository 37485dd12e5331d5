//! One import.

use std::collections::BTreeMap;

use bucketload_archive::{AuditEntry, ImportLine, ImportSummary, LogEntry};
use bucketload_model::{RequestEstimate, UserRole};
use chrono::{DateTime, Utc};
use maud::{Markup, html};
use url::Url;

use super::gaps::{self, GapGroup, Place};
use super::layout::{self, Room};
use super::parts::{back_to, counted, form_field, grouped, import_state, repository_path, time};
use super::{asks, import_line, import_log, stages};
use crate::events::EventId;
use crate::session::Person;

/// Everything that the page shows.
#[derive(Debug)]
pub(crate) struct Whole {
    pub(crate) line: ImportLine,
    pub(crate) gaps: Vec<GapGroup>,
    /// Requests that it took, by the kind of thing asked for.
    pub(crate) requests: BTreeMap<String, u64>,
    pub(crate) log: Vec<LogEntry>,
    pub(crate) audit: Vec<AuditEntry>,
    /// The latest imports of the same repository, with this one.
    pub(crate) earlier: Vec<ImportSummary>,
    pub(crate) web_url: Url,
    pub(crate) seen_until: EventId,
    pub(crate) now: DateTime<Utc>,
}

pub(crate) fn page(person: &Person, whole: &Whole) -> Markup {
    let summary = &whole.line.summary;
    let place = Place {
        import: summary.id,
        repository: &summary.name,
        web_url: &whole.web_url,
    };
    let content = html! {
        (back_to("imports", "Imports"))
        (head(person, whole))
        (stages::section(&whole.line, whole.now))
        (gaps::section(&whole.gaps, &place))
        (requests(whole))
        div class="columns" {
            (import_log::happened(&whole.log))
            (import_log::audit(&whole.audit))
        }
        (earlier(whole))
    };
    let title = summary.name.to_string();
    layout::live_page(person, Room::Imports, &title, whole.seen_until, &content)
}

/// How it stands, and what can be asked of it.
fn head(person: &Person, whole: &Whole) -> Markup {
    let line = &whole.line;
    let summary = &line.summary;
    let may_ask = person.user.role >= UserRole::Member;
    html! {
        section id={"import-" (summary.id)} class="head" data-import=(summary.id)
            data-state=(summary.state) data-whole {
            div class="standing" {
                div data-part="state" { (import_line::state(line)) }
                div class="grow" data-part="progress" {
                    (import_line::progress(line, whole.now))
                }
            }
            div id="facts" class="facts detail" data-live {
                span { "asked for " (time(summary.queued_at))
                    @if let Some(who) = &summary.asked_by { " by " (who) } }
                @if summary.started_at != summary.queued_at {
                    span { "begun " (time(summary.started_at)) }
                }
                @if let Some(ended) = summary.finished_at { span { "ended " (time(ended)) } }
                a href=(repository_path(&summary.name)) { "What the archive holds" }
                @if summary.priority.get() != 0 { span { "priority " (summary.priority) } }
            }
            @if may_ask {
                form id="asks" class="actions" method="post" action="imports/ask" data-live {
                    (form_field(&person.token))
                    input type="hidden" name="import" value=(summary.id);
                    input type="hidden" name="back" value={"/imports/" (summary.id)};
                    (asks::sensible(summary.state))
                }
            }
        }
    }
}

/// What it cost, beside what it was expected to cost.
fn requests(whole: &Whole) -> Markup {
    let total: u64 = whole.requests.values().sum();
    let estimates = whole.line.stages.iter();
    let estimates: Vec<RequestEstimate> = estimates
        .filter_map(|stage| stage.report.requests_estimated)
        .collect();
    let estimate: Option<RequestEstimate> =
        (!estimates.is_empty()).then(|| estimates.into_iter().sum());
    html! {
        section id="requests" data-live {
            h2 { "Requests" }
            p {
                strong { (counted(total, "request", "requests")) }
                @match estimate {
                    Some(estimate) => {
                        " of the quota were used; "
                        (in_words(estimate)) " were expected."
                    }
                    None => " of the quota were used; how many it will be is not known yet.",
                }
            }
            @if !whole.requests.is_empty() {
                details id="by-endpoint" {
                    summary { "What was asked for" }
                    dl class="amounts" {
                        @for (endpoint, count) in &whole.requests {
                            div { dt { (endpoint.replace('_', " ")) } dd { (grouped(*count)) } }
                        }
                    }
                }
            }
        }
    }
}

fn in_words(estimate: RequestEstimate) -> String {
    if estimate.min == estimate.max {
        grouped(estimate.min)
    } else {
        format!("{} to {}", grouped(estimate.min), grouped(estimate.max))
    }
}

fn earlier(whole: &Whole) -> Markup {
    let this = whole.line.summary.id;
    let others: Vec<&ImportSummary> = whole
        .earlier
        .iter()
        .filter(|import| import.id != this)
        .collect();
    html! {
        @if !others.is_empty() {
            section id="earlier" {
                h2 { "Other imports of this repository" }
                ul class="rows" {
                    @for import in others {
                        li {
                            a class="grow" href={"imports/" (import.id)} {
                                (time(import.started_at))
                            }
                            (import_state(import.state))
                        }
                    }
                }
            }
        }
    }
}
