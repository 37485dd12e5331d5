//! What several pages show.

use bucketload_model::{ImportState, RepositoryName, Stage, UserRole, UserState};
use chrono::{DateTime, Utc};
use maud::{Markup, html};

use super::icons::{self, Icon};
use crate::security::forms::FIELD;
use crate::security::secrets::SessionToken;

/// What every form needs to be let in.
pub(crate) fn form_field(token: &SessionToken) -> Markup {
    html! { input type="hidden" name=(FIELD) value=(token.form_token()); }
}

/// A time to the minute; to the second for whoever points at it. The script puts it into
/// the reader's own zone.
pub(crate) fn time(time: DateTime<Utc>) -> Markup {
    moment(
        time,
        "full",
        &time.format("%-d %b %Y, %H:%M UTC").to_string(),
    )
}

/// A time that is soon: the hour alone, where it is today.
pub(crate) fn clock(time: DateTime<Utc>) -> Markup {
    moment(time, "clock", &time.format("%-d %b, %H:%M UTC").to_string())
}

fn moment(time: DateTime<Utc>, form: &'static str, text: &str) -> Markup {
    html! {
        time datetime=(time.format("%Y-%m-%dT%H:%M:%SZ"))
            title=(time.format("%Y-%m-%d %H:%M:%S UTC")) data-form=(form) { (text) }
    }
}

/// How much of something is done, of 100; `label` says of what.
pub(crate) fn bar(percent: u64, label: &str) -> Markup {
    html! {
        progress class="done" max="100" value=(percent) aria-label=(label) { (percent) "%" }
    }
}

/// A stage as people call it.
pub(crate) fn stage_words(stage: Stage) -> String {
    stage.name().replace('_', " ")
}

/// The page of a repository. Its names were checked when they were parsed: nothing in them
/// means anything in an address.
pub(crate) fn repository_path(name: &RepositoryName) -> String {
    format!("repositories/{name}")
}

/// A line that leads back to where this page belongs.
pub(crate) fn back_to(address: &str, name: &str) -> Markup {
    html! { p class="back" { a href=(address) { (icons::BACK.show()) (name) } } }
}

/// How something is: its colour, its icon and its word say the same.
pub(crate) fn badge(class: &'static str, icon: Icon, word: &str) -> Markup {
    html! { span class={"badge " (class)} { (icon.show()) (word) } }
}

pub(crate) fn import_state(state: ImportState) -> Markup {
    match state {
        ImportState::Queued => badge("plain", icons::CLOCK, "queued"),
        ImportState::Paused => badge("plain", icons::CLOCK, "paused"),
        ImportState::Cancelling => badge("active", icons::STOP, "stopping"),
        ImportState::Running => badge("active", icons::RUN, "running"),
        ImportState::Waiting => badge("warn", icons::CLOCK, "waiting for quota"),
        ImportState::Complete => badge("good", icons::CHECK, "complete"),
        ImportState::CompleteWithGaps => badge("warn", icons::WARNING, "complete, with gaps"),
        ImportState::Failed => badge("bad", icons::STOP, "failed"),
        ImportState::Cancelled => badge("plain", icons::STOP, "stopped"),
    }
}

pub(crate) fn user_state(state: UserState) -> Markup {
    match state {
        UserState::Active => badge("good", icons::CHECK, "active"),
        UserState::Pending => badge("warn", icons::CLOCK, "waits for approval"),
        UserState::Blocked => badge("bad", icons::STOP, "blocked"),
    }
}

pub(crate) const fn role_words(role: UserRole) -> &'static str {
    match role {
        UserRole::Viewer => "Viewer",
        UserRole::Member => "Member",
        UserRole::Administrator => "Administrator",
    }
}

/// A span of time as people say it: exact enough to compare stages.
pub(crate) fn span(seconds: u64) -> String {
    match seconds {
        0..=59 => format!("{seconds} s"),
        60..=3_599 => format!("{} min {} s", seconds / 60, seconds % 60),
        _ => format!("{} h {} min", seconds / 3_600, seconds % 3_600 / 60),
    }
}

/// A number of bytes, in the unit that leaves one to three digits before the point.
pub(crate) fn bytes(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["KB", "MB", "GB", "TB"];
    if bytes < 1_000 {
        return counted(bytes, "byte", "bytes");
    }
    let mut tenths = bytes / 100;
    let mut unit = UNITS[0];
    for next in &UNITS[1..] {
        if tenths < 10_000 {
            break;
        }
        tenths /= 1_000;
        unit = next;
    }
    format!("{}.{} {unit}", tenths / 10, tenths % 10)
}

/// What something is when there is none of it.
pub(crate) fn empty(text: &str) -> Markup {
    html! { p class="empty" { (text) } }
}

/// A number with its thousands apart.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A count and its noun.
pub(crate) fn counted(count: u64, one: &str, many: &str) -> String {
    format!("{} {}", grouped(count), if count == 1 { one } else { many })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_words() {
        assert_eq!(counted(1, "gap", "gaps"), "1 gap");
        assert_eq!(counted(1_234_567, "gap", "gaps"), "1,234,567 gaps");
    }

    #[test]
    fn spans_and_sizes_are_short() {
        assert_eq!(span(59), "59 s");
        assert_eq!(span(3_599), "59 min 59 s");
        assert_eq!(span(7_320), "2 h 2 min");
        assert_eq!(bytes(1), "1 byte");
        assert_eq!(bytes(1_234), "1.2 KB");
        assert_eq!(bytes(999_999_999), "999.9 MB");
        assert_eq!(bytes(5_000_000_000_000), "5.0 TB");
    }

    #[test]
    fn times_are_exact_for_whoever_points_at_them() {
        let shown = time(DateTime::UNIX_EPOCH).into_string();
        assert!(
            shown.contains("title=\"1970-01-01 00:00:00 UTC\""),
            "{shown}"
        );
        assert!(shown.contains(">1 Jan 1970, 00:00 UTC<"), "{shown}");
    }
}
