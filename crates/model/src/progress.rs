//! Progress as facts: what happened, never how to draw it.

use std::fmt::Debug;
use std::sync::Mutex;
use std::time::Duration;

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
        /// How long it was at work, this time.
        took: Duration,
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
    /// A request was sent to Bitbucket, and something came of it.
    RequestAnswered {
        /// What was asked for, as reports call it.
        endpoint: &'static str,
        /// What came.
        answer: AnswerClass,
    },
    /// Something went wrong with the queue itself. It goes on, and the log says what.
    QueueProblem(QueuePart),
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

/// What a request was answered with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AnswerClass {
    /// 2xx.
    Success,
    /// 304: what is known still holds.
    NotModified,
    /// 3xx, any other.
    Redirect,
    /// 429.
    RateLimited,
    /// 4xx, any other.
    Refused,
    /// 5xx.
    Failed,
    /// Nothing, or something that broke off.
    Transport,
    /// Something of which the status is not known here.
    Other,
}

impl AnswerClass {
    /// The class of a status of HTTP.
    pub const fn of_status(status: u16) -> Self {
        match status {
            200..=299 => Self::Success,
            304 => Self::NotModified,
            300..=399 => Self::Redirect,
            429 => Self::RateLimited,
            400..=499 => Self::Refused,
            500..=599 => Self::Failed,
            _ => Self::Other,
        }
    }

    /// The name in figures.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Success => "2xx",
            Self::NotModified => "304",
            Self::Redirect => "3xx",
            Self::RateLimited => "429",
            Self::Refused => "4xx",
            Self::Failed => "5xx",
            Self::Transport => "transport",
            Self::Other => "other",
        }
    }
}

/// A part of the queue that something can go wrong with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QueuePart {
    /// The tickets that wake workers up.
    Tickets,
    /// The search for what was lost or is due.
    Reconciler,
    /// Taking an import from the queue.
    Claim,
    /// Writing how a run ended.
    RunEnd,
    /// Removing what is old.
    Housekeeping,
    /// Telling what happened to those who do not watch.
    Notices,
}

impl QueuePart {
    /// Every part.
    pub const ALL: [Self; 6] = [
        Self::Tickets,
        Self::Reconciler,
        Self::Claim,
        Self::RunEnd,
        Self::Housekeeping,
        Self::Notices,
    ];

    /// The name in figures.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Tickets => "tickets",
            Self::Reconciler => "reconciler",
            Self::Claim => "claim",
            Self::RunEnd => "run_end",
            Self::Housekeeping => "housekeeping",
            Self::Notices => "notices",
        }
    }
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
    /// Which segment of a large first clone this is. Bytes are those of all
    /// segments so far, objects and deltas those of this one.
    pub segment: Option<GitSegment>,
}

/// A segment of a first clone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GitSegment {
    /// Its number, from 1.
    pub number: usize,
    /// How many there are.
    pub of: usize,
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
