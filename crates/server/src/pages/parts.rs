//! What several pages show.

use bucketload_model::{ImportState, UserRole, UserState};
use chrono::{DateTime, Utc};
use maud::{Markup, html};

use super::icons::{self, Icon};
use crate::security::forms::FIELD;
use crate::security::secrets::SessionToken;

/// What every form needs to be let in.
pub(crate) fn form_field(token: &SessionToken) -> Markup {
    html! { input type="hidden" name=(FIELD) value=(token.form_token()); }
}

/// A time to the minute; to the second for whoever points at it.
pub(crate) fn time(time: DateTime<Utc>) -> Markup {
    html! {
        time datetime=(time.format("%Y-%m-%dT%H:%M:%SZ"))
            title=(time.format("%Y-%m-%d %H:%M:%S UTC")) {
            (time.format("%-d %b %Y, %H:%M")) " UTC"
        }
    }
}

/// How something is: its colour, its icon and its word say the same.
fn badge(class: &'static str, icon: Icon, word: &str) -> Markup {
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
    fn times_are_exact_for_whoever_points_at_them() {
        let shown = time(DateTime::UNIX_EPOCH).into_string();
        assert!(
            shown.contains("title=\"1970-01-01 00:00:00 UTC\""),
            "{shown}"
        );
        assert!(shown.contains(">1 Jan 1970, 00:00 UTC<"), "{shown}");
    }
}
