//! Which imports come first, and how many may run at once.

use std::fmt;
use std::str::FromStr;

/// Imports of a higher priority come first. 0 unless somebody says otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Priority(i32);

/// How many imports may run at once, over all processes of a database. Those that wait
/// for quota do not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// In all.
    pub at_once: u32,
    /// Of one workspace.
    pub per_workspace: u32,
    /// With one credential: they share its quota, so more would only wait for each other.
    pub per_credential: u32,
}

/// A text that is no priority.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("“{0}” is no priority: give a whole number from -100 to 100")]
pub struct ParsePriorityError(pub String);

impl Default for Limits {
    fn default() -> Self {
        Self {
            at_once: 50,
            per_workspace: 50,
            per_credential: 50,
        }
    }
}

impl Priority {
    /// A priority; what is beyond -100 or 100 becomes that.
    pub fn new(priority: i32) -> Self {
        Self(priority.clamp(-100, 100))
    }

    /// The number.
    pub const fn get(self) -> i32 {
        self.0
    }
}

impl FromStr for Priority {
    type Err = ParsePriorityError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.parse() {
            Ok(number @ -100..=100) => Ok(Self(number)),
            _ => Err(ParsePriorityError(text.to_owned())),
        }
    }
}

impl fmt::Display for Priority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn priorities_have_bounds() {
        assert_eq!("-100".parse(), Ok(Priority::new(-500)));
        for text in ["101", "high", ""] {
            assert!(text.parse::<Priority>().is_err(), "{text:?}");
        }
    }
}
