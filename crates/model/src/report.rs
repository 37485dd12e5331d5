//! What one import did, as `import --json` prints it.

use std::collections::BTreeMap;
use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{Gap, ImportId, Stage};

macro_rules! state {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $text:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
        pub enum $name {
            $($(#[$vdoc])* #[serde(rename = $text)] $variant,)+
        }

        impl $name {
            /// The name used in reports and the database.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $text,)+ }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.name())
            }
        }

        impl std::str::FromStr for $name {
            type Err = String;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                match text {
                    $($text => Ok(Self::$variant),)+
                    other => Err(other.to_owned()),
                }
            }
        }
    };
}

state! {
    /// Where an import stands.
    ImportState {
        /// It waits for its turn.
        Queued = "queued",
        /// It works, or was killed while it worked: the lease tells which.
        Running = "running",
        /// It waits for quota.
        Waiting = "waiting",
        /// It was halted on request, and goes on when it is resumed.
        Paused = "paused",
        /// It was asked to stop and is about to.
        Cancelling = "cancelling",
        /// Everything that Bitbucket reported is stored.
        Complete = "complete",
        /// It ended, and every missing object is named.
        CompleteWithGaps = "complete_with_gaps",
        /// It could not end; what is stored stays and can be resumed.
        Failed = "failed",
        /// It was stopped on request and can be resumed.
        Cancelled = "cancelled",
    }
}

state! {
    /// Where a stage stands.
    StageState {
        /// Not begun.
        Pending = "pending",
        /// At work, or interrupted.
        Running = "running",
        /// Everything reported is stored.
        Complete = "complete",
        /// Ended with gaps.
        CompleteWithGaps = "complete_with_gaps",
        /// Could not end.
        Failed = "failed",
        /// Left out on request.
        Skipped = "skipped",
    }
}

/// One import of one repository.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ImportReport {
    /// The import.
    pub id: ImportId,
    /// `workspace/slug`.
    pub source: String,
    /// Where it stands.
    pub state: ImportState,
    /// What it cost.
    pub requests: RequestReport,
    /// Its stages, in order.
    pub stages: Vec<StageReport>,
    /// What is missing and why.
    pub gaps: Vec<Gap>,
    /// The mirror.
    pub git: GitReport,
    /// When it began.
    pub started_at: DateTime<Utc>,
    /// When it ended, if it has.
    pub finished_at: Option<DateTime<Utc>>,
    /// Until when it waits for quota; absent while it does not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waits_until: Option<DateTime<Utc>>,
    /// Why it failed, in words; absent otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

impl ImportReport {
    /// Objects that were reported and are not stored, over all stages.
    pub fn missing(&self) -> u64 {
        self.stages.iter().map(|stage| stage.missing).sum()
    }
}

/// What an import cost.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RequestReport {
    /// REST requests in all.
    pub total: u64,
    /// REST requests by the kind of thing asked for.
    pub by_endpoint: BTreeMap<String, u64>,
    /// What was expected when the lists had said how long they are; absent while none has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub estimated: Option<RequestEstimate>,
}

/// Requests that something will take, if every answer comes at the first try.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RequestEstimate {
    /// At least.
    pub min: u64,
    /// At most.
    pub max: u64,
}

impl RequestEstimate {
    /// So many, neither more nor fewer.
    pub const fn exactly(requests: u64) -> Self {
        Self {
            min: requests,
            max: requests,
        }
    }
}

impl std::ops::Add for RequestEstimate {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            min: self.min + other.min,
            max: self.max + other.max,
        }
    }
}

impl std::iter::Sum for RequestEstimate {
    fn sum<I: Iterator<Item = Self>>(estimates: I) -> Self {
        estimates.fold(Self::default(), std::ops::Add::add)
    }
}

impl fmt::Display for RequestEstimate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.min == self.max {
            write!(f, "{}", self.min)
        } else {
            write!(f, "{} to {}", self.min, self.max)
        }
    }
}

/// One stage of one import.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct StageReport {
    /// The stage.
    pub name: Stage,
    /// Where it stands.
    pub state: StageState,
    /// Objects that Bitbucket reported; null where it reported nothing.
    pub expected: Option<u64>,
    /// Objects in the archive.
    pub stored: u64,
    /// Reported objects that are not in the archive.
    pub missing: u64,
    /// Objects that were met and are not wanted, such as images on hosts that nobody allowed.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub left_out: u64,
    /// Time at work, in seconds, over all attempts.
    pub seconds: f64,
    /// Requests that it was expected to take; absent where nobody could know.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requests_estimated: Option<RequestEstimate>,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde hands over a reference"
)]
const fn is_zero(count: &u64) -> bool {
    *count == 0
}

/// The mirror after an import.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct GitReport {
    /// Refs that the remote shows and the mirror has.
    pub refs: u64,
    /// Commits that the mirror holds, reachable from any ref; absent where they were not
    /// counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commits: Option<u64>,
    /// Bytes received by this import.
    pub bytes_received: u64,
}
