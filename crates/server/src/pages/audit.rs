//! The audit log.

use bucketload_archive::AuditEntry;
use maud::{Markup, html};

use super::layout::{self, Desk, Room};
use super::parts::{empty, time};
use crate::session::Person;

pub(crate) fn page(person: &Person, entries: &[AuditEntry], has_more: bool) -> Markup {
    let last = entries.last().filter(|_| has_more);
    let content = html! {
        @if entries.is_empty() {
            (empty("Nothing happened before that."))
        } @else {
            div class="table-frame" {
                table {
                    thead {
                        tr {
                            th scope="col" { "When" }
                            th scope="col" { "Who" }
                            th scope="col" { "Did what" }
                        }
                    }
                    tbody {
                        @for entry in entries {
                            tr {
                                td { (time(entry.happened_at)) }
                                th scope="row" { (entry.who) }
                                td {
                                    (entry.action)
                                    @if !entry.subject.is_empty() {
                                        div class="detail" { (entry.subject) }
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
        @if let Some(last) = last {
            p { a href={"administration/audit?before=" (last.id)} { "Earlier entries" } }
        }
    };
    layout::page(
        person,
        Room::Administration(Desk::Audit),
        "Administration",
        &content,
    )
}
