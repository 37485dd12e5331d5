//! What was asked of imports and could not be done.

use bucketload_archive::MoveError;
use bucketload_model::ImportId;
use bucketload_worker::queue::Ask;
use maud::{Markup, html};

use super::asks;
use super::layout::{self, Room};
use super::parts::{counted, grouped};
use crate::session::Person;

/// Imports that are named; of the others it is the number that counts.
const NAMED: usize = 50;

pub(crate) fn page(
    person: &Person,
    ask: Ask,
    asked: usize,
    refused: &[(ImportId, MoveError)],
    back: &str,
) -> Markup {
    let done = (asked - refused.len()) as u64;
    let more = refused.len().saturating_sub(NAMED) as u64;
    let content = html! {
        section {
            p {
                "“" (asks::words(ask)) "” was done with "
                strong { (counted(done, "import", "imports")) }
                " and could not be done with " (counted(refused.len() as u64, "import", "imports"))
                ". Nothing else was changed."
            }
            ul {
                @for (import, why) in refused.iter().take(NAMED) {
                    li { a href={"imports/" (import)} { code { (import) } } ": " (why) }
                }
            }
            @if more > 0 { p class="hint" { "and " (grouped(more)) " more" } }
            p { a href={"." (back)} { "Back to the imports" } }
        }
    };
    layout::page(
        person,
        Room::Imports,
        "Not everything could be done",
        &content,
    )
}
