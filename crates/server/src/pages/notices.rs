//! What happened that somebody is told, and whether they were.

use bucketload_archive::{Delivery, Notice, NoticeEntry};
use bucketload_model::{ChannelKind, DeliveryState, NoticeKind};
use maud::{Markup, html};

use super::icons;
use super::layout::{self, Desk, Room};
use super::parts::{badge, empty, repository_path, time};
use crate::session::Person;

pub(crate) fn page(person: &Person, entries: &[NoticeEntry], has_more: bool) -> Markup {
    let last = entries.last().filter(|_| has_more);
    let content = html! {
        @if entries.is_empty() {
            (empty("Nothing happened that anybody would have to be told."))
        } @else {
            div class="table-frame" {
                table {
                    thead {
                        tr {
                            th scope="col" { "When" }
                            th scope="col" { "What happened" }
                            th scope="col" { "Told" }
                        }
                    }
                    tbody {
                        @for entry in entries {
                            (row(entry))
                        }
                    }
                }
            }
        }
        @if let Some(last) = last {
            p {
                a href={"administration/notices?before=" (last.notice.id)} { "Earlier notices" }
            }
        }
    };
    let room = Room::Administration(Desk::Notices);
    layout::page(person, room, "Administration", &content)
}

fn row(entry: &NoticeEntry) -> Markup {
    let notice = &entry.notice;
    html! {
        tr {
            td {
                (time(notice.happened_at))
                @if let (true, Some(over_at)) = (notice.kind.lasts(), notice.over_at) {
                    div class="detail" { "well again " (time(over_at)) }
                }
            }
            th scope="row" {
                (kind(notice.kind))
                div class="detail" { (notice.line) }
                (links(notice))
            }
            td {
                @if entry.deliveries.is_empty() {
                    span class="detail" { "shown here only" }
                }
                @for delivery in &entry.deliveries {
                    (told(delivery))
                }
            }
        }
    }
}

fn kind(kind: NoticeKind) -> Markup {
    match kind {
        NoticeKind::Finished => badge("good", icons::CHECK, "finished"),
        NoticeKind::Failed => badge("bad", icons::STOP, "failed"),
        NoticeKind::Overdue => badge("warn", icons::CLOCK, "overdue"),
        NoticeKind::CredentialExpired => badge("bad", icons::STOP, "credential expired"),
        NoticeKind::RepositoryGone => badge("warn", icons::WARNING, "gone at its source"),
    }
}

fn links(notice: &Notice) -> Markup {
    html! {
        @if notice.import.is_some() || notice.repository.is_some() {
            div class="detail" {
                @if let Some(name) = &notice.repository {
                    a href=(repository_path(name)) { (name) }
                }
                @if let Some(import) = notice.import {
                    " " a href={"imports/" (import)} { "import" }
                }
            }
        }
    }
}

fn told(delivery: &Delivery) -> Markup {
    let channel = match delivery.channel {
        ChannelKind::Webhook => "webhook",
        ChannelKind::Email => "e-mail",
    };
    html! {
        div {
            (channel) " "
            @match delivery.state {
                DeliveryState::Delivered => (badge("good", icons::CHECK, "told")),
                DeliveryState::Pending => (badge("plain", icons::CLOCK, "pending")),
                DeliveryState::GivenUp => (badge("bad", icons::STOP, "given up")),
            }
            @if let Some(error) = &delivery.error {
                div class="detail" {
                    (error)
                    @if delivery.state == DeliveryState::Pending {
                        "; tried again " (time(delivery.next_at))
                    }
                }
            }
        }
    }
}
