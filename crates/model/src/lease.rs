//! Who runs an import, and until when.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Utc};

use crate::{ImportId, ParseIdError};

/// Who holds a lease: one run, of one process. Never used twice, so that nobody is
/// taken for somebody who was there before.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct LeaseOwner(String);

/// How often an import was claimed. Who runs it writes only while the number is still
/// his: whoever was taken for dead and is not, finds out at his next write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fence(pub i64);

/// The right to run an import until some time, unless it is renewed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// The import.
    pub import: ImportId,
    /// Who runs it.
    pub owner: LeaseOwner,
    /// Which claim it was.
    pub fence: Fence,
    /// Until when.
    pub until: DateTime<Utc>,
}

impl LeaseOwner {
    /// A new owner in this process.
    pub fn new() -> Self {
        let unique = uuid::Uuid::now_v7().simple();
        Self(format!("{}-{unique}", std::process::id()))
    }

    /// The process, by its number on its machine.
    pub fn process(&self) -> &str {
        self.0.split('-').next().unwrap_or_default()
    }

    /// The name, safe as a file's.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for LeaseOwner {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Display for LeaseOwner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for LeaseOwner {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_fine = |c: char| c.is_ascii_alphanumeric() || c == '-';
        if text.is_empty() || text.len() > 100 || !text.chars().all(is_fine) {
            return Err(ParseIdError {
                kind: "lease owner",
                text: text.to_owned(),
                rule: "it must be a process number, a hyphen and a unique text",
            });
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for Fence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn owners_differ_and_name_their_process() {
        let (one, other) = (LeaseOwner::new(), LeaseOwner::new());
        assert_ne!(one, other);
        assert_eq!(one.process(), std::process::id().to_string());
        assert_eq!(one.to_string().parse(), Ok(one));
    }

    #[test]
    fn an_owner_is_no_path() {
        for text in ["", "../x", "a/b", "a b"] {
            assert!(text.parse::<LeaseOwner>().is_err(), "{text:?}");
        }
    }
}
