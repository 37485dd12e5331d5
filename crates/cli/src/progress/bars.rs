//! Progress as bars: one line per stage, and one for waits.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bucketload_model::{
    GitPhase, GitTransfer, ProgressEvent, ProgressSink, RepositoryName, Stage, StageState, Wait,
    WaitReason,
};
use indicatif::{
    HumanBytes, HumanDuration, MultiProgress, ProgressBar, ProgressState, ProgressStyle,
};

use crate::output::grouped;

/// Draws bars below whatever else is printed.
#[derive(Debug)]
pub(crate) struct Bars {
    all: MultiProgress,
    drawn: Mutex<Drawn>,
}

#[derive(Debug, Default)]
struct Drawn {
    stages: BTreeMap<(RepositoryName, Stage), ProgressBar>,
    wait: Option<ProgressBar>,
}

impl Bars {
    pub(crate) fn new(all: MultiProgress) -> Self {
        Self {
            all,
            drawn: Mutex::default(),
        }
    }

    fn drawn(&self) -> MutexGuard<'_, Drawn> {
        self.drawn.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn start(&self, repository: RepositoryName, stage: Stage, stored: u64, expected: Option<u64>) {
        if !stage.is_optional() {
            return;
        }
        let bar = self.all.add(ProgressBar::no_length());
        bar.set_prefix(stage.name());
        bar.set_position(stored);
        // What was there before says nothing about how fast it goes.
        bar.reset_eta();
        bar.enable_steady_tick(Duration::from_millis(200));
        advance(&bar, stored, expected);
        self.drawn().stages.insert((repository, stage), bar);
    }

    /// Leaves a line that stays where it is, and takes the bar away: bars that
    /// are done would be drawn over what is printed next.
    fn finish(&self, repository: RepositoryName, stage: Stage, state: StageState, count: &str) {
        let Some(bar) = self.drawn().stages.remove(&(repository, stage)) else {
            return;
        };
        let mark = match state {
            StageState::Complete => "✓",
            StageState::CompleteWithGaps => "!",
            StageState::Failed => "✗",
            StageState::Pending | StageState::Running | StageState::Skipped => "·",
        };
        let took = HumanDuration(bar.elapsed());
        bar.finish_and_clear();
        self.all.remove(&bar);
        self.print(&format!(
            "  {mark} {:22} {count:>19}  {took:#}",
            stage.name()
        ));
    }

    fn print(&self, line: &str) {
        // Only fails when the terminal is gone.
        let _ = self.all.println(line);
    }

    fn wait(&self, wait: &Wait) {
        // A retry is over before anybody has read about it.
        if wait.reason == WaitReason::Retry {
            return;
        }
        let mut drawn = self.drawn();
        let bar = drawn.wait.get_or_insert_with(|| {
            let bar = self.all.add(ProgressBar::new_spinner());
            bar.set_style(style("  {spinner} {msg}"));
            bar.enable_steady_tick(Duration::from_millis(200));
            bar
        });
        bar.set_message(wait_line(wait));
    }
}

impl ProgressSink for Bars {
    fn emit(&self, event: ProgressEvent) {
        match event {
            ProgressEvent::ImportStarted {
                repository,
                resumed,
                ..
            } => {
                let goes_on = if resumed { " (goes on)" } else { "" };
                self.print(&format!("{repository}{goes_on}"));
            }
            ProgressEvent::StageStarted {
                repository,
                stage,
                stored,
                expected,
            } => self.start(repository, stage, stored, expected),
            ProgressEvent::StageAdvanced {
                repository,
                stage,
                stored,
                expected,
            } => {
                if let Some(bar) = self.drawn().stages.get(&(repository, stage)) {
                    advance(bar, stored, expected);
                }
            }
            ProgressEvent::Git {
                repository,
                transfer,
            } => {
                if let Some(bar) = self.drawn().stages.get(&(repository, Stage::Git)) {
                    show_transfer(bar, &transfer);
                }
            }
            ProgressEvent::StageFinished {
                repository,
                stage,
                state,
                stored,
                expected,
                ..
            } => {
                let count = match expected {
                    Some(expected) if expected != stored => {
                        format!("{} of {}", grouped(stored), grouped(expected))
                    }
                    _ => grouped(stored),
                };
                self.finish(repository, stage, state, &count);
            }
            ProgressEvent::WaitStarted(wait) => self.wait(&wait),
            ProgressEvent::WaitEnded => {
                if let Some(bar) = self.drawn().wait.take() {
                    bar.finish_and_clear();
                }
            }
            // A gap is logged, and listed at the end.
            ProgressEvent::GapRecorded { .. }
            | ProgressEvent::RequestAnswered { .. }
            | ProgressEvent::QueueProblem(_)
            | ProgressEvent::ImportFinished { .. } => {}
        }
    }
}

