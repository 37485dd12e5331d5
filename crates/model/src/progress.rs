//! Progress as facts: what happened, never how to draw it.

use std::fmt::Debug;
use std::sync::Mutex;

use chrono::{DateTime, Utc};

use crate::{Gap, ImportReport, RepositoryName, Stage, StageState};

/// Something that happened during an import.
#[derive(Debug, Clone, PartialEq)]
pub enum ProgressEvent {
    /// An import of a repository begins, or goes on.
    ImportStarted {
        /// The repository.
        repository: RepositoryName,
        /// The stages that will run, in order.
        stages: Vec<Stage>,
        /// Whether an interrupted import goes on.
        resumed: bool,
    },
    /// A stage begins, or goes on.
    StageStarted {
        /// The repository.
        repository: RepositoryName,
        /// The stage.
        stage: Stage,
        /// Objects already in the archive.
        stored: u64,
        /// Objects that Bitbucket reported, if it has.
        expected: Option<u64>,
    },
    /// Objects are safely in the archive. Counts are totals from the database,
    /// so a resumed stage goes on where it stopped and nothing counts twice.
    StageAdvanced {
        /// The repository.
        repository: RepositoryName,
        /// The stage.
        stage: Stage,
        /// Objects in the archive now.
        stored: u64,
        /// Objects that Bitbucket reported, if it has.
        expected: Option<u64>,
    },
    /// A git transfer got further.
    Git {
        /// The repository.
        repository: RepositoryName,
        /// How far.
        transfer: GitTransfer,
    },
    /// A stage ended.
    StageFinished {
        /// The repository.
        repository: RepositoryName,
        /// The stage.
        stage: Stage,
        /// How it ended.
        state: StageState,
        /// Objects in the archive now.
        stored: u64,
        /// Objects that Bitbucket reported, if it has.
        expected: Option<u64>,
    },
    /// Something is missing and the archive says so.
    GapRecorded {
        /// The repository.
        repository: RepositoryName,
        /// What and why.
        gap: Gap,
    },
    /// Requests wait: a state with an end, not an error.
    WaitStarted(Wait),
    /// Requests go on.
    WaitEnded,
    /// An import ended; the report says how.
    ImportFinished {
        /// The repository.
        repository: RepositoryName,
        /// The whole report.
        report: Box<ImportReport>,
    },
}

/// Why and until when requests wait.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wait {
    /// Why.
    pub reason: WaitReason,
    /// When they go on.
    pub until: DateTime<Utc>,
}

/// Why requests wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WaitReason {
    /// Our own account of the hour's quota is spent.
    Quota,
    /// Bitbucket said 429.
    RateLimited,
    /// A request failed and is tried again.
    Retry,
}

/// How far a git transfer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct GitTransfer {
    /// What is being done.
    pub phase: GitPhase,
    /// Objects received.
    pub received_objects: u64,
    /// Objects the server announced, once it has.
    pub total_objects: Option<u64>,
    /// Bytes received.
    pub received_bytes: u64,
    /// Deltas resolved.
    pub resolved_deltas: u64,
    /// Deltas to resolve, once known.
    pub total_deltas: Option<u64>,
}

/// What a git transfer is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum GitPhase {
    /// Asking the server for its refs, or waiting for it to gather objects.
    #[default]
    Negotiating,
    /// Objects come in.
    Receiving,
    /// Deltas are resolved and checked.
    Resolving,
    /// Refs are written, files are synced.
    Finishing,
}

/// Takes progress events. It cannot fail and must not block: an import never
/// suffers from those who watch it.
pub trait ProgressSink: Debug + Send + Sync {
    /// Takes one event.
    fn emit(&self, event: ProgressEvent);
}

/// Takes events and forgets them.
#[derive(Debug, Clone, Copy, Default)]
pub struct NullSink;

impl ProgressSink for NullSink {
    fn emit(&self, _event: ProgressEvent) {}
}

/// Keeps every event, for tests.
#[derive(Debug, Default)]
pub struct RecordingSink(Mutex<Vec<ProgressEvent>>);

impl RecordingSink {
    /// Every event so far, oldest first.
    pub fn events(&self) -> Vec<ProgressEvent> {
        self.0
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .clone()
    }
}

impl ProgressSink for RecordingSink {
    fn emit(&self, event: ProgressEvent) {
        self.0
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .push(event);
    }
}
