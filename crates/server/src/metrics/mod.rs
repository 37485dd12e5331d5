//! Figures for whoever watches over many processes, as `OpenMetrics` text.
//!
//! What a process does is counted here, from the events of its imports. What concerns the
//! whole queue is read from the database when somebody asks (`queue`): so any process says
//! the same of it, and nothing is counted twice. `docs/METRICS.md` lists all of them.

mod queue;
mod show;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, PoisonError};

use bucketload_bitbucket::QuotaSettings;
use bucketload_model::{
    ImportState, ProgressEvent, ProgressSink, QueuePart, RepositoryName, Stage,
};
use prometheus_client::encoding::text::{encode_eof, encode_registry};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};

pub(crate) use show::{Figures, show};

/// Every name begins with it.
const PREFIX: &str = "bucketload";

/// Names of labels and what they are for one series. None has the name of a repository or a
/// person: there would be too many, and figures travel further than archives.
type Labels<const N: usize> = [(&'static str, &'static str); N];

/// What a process counts. A sink for the progress of its imports.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    quota: QuotaSettings,
    requests: Family<Labels<2>, Counter>,
    objects: Family<Labels<1>, Counter>,
    gaps: Family<Labels<2>, Counter>,
    runs: Family<Labels<1>, Counter>,
    stages: Family<Labels<1>, Histogram, fn() -> Histogram>,
    problems: Family<Labels<1>, Counter>,
    /// Objects that stages at work had stored when they last said so.
    stored: Mutex<BTreeMap<(RepositoryName, Stage), u64>>,
}

/// The states that a run leaves an import in.
const OUTCOMES: [ImportState; 7] = [
    ImportState::Complete,
    ImportState::CompleteWithGaps,
    ImportState::Failed,
    ImportState::Cancelled,
    ImportState::Paused,
    ImportState::Waiting,
    ImportState::Queued,
];

/// From a tenth of a second to five hours.
fn stage_durations() -> Histogram {
    Histogram::new(exponential_buckets(0.1, 4.0, 10))
}

impl Metrics {
    /// Nothing is counted yet. The settings tell how much of a quota is left.
    pub fn new(quota: QuotaSettings) -> Self {
        let mut metrics = Self {
            registry: Registry::with_prefix(PREFIX),
            quota,
            requests: Family::default(),
            objects: Family::default(),
            gaps: Family::default(),
            runs: Family::default(),
            stages: Family::new_with_constructor(stage_durations),
            problems: Family::default(),
            stored: Mutex::default(),
        };
        metrics.register();
        metrics.begin_at_zero();
        metrics
    }

    /// What somebody is to be woken for is there from the start: of a counter that appears with
    /// its first event, Prometheus sees no increase.
    fn begin_at_zero(&self) {
        for part in QueuePart::ALL {
            drop(self.problems.get_or_create(&[("part", part.name())]));
        }
        for outcome in OUTCOMES {
            drop(self.runs.get_or_create(&[("outcome", outcome.name())]));
        }
    }

    /// What is set about the quota.
    pub(crate) const fn quota(&self) -> QuotaSettings {
        self.quota
    }

    fn register(&mut self) {
        let registry = &mut self.registry;
        registry.register(
            "build",
            "The program",
            Info::new([("version", env!("CARGO_PKG_VERSION"))]),
        );
        registry.register(
            "requests",
            "Requests to Bitbucket that this process sent, by endpoint and class of answer",
            self.requests.clone(),
        );
        registry.register(
            "objects_stored",
            "Objects that this process stored",
            self.objects.clone(),
        );
        registry.register(
            "gaps_recorded",
            "Things found missing by this process",
            self.gaps.clone(),
        );
        registry.register(
            "runs",
            "Runs of imports that ended in this process, by the state that they left",
            self.runs.clone(),
        );
        registry.register_with_unit(
            "stage_duration",
            "How long stages were at work in this process",
            Unit::Seconds,
            self.stages.clone(),
        );
        registry.register(
            "queue_problems",
            "What went wrong with the queue itself in this process",
            self.problems.clone(),
        );
    }

    /// What this process counts, and then what others have encoded, as one document.
    fn encode(&self, others: &Registry) -> Result<String, fmt::Error> {
        let mut text = String::new();
        encode_registry(&mut text, &self.registry)?;
        encode_registry(&mut text, others)?;
        encode_eof(&mut text)?;
        Ok(text)
    }

    /// Counts what a stage has stored since it last said how much there is.
    fn advance(&self, repository: RepositoryName, stage: Stage, stored: u64) {
        let mut seen = self.stored.lock().unwrap_or_else(PoisonError::into_inner);
        let before = seen.insert((repository, stage), stored).unwrap_or(stored);
        drop(seen);
        let more = stored.saturating_sub(before);
        self.objects
            .get_or_create(&[("stage", stage.name())])
            .inc_by(more);
    }