fn advance(bar: &ProgressBar, stored: u64, expected: Option<u64>) {
    let template = match expected {
        Some(expected) if expected > 0 => {
            bar.set_length(expected.max(stored));
            "  {prefix:22} {bar:24} {human_pos:>9}/{human_len:9} {rate:>10} {left}"
        }
        _ if stored > 0 => "  {prefix:22} {spinner:24} {human_pos:>9}           {rate:>10}",
        _ => "  {prefix:22} {spinner:24}",
    };
    bar.set_style(style(template));
    bar.set_position(stored);
}

fn show_transfer(bar: &ProgressBar, transfer: &GitTransfer) {
    let bytes = HumanBytes(transfer.received_bytes);
    let bytes = match transfer.segment {
        Some(segment) => format!("{bytes}, segment {} of {}", segment.number, segment.of),
        None => bytes.to_string(),
    };
    let (template, position, length, message) = match transfer.phase {
        GitPhase::Negotiating => (
            "  {prefix:22} {spinner:24} {msg}",
            0,
            None,
            "asking for objects".to_owned(),
        ),
        GitPhase::Receiving => (
            "  {prefix:22} {bar:24} {human_pos:>9}/{human_len:9} {msg:>10} {left}",
            transfer.received_objects,
            transfer.total_objects,
            bytes,
        ),
        GitPhase::Resolving => (
            "  {prefix:22} {bar:24} {human_pos:>9}/{human_len:9} {msg:>10}",
            transfer.resolved_deltas,
            transfer.total_deltas,
            "deltas".to_owned(),
        ),
        GitPhase::Finishing => (
            "  {prefix:22} {spinner:24} {msg}",
            0,
            None,
            format!("{bytes}, writing refs"),
        ),
    };
    bar.set_style(style(template));
    if let Some(length) = length {
        bar.set_length(length);
    }
    bar.set_position(position);
    bar.set_message(message);
}

/// A wait in words, with its end in local time.
pub(crate) fn wait_line(wait: &Wait) -> String {
    let until = wait.until.with_timezone(&chrono::Local).format("%H:%M:%S");
    match wait.reason {
        WaitReason::Quota => format!("waits for quota until {until}"),
        WaitReason::RateLimited => format!("Bitbucket asks to wait, until {until}"),
        WaitReason::Retry => format!("tries again at {until}"),
    }
}

/// The templates are constants of this file; a wrong one would show the default bar.
fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template)
        .unwrap_or_else(|_| ProgressStyle::default_bar())
        .with_key("rate", |state: &ProgressState, out: &mut dyn fmt::Write| {
            // Writing to a buffer of the terminal's cannot fail.
            let _ = write!(out, "{:.0}/s", state.per_sec());
        })
        .with_key("left", |state: &ProgressState, out: &mut dyn fmt::Write| {
            // While nothing moves nobody knows how long it takes.
            if state.per_sec() > 0.0 {
                let _ = write!(out, "{:#} left", HumanDuration(state.eta()));
            }
        })
        .progress_chars("━╸─")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_template_is_well_formed() {
        let source = include_str!("bars.rs");
        let templates = source
            .split('"')
            .filter(|text| text.starts_with("  {prefix"));
        let mut count = 0;
        for template in templates {
            count += 1;
            assert!(ProgressStyle::with_template(template).is_ok(), "{template}");
        }
        assert!(count >= 5);
    }
}
