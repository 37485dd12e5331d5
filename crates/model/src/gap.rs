//! What is missing, as data.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::Stage;

/// One thing that the archive does not have and should have had.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Gap {
    /// The stage that should have brought it.
    pub stage: Stage,
    /// What is missing: `pull_request_comments of #7`, `members`, …
    pub object: String,
    /// Why.
    pub reason: GapReason,
    /// What was answered or seen, in words, without secrets.
    pub detail: String,
    /// Where a person can look for it.
    pub url: Option<String>,
}

/// Why something is missing. A closed list: what does not fit is an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum GapReason {
    /// Atlassian switched the function off (410).
    RemovedByAtlassian,
    /// The credential may not read it (401, 403).
    NotPermitted,
    /// It is gone or hidden at Bitbucket (404).
    NotFound,
    /// Bitbucket answers with errors however often it is asked.
    SourceError,
    /// Bitbucket sent something that cannot be read as what it should be.
    Unreadable,
    /// Bitbucket reported more than it delivered.
    CountMismatch,
    /// The repository is kept in a version control system other than git.
    UnsupportedScm,
    /// It cannot be kept as it is: a ref whose name is unsafe as a file, say.
    NotArchivable,
}

impl GapReason {
    /// Every reason, in order.
    pub const ALL: &'static [Self] = &[
        Self::RemovedByAtlassian,
        Self::NotPermitted,
        Self::NotFound,
        Self::SourceError,
        Self::Unreadable,
        Self::CountMismatch,
        Self::UnsupportedScm,
        Self::NotArchivable,
    ];

    /// The name used in reports and the database.
    pub const fn name(self) -> &'static str {
        match self {
            Self::RemovedByAtlassian => "removed_by_atlassian",
            Self::NotPermitted => "not_permitted",
            Self::NotFound => "not_found",
            Self::SourceError => "source_error",
            Self::Unreadable => "unreadable",
            Self::CountMismatch => "count_mismatch",
            Self::UnsupportedScm => "unsupported_scm",
            Self::NotArchivable => "not_archivable",
        }
    }
}

impl fmt::Display for GapReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl std::str::FromStr for GapReason {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .iter()
            .copied()
            .find(|reason| reason.name() == text)
            .ok_or_else(|| text.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_match_their_serialised_form() {
        for reason in GapReason::ALL {
            assert_eq!(
                serde_json::to_string(reason).unwrap(),
                format!("\"{}\"", reason.name())
            );
            assert_eq!(reason.name().parse::<GapReason>(), Ok(*reason));
        }
    }
}
