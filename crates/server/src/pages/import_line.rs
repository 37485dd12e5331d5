//! How an import stands, in short: the same words in the list, on its own page and in the
//! events that bring both up to date.

use bucketload_archive::{ImportLine, ImportSummary};
use bucketload_model::{ImportState, Stage};
use chrono::{DateTime, Utc};
use maud::{Markup, html};
use serde_json::{Value, json};

use super::parts::{bar, clock, counted, grouped, import_state, stage_words};
use crate::imports::pace::{Pace, pace, roughly};

/// What pages are told of an import: the parts of it that change, as they stand there.
pub(crate) fn event(line: &ImportLine, now: DateTime<Utc>) -> Value {
    let summary = &line.summary;
    json!({
        "id": summary.id,
        "state": summary.state,
        // For those who do not see it, and only where it is worth their while.
        "said": format!("{}: {}", summary.name, spoken(summary.state)),
        "parts": {
            "state": state(line).into_string(),
            "progress": progress(line, now).into_string(),
        },
    })
}

fn spoken(state: ImportState) -> &'static str {
    match state {
        ImportState::Queued => "queued",
        ImportState::Running => "running",
        ImportState::Waiting => "waiting for quota",
        ImportState::Paused => "paused",
        ImportState::Cancelling => "stopping",
        ImportState::Complete => "complete",
        ImportState::CompleteWithGaps => "complete, with gaps",
        ImportState::Failed => "failed",
        ImportState::Cancelled => "stopped",
    }
}

/// Where it stands, until when and why.
pub(crate) fn state(line: &ImportLine) -> Markup {
    let summary = &line.summary;
    html! {
        (import_state(summary.state))
        @if let Some(when) = when(summary) { div class="detail" { (when) } }
        @if line.gaps > 0 {
            div class="detail" {
                a href={"imports/" (summary.id) "#gaps"} { (counted(line.gaps, "gap", "gaps")) }
            }
        }
    }
}

/// What a waiting import waits for, and until when.
fn when(summary: &ImportSummary) -> Option<Markup> {
    let (words, until) = match summary.state {
        ImportState::Waiting => ("until ", summary.wait_until?),
        ImportState::Queued => match (summary.wait_until, summary.not_before) {
            (Some(until), _) => ("tried again at ", until),
            (None, not_before) => ("begins at ", not_before?),
        },
        _ => return None,
    };
    Some(html! { (words) (clock(until)) })
}

/// How far it is, how fast it goes, what it does; or why it does nothing.
pub(crate) fn progress(line: &ImportLine, now: DateTime<Utc>) -> Markup {
    let summary = &line.summary;
    let pace = pace(line, now);
    html! {
        @if line.stages.is_empty() {
            @if summary.error.is_none() { span class="detail" { "not begun" } }
        } @else {
            (bar(pace.percent, &format!("{}: how much is done", summary.name)))
            div class="detail amounts-line" { (amounts(line, &pace)) }
        }
        @if !pace.at_work.is_empty() {
            div class="detail" { (at_work(&pace.at_work)) }
        }
        @if let Some(error) = summary.error.as_deref() {
            div class="detail reason" { (error) }
        }
    }
}

/// How much there is of how much, how fast it goes, how long it will take.
fn amounts(line: &ImportLine, pace: &Pace) -> Markup {
    let amount = if line.summary.state.has_ended() && pace.stored >= pace.expected {
        counted(pace.stored, "object", "objects")
    } else if pace.expected == 0 {
        "nothing yet".to_owned()
    } else {
        format!("{} of {}", grouped(pace.stored), grouped(pace.expected))
    };
    html! {
        span { (amount) }
        @if let Some(pace) = pace.per_minute { " · " span { (grouped(pace)) " a minute" } }
        @if let Some(left) = pace.left { " · " span { (roughly(left)) " left" } }
    }
}

/// The first stages at work; the page of the import has them all.
fn at_work(stages: &[Stage]) -> String {
    match stages {
        [] => String::new(),
        [one] => stage_words(*one),
        [one, other] => format!("{}, {}", stage_words(*one), stage_words(*other)),
        [one, other, more @ ..] => format!(
            "{}, {} and {} more",
            stage_words(*one),
            stage_words(*other),
            more.len()
        ),
    }
}

#[cfg(test)]
mod tests {
    use bucketload_model::{ImportId, Priority};

    use super::*;

    fn line(state: ImportState) -> ImportLine {
        let at = DateTime::UNIX_EPOCH;
        ImportLine {
            summary: ImportSummary {
                id: ImportId::new(at),
                name: "teapots/kettle".parse().unwrap(),
                state,
                priority: Priority::default(),
                queued_at: at,
                started_at: at,
                finished_at: None,
                not_before: None,
                wait_until: Some(at),
                error: Some("<b>no</b>".to_owned()),
                asked_by: None,
                is_foreground: false,
                lease: None,
            },
            stages: Vec::new(),
            gaps: 2,
        }
    }

    #[test]
    fn who_waits_says_until_when_and_why() {
        let shown = |state| {
            let line = line(state);
            let (state, progress) = (super::state(&line), progress(&line, DateTime::UNIX_EPOCH));
            state.into_string() + &progress.into_string()
        };
        let waiting = shown(ImportState::Waiting);
        assert!(waiting.contains("until <time"), "{waiting}");
        assert!(waiting.contains("2 gaps"), "{waiting}");
        assert!(waiting.contains("&lt;b&gt;no"), "{waiting}");
        let queued = shown(ImportState::Queued);
        assert!(queued.contains("tried again at <time"), "{queued}");
        let paused = shown(ImportState::Paused);
        assert!(!paused.contains("<time"), "{paused}");
    }

    #[test]
    fn events_have_the_parts_of_the_page() {
        let event = event(&line(ImportState::Failed), DateTime::UNIX_EPOCH);
        assert_eq!(event["state"], "failed");
        assert_eq!(event["said"], "teapots/kettle: failed");
        assert!(event["parts"]["progress"].is_string());
    }

    #[test]
    fn many_stages_are_told_in_short() {
        let stages = [Stage::Git, Stage::PullRequests, Stage::Users, Stage::Wiki];
        assert_eq!(at_work(&stages), "git, pull requests and 2 more");
        assert_eq!(at_work(&stages[..2]), "git, pull requests");
    }
}
