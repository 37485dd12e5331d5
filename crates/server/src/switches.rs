//! The switches that administrators set, and their defaults.

use std::collections::BTreeMap;
use std::str::FromStr;

use bucketload_model::{UserRole, WorkspaceSlug};
use chrono::Duration;

/// Who gets an account by signing in with Bitbucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Admission {
    /// Nobody: administrators make no exception either.
    Nobody,
    /// Members of named workspaces.
    Members,
    /// Everybody who has an account of Bitbucket.
    Anyone,
}

impl Admission {
    pub(crate) const ALL: [Self; 3] = [Self::Nobody, Self::Members, Self::Anyone];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Nobody => "nobody",
            Self::Members => "members",
            Self::Anyone => "anyone",
        }
    }
}

impl FromStr for Admission {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut all = Self::ALL.into_iter();
        all.find(|one| one.name() == text).ok_or(())
    }
}

/// The switches. The cautious defaults let nobody in whom an administrator did not think of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Switches {
    /// Whether people sign in with Bitbucket. Imports do not depend on it.
    pub(crate) bitbucket_sign_in: bool,
    pub(crate) admission: Admission,
    /// Whose members may come, with [`Admission::Members`].
    pub(crate) workspaces: Vec<WorkspaceSlug>,
    /// Whether new accounts wait for an administrator.
    pub(crate) approval: bool,
    /// The role of new accounts.
    pub(crate) new_role: UserRole,
    /// Whether somebody with the confirmed address of a user becomes that user.
    pub(crate) link_by_email: bool,
    /// How long a session lives unused.
    pub(crate) idle_days: u16,
    /// How long a session lives in any case.
    pub(crate) session_days: u16,
}

impl Default for Switches {
    fn default() -> Self {
        Self {
            bitbucket_sign_in: true,
            admission: Admission::Nobody,
            workspaces: Vec::new(),
            approval: true,
            new_role: UserRole::Viewer,
            link_by_email: false,
            idle_days: 7,
            session_days: 30,
        }
    }
}

/// Nobody means to stay signed in for longer.
pub(crate) const MOST_DAYS: u16 = 365;

impl Switches {
    /// What was stored. A value that makes no sense has its default.
    pub(crate) fn read(stored: &BTreeMap<String, String>) -> Self {
        let default = Self::default();
        let text = |name: &str| stored.get(name).map(String::as_str);
        let flag = |name: &str, default| match text(name) {
            Some("1") => true,
            Some("0") => false,
            _ => default,
        };
        let days = |name: &str, default| {
            let days = text(name).and_then(|text| text.parse().ok());
            days.filter(|days| (1..=MOST_DAYS).contains(days))
                .unwrap_or(default)
        };
        let admission = text("admission").and_then(|text| text.parse().ok());
        // An administrator is made by an administrator, never by signing in.
        let new_role = text("new_role")
            .and_then(|text| text.parse().ok())
            .filter(|role| *role != UserRole::Administrator);
        Self {
            bitbucket_sign_in: flag("bitbucket_sign_in", default.bitbucket_sign_in),
            admission: admission.unwrap_or(default.admission),
            workspaces: text("workspaces")
                .unwrap_or_default()
                .split_whitespace()
                .filter_map(|slug| slug.parse().ok())
                .collect(),
            approval: flag("approval", default.approval),
            new_role: new_role.unwrap_or(default.new_role),
            link_by_email: flag("link_by_email", default.link_by_email),
            idle_days: days("idle_days", default.idle_days),
            session_days: days("session_days", default.session_days),
        }
    }

    /// What to store.
    pub(crate) fn write(&self) -> Vec<(&'static str, String)> {
        let flag = |on: bool| if on { "1" } else { "0" }.to_owned();
        let workspaces: Vec<&str> = self.workspaces.iter().map(WorkspaceSlug::as_str).collect();
        vec![
            ("bitbucket_sign_in", flag(self.bitbucket_sign_in)),
            ("admission", self.admission.name().to_owned()),
            ("workspaces", workspaces.join(" ")),
            ("approval", flag(self.approval)),
            ("new_role", self.new_role.name().to_owned()),
            ("link_by_email", flag(self.link_by_email)),
            ("idle_days", self.idle_days.to_string()),
            ("session_days", self.session_days.to_string()),
        ]
    }

    pub(crate) fn idle(&self) -> Duration {
        Duration::days(self.idle_days.into())
    }

    pub(crate) fn session(&self) -> Duration {
        Duration::days(self.session_days.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stored(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        let pairs = pairs.iter();
        pairs
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect()
    }

    #[test]
    fn what_is_written_is_read_again() {
        let switches = Switches {
            bitbucket_sign_in: false,
            admission: Admission::Members,
            workspaces: vec!["teapots".parse().unwrap(), "kettles".parse().unwrap()],
            approval: false,
            new_role: UserRole::Member,
            link_by_email: true,
            idle_days: 1,
            session_days: 2,
        };
        let written = switches.write().into_iter();
        let written = written.map(|(name, value)| (name.to_owned(), value));
        assert_eq!(Switches::read(&written.collect()), switches);
    }

    #[test]
    fn nonsense_has_the_cautious_default() {
        let read = Switches::read(&stored(&[
            ("admission", "everyone"),
            ("approval", "no"),
            ("new_role", "administrator"),
            ("link_by_email", "true"),
            ("idle_days", "0"),
            ("session_days", "100000"),
        ]));
        assert_eq!(read, Switches::default());
        assert_eq!(Switches::read(&BTreeMap::new()), Switches::default());
    }
}
