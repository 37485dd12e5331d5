//! The stages of an import as the graph they are: what stands beside each other runs at the
//! same time, and each says what it works on.

use bucketload_archive::{ImportLine, StageLine};
use bucketload_model::{Stage, StageState};
use chrono::{DateTime, Utc};
use maud::{Markup, html};

use super::icons;
use super::parts::{badge, bar, bytes, clock, empty, grouped, span, stage_words};
use crate::imports::pace::done;

/// How many steps lie before a stage; the last comes after all.
fn depth(stage: Stage) -> usize {
    let needs = stage.needs().iter();
    needs.map(|need| depth(*need) + 1).max().unwrap_or_default()
}

/// The columns of the graph.
const COLUMNS: [&str; 5] = [
    "First",
    "Side by side",
    "On what those bring",
    "On all of that",
    "At the end",
];

fn column(stage: Stage) -> usize {
    match stage {
        Stage::Finish => COLUMNS.len() - 1,
        stage => depth(stage).min(COLUMNS.len() - 2),
    }
}

/// The columns that have stages, each with its own.
fn columns(
    line: &ImportLine,
    is_left_out: impl Fn(&&StageLine) -> bool,
) -> Vec<(&'static str, Vec<&StageLine>)> {
    let of_column = |index: usize| {
        let stages = line.stages.iter().filter(|stage| !is_left_out(stage));
        let stages = stages.filter(|stage| column(stage.report.name) == index);
        stages.collect::<Vec<_>>()
    };
    let columns = COLUMNS.into_iter().enumerate();
    columns
        .map(|(index, title)| (title, of_column(index)))
        .filter(|(_, stages)| !stages.is_empty())
        .collect()
}

pub(crate) fn section(line: &ImportLine, now: DateTime<Utc>) -> Markup {
    let is_left_out = |stage: &&StageLine| stage.report.state == StageState::Skipped;
    let left_out: Vec<String> = line
        .stages
        .iter()
        .filter(is_left_out)
        .map(|stage| stage_words(stage.report.name))
        .collect();
    html! {
        section id="stages" data-live {
            h2 { "Stages" }
            @if line.stages.is_empty() {
                (empty("The stages show as soon as the import begins."))
            } @else {
                ol class="graph" {
                    @for (title, stages) in columns(line, is_left_out) {
                        li {
                            h3 { (title) }
                            ul { @for stage in stages { (card(stage, now)) } }
                        }
                    }
                }
                @if !left_out.is_empty() {
                    p class="hint" { "Left out: " (left_out.join(", ")) "." }
                }
            }
        }
    }
}

fn card(stage: &StageLine, now: DateTime<Utc>) -> Markup {
    let report = &stage.report;
    // All need the first.
    let needs: Vec<String> = report
        .name
        .needs()
        .iter()
        .filter(|need| **need != Stage::Repository)
        .map(|need| stage_words(*need))
        .collect();
    let is_running = report.state == StageState::Running;
    // The last brings nothing.
    let has_amounts = report.state != StageState::Pending && report.name != Stage::Finish;
    html! {
        li class={"stage " (report.state.name())} title=(report.name.description()) {
            div class="stage-name" {
                strong { (stage_words(report.name)) }
                (state(report.state))
            }
            @if is_running { (bar(percent(stage), &stage_words(report.name))) }
            div class="detail" {
                @if has_amounts { span { (amounts(stage)) } }
                @if report.missing > 0 {
                    strong class="bad" { (grouped(report.missing)) " missing" }
                }
            }
            div class="detail" {
                (times(stage, now))
                @if !needs.is_empty() { span class="needs" { "needs " (needs.join(", ")) } }
            }
        }
    }
}

fn state(state: StageState) -> Markup {
    match state {
        StageState::Pending => badge("plain", icons::CLOCK, "not begun"),
        StageState::Running => badge("active", icons::RUN, "at work"),
        StageState::Complete => badge("good", icons::CHECK, "complete"),
        StageState::CompleteWithGaps => badge("warn", icons::WARNING, "with gaps"),
        StageState::Failed => badge("bad", icons::STOP, "failed"),
        StageState::Skipped => badge("plain", icons::STOP, "left out"),
    }
}

fn percent(stage: &StageLine) -> u64 {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a part of a hundred"
    )]
    let percent = (done(stage) * 100.0) as u64;
    percent
}

/// What it has, of how much.
fn amounts(stage: &StageLine) -> String {
    let report = &stage.report;
    if let Some(transfer) = stage.transfer
        && report.state == StageState::Running
    {
        let of = transfer
            .of
            .map_or_else(String::new, |of| format!(" of {}", grouped(of)));
        let objects = grouped(transfer.objects);
        return format!("{objects}{of} git objects, {}", bytes(transfer.bytes));
    }
    match report.expected {
        Some(expected) => format!("{} of {}", grouped(report.stored), grouped(expected)),
        None => format!("{} stored", grouped(report.stored)),
    }
}

/// When it began, and how long it was at work.
fn times(stage: &StageLine, now: DateTime<Utc>) -> Markup {
    let report = &stage.report;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a time that was measured"
    )]
    let before = report.seconds.max(0.0) as u64;
    let running = stage
        .started_at
        .filter(|_| report.state == StageState::Running && stage.ended_at.is_none())
        .and_then(|began| u64::try_from((now - began).num_seconds()).ok());
    html! {
        @if let Some(began) = stage.started_at {
            span { (clock(began)) " · " (span(before + running.unwrap_or_default())) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_stage_stands_behind_those_that_it_needs() {
        assert_eq!(column(Stage::Repository), 0);
        for stage in Stage::ALL {
            for need in stage.needs() {
                assert!(column(*need) < column(*stage), "{stage} needs {need}");
            }
        }
        assert_eq!(column(Stage::Finish), COLUMNS.len() - 1);
    }
}
