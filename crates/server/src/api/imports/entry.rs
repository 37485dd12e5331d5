//! An import in a list.

use bucketload_archive::ImportLine;
use bucketload_model::{ImportId, ImportState, Stage};
use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::Serialize;

use crate::imports::pace::pace;

/// An import in a list.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "ImportEntry")]
pub(crate) struct Entry {
    id: ImportId,
    /// `workspace/repository`.
    source: String,
    state: ImportState,
    priority: i32,
    /// Who asked for it.
    asked_by: Option<String>,
    queued_at: DateTime<Utc>,
    started_at: DateTime<Utc>,
    finished_at: Option<DateTime<Utc>>,
    /// Not to be begun before.
    not_before: Option<DateTime<Utc>>,
    /// Until when it waits, for quota or for its next attempt.
    waits_until: Option<DateTime<Utc>>,
    /// Why it failed or waits, in words.
    error: Option<String>,
    progress: Progress,
    /// How many gaps it has; its report has them all.
    gaps: u64,
}

/// How far an import is.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "ImportProgress")]
struct Progress {
    /// How much of its stages is done, of 100.
    percent: u64,
    /// Objects in the archive.
    stored: u64,
    /// Objects that there should be, as far as that is known.
    expected: u64,
    /// The stages at work.
    at_work: Vec<Stage>,
    /// Objects a minute, while it runs.
    per_minute: Option<u64>,
    /// How long the stages at work will take at that pace.
    seconds_left: Option<i64>,
}

impl Entry {
    pub(super) fn of(line: ImportLine, now: DateTime<Utc>) -> Self {
        let pace = pace(&line, now);
        let summary = line.summary;
        Self {
            id: summary.id,
            source: summary.name.to_string(),
            state: summary.state,
            priority: summary.priority.get(),
            asked_by: summary.asked_by,
            queued_at: summary.queued_at,
            started_at: summary.started_at,
            finished_at: summary.finished_at,
            not_before: summary.not_before,
            waits_until: summary.wait_until,
            error: summary.error,
            progress: Progress {
                percent: pace.percent,
                stored: pace.stored,
                expected: pace.expected,
                at_work: pace.at_work,
                per_minute: pace.per_minute,
                seconds_left: pace.left.map(|left| left.num_seconds()),
            },
            gaps: line.gaps,
        }
    }
}
