//! What happened to an import, and what people did to it.

use bucketload_archive::{AuditEntry, LogEntry};
use bucketload_model::{Happening, ImportEvent};
use maud::{Markup, html};

use super::parts::{empty, stage_words, time};

pub(crate) fn happened(entries: &[LogEntry]) -> Markup {
    html! {
        section id="log" data-live {
            h2 { "What happened" }
            @if entries.is_empty() {
                (empty("Nothing was noted of this import: it is from an older version."))
            } @else {
                ol class="log" { @for entry in entries { (entry_of(entry)) } }
            }
        }
    }
}

fn entry_of(entry: &LogEntry) -> Markup {
    html! {
        li {
            (time(entry.happened_at))
            span class="grow" {
                @if let Some(stage) = entry.stage { strong { (stage_words(stage)) } " " }
                (words(entry.what))
                @if !entry.detail.is_empty() { span class="detail" { (entry.detail) } }
            }
        }
    }
}

const fn words(what: Happening) -> &'static str {
    match what {
        Happening::Asked => "asked for",
        Happening::Lost => "its process was lost",
        Happening::StageEnded => "ended",
        Happening::GapFound => "misses something",
        Happening::Event(event) => match event {
            ImportEvent::Claimed => "began",
            ImportEvent::PauseAsked => "asked to halt",
            ImportEvent::CancelAsked => "asked to stop",
            ImportEvent::Resumed => "resumed",
            ImportEvent::Retried => "tried once more",
            ImportEvent::HandedBack => "handed back to the queue",
            ImportEvent::WaitBegan => "waits for quota",
            ImportEvent::Paused => "halted",
            ImportEvent::Cancelled => "stopped",
            ImportEvent::Completed => "complete",
            ImportEvent::CompletedWithGaps => "complete, with gaps",
            ImportEvent::Failed => "failed",
        },
    }
}

pub(crate) fn audit(entries: &[AuditEntry]) -> Markup {
    html! {
        section id="audit" data-live {
            h2 { "Who did what" }
            @if entries.is_empty() {
                (empty("Nobody asked anything of this import by itself."))
            } @else {
                ol class="log" {
                    @for entry in entries {
                        li {
                            (time(entry.happened_at))
                            span class="grow" { strong { (entry.who) } " " (entry.action) }
                        }
                    }
                }
            }
        }
    }
}
