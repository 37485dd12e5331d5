//! Progress as plain lines: for logs, pipes and cron.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use bucketload_model::{
    GitPhase, ProgressEvent, ProgressSink, RepositoryName, Stage, StageState, WaitReason,
};

use crate::output::{self, grouped};

/// A long stage says how far it is so often.
const EVERY: Duration = Duration::from_secs(10);

/// Writes a line for each start, end and wait, and now and then in between.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    said: Mutex<BTreeMap<(RepositoryName, Stage), Instant>>,
}

impl Lines {
    /// Whether it is time to say something of a stage again.
    fn is_due(&self, repository: &RepositoryName, stage: Stage) -> bool {
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let key = (repository.clone(), stage);
        match said.get(&key) {
            Some(last) if now.duration_since(*last) < EVERY => false,
            _ => {
                said.insert(key, now);
                true
            }
        }
    }
}

impl ProgressSink for Lines {
    fn emit(&self, event: ProgressEvent) {
        match event {
            ProgressEvent::ImportStarted {
                repository,
                resumed,
                ..
            } => {
                let verb = if resumed { "goes on" } else { "begins" };
                output::note(&format!("{repository}: import {verb}"));
            }
            ProgressEvent::StageStarted {
                repository, stage, ..
            } => {
                self.is_due(&repository, stage);
            }
            ProgressEvent::StageAdvanced {
                repository,
                stage,
                stored,
                expected,
            } => {
                if self.is_due(&repository, stage) {
                    output::note(&format!("{repository}: {stage} {}", of(stored, expected)));
                }
            }
            ProgressEvent::Git {
                repository,
                transfer,
            } => {
                if transfer.phase == GitPhase::Receiving && self.is_due(&repository, Stage::Git) {
                    let segment = transfer
                        .segment
                        .map(|segment| format!(", segment {} of {}", segment.number, segment.of));
                    output::note(&format!(
                        "{repository}: git {} objects, {} KiB{}",
                        of(transfer.received_objects, transfer.total_objects),
                        grouped(transfer.received_bytes / 1024),
                        segment.unwrap_or_default()
                    ));
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
                if stage.is_optional() && state != StageState::Running {
                    output::note(&format!(
                        "{repository}: {stage} {state}, {}",
                        of(stored, expected)
                    ));
                }
            }
            ProgressEvent::WaitStarted(wait) if wait.reason != WaitReason::Retry => {
                output::note(&super::bars::wait_line(&wait));
            }
            ProgressEvent::WaitStarted(_)
            | ProgressEvent::WaitEnded
            | ProgressEvent::GapRecorded { .. }
            | ProgressEvent::RequestAnswered { .. }
            | ProgressEvent::QueueProblem(_)
            | ProgressEvent::ImportFinished { .. } => {}
        }
    }
}

fn of(stored: u64, expected: Option<u64>) -> String {
    match expected {
        Some(expected) => format!("{} of {}", grouped(stored), grouped(expected)),
        None => grouped(stored),
    }
}
