//! How far a run is, on its way to the database, where every process sees it.
//!
//! A stage says with every page how far it is. Whoever keeps the lease writes it down about
//! once a second, for all stages at once: a transaction for each page more would cost more
//! than it tells.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bucketload_archive::{DatabaseError, StageAdvance, Transaction, Transferred};
use bucketload_model::{Gap, Lease, ProgressEvent, ProgressSink, Stage};
use chrono::{DateTime, Utc};

/// How often it is written, if there is anything to write.
pub(crate) const EVERY: Duration = Duration::from_secs(1);

/// Gaps of one run that its log names. The list of gaps has them all.
const MOST_GAPS: usize = 50;

/// A sink that remembers how far a run is, and hands every event on.
#[derive(Debug)]
pub(crate) struct Pulse {
    next: Arc<dyn ProgressSink>,
    seen: Mutex<Seen>,
}

/// What was seen and is not written yet.
#[derive(Debug, Default)]
struct Seen {
    stages: BTreeMap<Stage, StageAdvance>,
    changed: BTreeMap<Stage, StageAdvance>,
    gaps: Vec<Gap>,
    gaps_named: usize,
}

/// What is to be written.
#[derive(Debug)]
pub(crate) struct Beat {
    stages: BTreeMap<Stage, StageAdvance>,
    gaps: Vec<Gap>,
}

impl Pulse {
    pub(crate) fn new(next: Arc<dyn ProgressSink>) -> Self {
        Self {
            next,
            seen: Mutex::default(),
        }
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is new since the last time.
    pub(crate) fn take(&self) -> Option<Beat> {
        let mut seen = self.seen();
        if seen.changed.is_empty() && seen.gaps.is_empty() {
            return None;
        }
        Some(Beat {
            stages: std::mem::take(&mut seen.changed),
            gaps: std::mem::take(&mut seen.gaps),
        })
    }
}

impl Beat {
    /// Writes it in a transaction that was found to be the run's.
    pub(crate) async fn write(
        &self,
        transaction: &mut Transaction,
        lease: &Lease,
        now: DateTime<Utc>,
    ) -> Result<(), DatabaseError> {
        for advance in self.stages.values() {
            transaction.advance_stage(lease.import, advance).await?;
        }
        for gap in &self.gaps {
            let words = format!("{}: {}", gap.object, gap.detail);
            transaction
                .log_gap(lease.import, now, gap.stage, &words)
                .await?;
        }
        Ok(())
    }
}

impl Seen {
    fn note(&mut self, event: &ProgressEvent) {
        match event {
            ProgressEvent::StageStarted {
                stage,
                stored,
                expected,
                ..
            } => self.advance(StageAdvance {
                stage: *stage,
                stored_before: *stored,
                stored: *stored,
                expected: *expected,
                transfer: None,
            }),
            ProgressEvent::StageAdvanced {
                stage,
                stored,
                expected,
                ..
            } => {
                let advance = StageAdvance {
                    stored: *stored,
                    expected: *expected,
                    ..self.before(*stage, *stored)
                };
                self.advance(advance);
            }
            ProgressEvent::Git { transfer, .. } => {
                let transferred = Transferred {
                    objects: transfer.received_objects,
                    of: transfer.total_objects,
                    bytes: transfer.received_bytes,
                };
                let advance = StageAdvance {
                    transfer: Some(transferred),
                    ..self.before(Stage::Git, 0)
                };
                self.advance(advance);
            }
            ProgressEvent::GapRecorded { gap, .. } if self.gaps_named < MOST_GAPS => {
                self.gaps_named += 1;
                self.gaps.push(gap.clone());
            }
            _ => {}
        }
    }

    /// How far a stage was; one that was not heard of begins with this.
    fn before(&self, stage: Stage, stored: u64) -> StageAdvance {
        self.stages.get(&stage).copied().unwrap_or(StageAdvance {
            stage,
            stored_before: stored,
            stored,
            expected: None,
            transfer: None,
        })
    }

    fn advance(&mut self, advance: StageAdvance) {
        if self.stages.insert(advance.stage, advance) != Some(advance) {
            self.changed.insert(advance.stage, advance);
        }
    }
}

impl ProgressSink for Pulse {
    fn emit(&self, event: ProgressEvent) {
        self.seen().note(&event);
        self.next.emit(event);
    }
}

#[cfg(test)]
mod tests {
    use bucketload_model::{GapReason, GitTransfer, RecordingSink, RepositoryName};

    use super::*;

    fn name() -> RepositoryName {
        "teapots/kettle".parse().unwrap()
    }

    fn advanced(stored: u64) -> ProgressEvent {
        ProgressEvent::StageAdvanced {
            repository: name(),
            stage: Stage::PullRequests,
            stored,
            expected: Some(100),
        }
    }

    #[test]
    fn only_the_latest_is_written_and_what_was_there_before_is_known() {
        let next = Arc::new(RecordingSink::default());
        let pulse = Pulse::new(next.clone());
        assert!(pulse.take().is_none());
        pulse.emit(ProgressEvent::StageStarted {
            repository: name(),
            stage: Stage::PullRequests,
            stored: 10,
            expected: None,
        });
        for stored in [20, 30] {
            pulse.emit(advanced(stored));
        }
        let transfer = GitTransfer {
            received_bytes: 7,
            ..GitTransfer::default()
        };
        pulse.emit(ProgressEvent::Git {
            repository: name(),
            transfer,
        });
        let beat = pulse.take().unwrap();
        let list = beat.stages[&Stage::PullRequests];
        assert_eq!(
            (list.stored_before, list.stored, list.expected),
            (10, 30, Some(100))
        );
        let git = beat.stages[&Stage::Git];
        assert_eq!(git.transfer.unwrap().bytes, 7);
        // The same once more is no news.
        pulse.emit(advanced(30));
        assert!(pulse.take().is_none());
        assert_eq!(next.events().len(), 5);
    }

    #[test]
    fn a_flood_of_gaps_does_not_fill_the_log() {
        let pulse = Pulse::new(Arc::new(RecordingSink::default()));
        for number in 0..2 * MOST_GAPS {
            pulse.emit(ProgressEvent::GapRecorded {
                repository: name(),
                gap: Gap {
                    stage: Stage::Git,
                    object: format!("ref {number}"),
                    reason: GapReason::NotArchivable,
                    detail: String::new(),
                    url: None,
                },
            });
        }
        assert_eq!(pulse.take().unwrap().gaps.len(), MOST_GAPS);
    }
}
