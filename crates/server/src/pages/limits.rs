//! The limits: those that can be changed here, and those of the configuration.

use std::collections::BTreeMap;

use bucketload_model::Limits;
use maud::{Markup, html};

use super::layout::{self, Desk, Room};
use super::parts::form_field;
use crate::administration::limits::MOST;
use crate::options::{SettingLine, SettingPlace};
use crate::session::Person;

/// A limit as people call it, and what it is for.
const fn words(key: &str) -> (&'static str, &'static str) {
    match key.as_bytes() {
        b"imports_at_once" => ("Imports at once", "Of the whole queue, in all workers."),
        b"imports_per_workspace" => (
            "Of one workspace",
            "So that a large one leaves room for the others.",
        ),
        _ => (
            "With one credential",
            "Those who share a quota would only wait for each other.",
        ),
    }
}

pub(crate) fn page(
    person: &Person,
    settings: &[SettingLine],
    stored: &BTreeMap<String, String>,
) -> Markup {
    let of_configuration = |key: &str| settings.iter().find(|line| line.key == key);
    let fixed = settings
        .iter()
        .filter(|line| !Limits::KEYS.contains(&line.key));
    let content = html! {
        section {
            h2 { "Imports of the queue" }
            p class="hint" {
                "They hold for all workers of this archive, from the next import on. What is left \
                 empty is as the configuration of each worker has it."
            }
            form method="post" action="administration/limits" class="stack limits" {
                (form_field(&person.token))
                div class="side-by-side" {
                    @for key in Limits::KEYS {
                        (field(key, stored.get(key), of_configuration(key)))
                    }
                }
                button class="primary" type="submit" { "Save" }
            }
        }
        section {
            h2 { "In the configuration" }
            p class="hint" {
                "They are set by the environment or the configuration file, and change when the \
                 service starts again."
            }
            div class="table-frame" {
                table {
                    thead {
                        tr {
                            th scope="col" { "Setting" }
                            th scope="col" { "Value" }
                            th scope="col" { "From" }
                        }
                    }
                    tbody { @for line in fixed { (row(line)) } }
                }
            }
        }
    };
    layout::page(
        person,
        Room::Administration(Desk::Limits),
        "Administration",
        &content,
    )
}

fn field(key: &str, stored: Option<&String>, configured: Option<&SettingLine>) -> Markup {
    let (title, hint) = words(key);
    let hint_id = format!("{key}-hint");
    html! {
        label {
            (title)
            input type="number" name=(key) min="1" max=(MOST) value=[stored]
                placeholder=[configured.and_then(|line| line.value.as_deref())]
                aria-describedby=(hint_id);
            span class="hint" id=(hint_id) {
                (hint)
                @if let Some(line) = configured { " " (line.value.as_deref().unwrap_or("–")) " " (place(line.place)) "." }
            }
        }
    }
}

const fn place(place: SettingPlace) -> &'static str {
    match place {
        SettingPlace::Default => "by default",
        SettingPlace::Environment => "by the environment",
        SettingPlace::File => "by the configuration file",
        SettingPlace::Command => "by the command that started it",
    }
}

fn row(line: &SettingLine) -> Markup {
    html! {
        tr {
            th scope="row" {
                code { (line.variable) }
                div class="detail" { (line.meaning.replace('`', "")) }
            }
            td data-label="Value" { (line.value.as_deref().unwrap_or("unset")) }
            td data-label="From" { (place(line.place)) }
        }
    }
}
