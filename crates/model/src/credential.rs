//! The ids of credentials that are kept.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::ParseIdError;

/// The id of a credential: a version 7 UUID, so that ids sort by the time they were made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(transparent)]
pub struct CredentialId(uuid::Uuid);

impl CredentialId {
    /// An id for a credential that is added at `now`.
    pub fn new(now: chrono::DateTime<chrono::Utc>) -> Self {
        Self(crate::ids::uuid_of(now))
    }
}

impl fmt::Display for CredentialId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(f)
    }
}

impl FromStr for CredentialId {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        uuid::Uuid::try_parse(text)
            .map(Self)
            .map_err(|_| ParseIdError {
                kind: "credential id",
                text: text.to_owned(),
                rule: "it must be a UUID",
            })
    }
}
