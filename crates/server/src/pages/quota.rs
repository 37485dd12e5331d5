//! The quota of every bucket.

use bucketload_archive::ImportRequests;
use maud::{Markup, html};

use super::chart::Chart;
use super::layout::{self, Room};
use super::parts::{bar, clock, grouped, time};
use crate::quota::look::{Bucket, Quota};
use crate::session::Person;

pub(crate) fn page(person: &Person, quota: &Quota) -> Markup {
    let content = html! {
        p class="lead" {
            "Bitbucket allows so many requests an hour. Imports that come to the end of them wait, \
             and go on by themselves."
        }
        @if quota.buckets.is_empty() {
            div class="blank" {
                h2 { "Nothing was asked of Bitbucket yet" }
                p { "The quota shows here once an import has begun, or somebody looks for one, unless \
                     the configuration sets no limit." }
            }
        }
        @for bucket in &quota.buckets { (section(bucket)) }
        @if !quota.imports.is_empty() { (by_import(&quota.imports)) }
    };
    layout::page(person, Room::Quota, "Quota", &content)
}

fn section(bucket: &Bucket) -> Markup {
    let percent = u64::from(bucket.used) * 100 / u64::from(bucket.limit.max(1));
    let label = format!("Used of the hour: {}", bucket.resource);
    html! {
        section class="bucket" {
            h2 { (bucket.resource) " " span class="count" { (bucket.whose) } }
            (bar(percent.min(100), &label))
            p {
                strong { (grouped(bucket.used.into())) }
                " of " (grouped(bucket.limit.into())) " requests used in the last hour. "
                @match (bucket.waits_until, bucket.returns_at) {
                    (Some(until), _) if bucket.is_stopped => {
                        "Bitbucket refuses more: everybody waits until " (clock(until)) "."
                    }
                    (Some(until), _) => { "Spent: imports wait until " (clock(until)) "." }
                    (None, Some(returns)) => { "The first of them return at " (clock(returns)) "." }
                    (None, None) => {}
                }
                @if bucket.reserve > 0 {
                    " " (grouped(bucket.reserve.into())) " are kept back for people who wait for a \
                     page."
                }
            }
            (drawn(bucket))
            (table(bucket))
        }
    }
}

fn drawn(bucket: &Bucket) -> Markup {
    let limit = u64::from(bucket.limit);
    let most = bucket.day.curve.iter().copied().max().unwrap_or_default();
    let label = format!(
        "Requests of an hour over the last day: {} at most, {} allowed. The table below has them \
         hour by hour.",
        grouped(most),
        grouped(limit)
    );
    let chart = Chart {
        values: &bucket.day.curve,
        limit,
        mark: limit - u64::from(bucket.reserve),
        label: &label,
    };
    html! {
        // What is hardly anything is a line on the ground.
        @if most * 100 >= limit && most > 0 {
            figure class="drawn" {
                figcaption class="hint" {
                    "Requests of the hour before, over a day. The line on top is the limit, the dotted \
                     one what imports use of it."
                }
                (chart.show())
                div class="drawn-ends hint" aria-hidden="true" {
                    span { "a day ago" } span { "now" }
                }
            }
        }
    }
}

fn table(bucket: &Bucket) -> Markup {
    let in_all = bucket.day.in_all;
    html! {
        @if in_all.sum() > 0 {
            p class="hint" {
                "In this day " (grouped(in_all.imports)) " for imports, "
                (grouped(in_all.people)) " for people who looked at pages, "
                (grouped(in_all.others)) " by others that Bitbucket told of."
            }
            details id={"hours-" (bucket.name)} {
                summary { "Hour by hour" }
                div class="table-frame" {
                    table {
                        thead {
                            tr {
                                th scope="col" { "Hour from" }
                                th scope="col" class="number" { "Imports" }
                                th scope="col" class="number" { "People" }
                                th scope="col" class="number" { "Others" }
                            }
                        }
                        tbody {
                            @for (began, requests) in &bucket.day.hours {
                                tr {
                                    th scope="row" { (time(*began)) }
                                    td class="number" data-label="Imports" {
                                        (grouped(requests.imports))
                                    }
                                    td class="number" data-label="People" {
                                        (grouped(requests.people))
                                    }
                                    td class="number" data-label="Others" {
                                        (grouped(requests.others))
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// Which imports of the day took most, whatever bucket it was taken from.
fn by_import(imports: &[ImportRequests]) -> Markup {
    html! {
        section {
            h2 { "What took most" }
            p class="hint" { "Imports that ran within the last day, with all the requests they took." }
            ul class="rows" {
                @for one in imports {
                    li {
                        div class="grow" {
                            a href={"imports/" (one.import)} { (one.name) }
                        }
                        span { strong { (grouped(one.requests)) } " requests" }
                    }
                }
            }
        }
    }
}