    fn forget(&self, repository: RepositoryName, stage: Stage) {
        let mut seen = self.stored.lock().unwrap_or_else(PoisonError::into_inner);
        seen.remove(&(repository, stage));
    }
}

impl ProgressSink for Metrics {
    fn emit(&self, event: ProgressEvent) {
        match event {
            ProgressEvent::StageStarted {
                repository,
                stage,
                stored,
                ..
            }
            | ProgressEvent::StageAdvanced {
                repository,
                stage,
                stored,
                ..
            } => self.advance(repository, stage, stored),
            ProgressEvent::StageFinished {
                repository,
                stage,
                stored,
                took,
                ..
            } => {
                self.advance(repository.clone(), stage, stored);
                self.forget(repository, stage);
                self.stages
                    .get_or_create(&[("stage", stage.name())])
                    .observe(took.as_secs_f64());
            }
            ProgressEvent::GapRecorded { gap, .. } => {
                let labels = [("stage", gap.stage.name()), ("reason", gap.reason.name())];
                self.gaps.get_or_create(&labels).inc();
            }
            ProgressEvent::RequestAnswered { endpoint, answer } => {
                let labels = [("endpoint", endpoint), ("answer", answer.name())];
                self.requests.get_or_create(&labels).inc();
            }
            ProgressEvent::QueueProblem(part) => {
                self.problems.get_or_create(&[("part", part.name())]).inc();
            }
            ProgressEvent::ImportFinished { report, .. } => {
                let labels = [("outcome", report.state.name())];
                self.runs.get_or_create(&labels).inc();
            }
            ProgressEvent::ImportStarted { .. }
            | ProgressEvent::Git { .. }
            | ProgressEvent::WaitStarted(_)
            | ProgressEvent::WaitEnded => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use bucketload_model::{AnswerClass, StageState};

    use super::*;

    fn text(metrics: &Metrics) -> String {
        metrics.encode(&Registry::default()).unwrap()
    }

    #[test]
    fn what_somebody_is_woken_for_begins_at_zero() {
        let text = text(&Metrics::new(QuotaSettings::default()));
        for line in [
            "bucketload_runs_total{outcome=\"failed\"} 0",
            "bucketload_queue_problems_total{part=\"notices\"} 0",
        ] {
            assert!(text.lines().any(|found| found == line), "{line}\n{text}");
        }
    }

    #[test]
    fn what_is_there_already_is_not_counted_and_nothing_is_counted_twice() {
        let metrics = Metrics::new(QuotaSettings::default());
        let repository: RepositoryName = "teapots/kettle".parse().unwrap();
        let stage = Stage::PullRequests;
        let advanced = |stored| ProgressEvent::StageAdvanced {
            repository: repository.clone(),
            stage,
            stored,
            expected: None,
        };
        metrics.emit(ProgressEvent::StageStarted {
            repository: repository.clone(),
            stage,
            stored: 50,
            expected: None,
        });
        metrics.emit(advanced(100));
        metrics.emit(advanced(100));
        metrics.emit(ProgressEvent::StageFinished {
            repository: repository.clone(),
            stage,
            state: StageState::Complete,
            stored: 120,
            expected: Some(120),
            took: Duration::from_secs(3),
        });
        let text = text(&metrics);
        for line in [
            "bucketload_objects_stored_total{stage=\"pull_requests\"} 70",
            "bucketload_stage_duration_seconds_sum{stage=\"pull_requests\"} 3.0",
            "bucketload_stage_duration_seconds_count{stage=\"pull_requests\"} 1",
        ] {
            assert!(text.lines().any(|one| one == line), "{line}\n{text}");
        }
        assert!(metrics.stored.lock().unwrap().is_empty());
    }

    #[test]
    fn answers_and_problems_are_counted_by_their_kind() {
        let metrics = Metrics::new(QuotaSettings::default());
        for answer in [
            AnswerClass::Success,
            AnswerClass::Success,
            AnswerClass::RateLimited,
        ] {
            let endpoint = "repository";
            metrics.emit(ProgressEvent::RequestAnswered { endpoint, answer });
        }
        metrics.emit(ProgressEvent::QueueProblem(QueuePart::Tickets));
        let text = text(&metrics);
        for line in [
            "bucketload_requests_total{endpoint=\"repository\",answer=\"2xx\"} 2",
            "bucketload_requests_total{endpoint=\"repository\",answer=\"429\"} 1",
            "bucketload_queue_problems_total{part=\"tickets\"} 1",
        ] {
            assert!(text.lines().any(|one| one == line), "{line}\n{text}");
        }
        assert!(text.ends_with("# EOF\n"), "{text}");
    }
}
