//! Which imports come first, and how many may run at once.

use std::collections::BTreeMap;
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

impl Limits {
    /// What they are called, in the configuration and among what administrators set.
    pub const KEYS: [&str; 3] = [
        "imports_at_once",
        "imports_per_workspace",
        "imports_per_credential",
    ];

    /// The same, but for what administrators set: that comes before any configuration. What
    /// makes no sense counts as not set.
    #[must_use]
    pub fn or_as_set(self, set: &BTreeMap<String, String>) -> Self {
        let limit = |key: usize, configured| {
            let text = set.get(Self::KEYS[key]);
            let limit = text.and_then(|text| text.parse().ok());
            limit.filter(|limit| *limit > 0).unwrap_or(configured)
        };
        Self {
            at_once: limit(0, self.at_once),
            per_workspace: limit(1, self.per_workspace),
            per_credential: limit(2, self.per_credential),
        }
    }
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
    fn what_administrators_set_comes_first() {
        let set = |value: &str| {
            let key = Limits::KEYS[1].to_owned();
            let set = BTreeMap::from([(key, value.to_owned())]);
            Limits::default().or_as_set(&set)
        };
        let two = Limits {
            per_workspace: 2,
            ..Limits::default()
        };
        assert_eq!(set("2"), two);
        for nothing in ["", "0", "many", "-1"] {
            assert_eq!(set(nothing), Limits::default(), "{nothing}");
        }
    }

    #[test]
    fn priorities_have_bounds() {
        assert_eq!("-100".parse(), Ok(Priority::new(-500)));
        for text in ["101", "high", ""] {
            assert!(text.parse::<Priority>().is_err(), "{text:?}");
        }
    }
}
