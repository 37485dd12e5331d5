//! What a check found, and how it is shown.

use serde::Serialize;

use crate::messages::{Exit, Problem};
use crate::output;

/// How good or bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::commands) enum State {
    Ok,
    /// Could not be checked, because something before it failed.
    Skipped,
    /// Works, and somebody should know.
    Warning,
    Failed,
    /// Failed, and it is the credential's fault.
    NotAuthorised,
}

impl State {
    /// Words of one length, which read well without colour.
    const fn mark(self) -> &'static str {
        match self {
            Self::Ok => "ok  ",
            Self::Skipped => "-   ",
            Self::Warning => "warn",
            Self::Failed | Self::NotAuthorised => "FAIL",
        }
    }
}

/// What one check found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(in crate::commands) struct Finding {
    /// The check, as one word for scripts.
    pub(in crate::commands) check: &'static str,
    pub(in crate::commands) state: State,
    #[serde(rename = "finding")]
    pub(in crate::commands) text: String,
    /// What to do about it.
    pub(in crate::commands) remedy: Option<String>,
}

impl Finding {
    fn new(check: &'static str, state: State, text: impl Into<String>) -> Self {
        Self {
            check,
            state,
            text: output::printable(&text.into()),
            remedy: None,
        }
    }

    pub(super) fn ok(check: &'static str, text: impl Into<String>) -> Self {
        Self::new(check, State::Ok, text)
    }

    pub(super) fn skipped(check: &'static str, because: &str) -> Self {
        Self::new(check, State::Skipped, format!("not checked: {because}"))
    }

    pub(super) fn warning(
        check: &'static str,
        text: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self::new(check, State::Warning, text).with_remedy(remedy)
    }

    pub(super) fn failed(
        check: &'static str,
        text: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self::new(check, State::Failed, text).with_remedy(remedy)
    }

    /// A problem in the words that every command has for it.
    pub(super) fn of(check: &'static str, problem: &Problem) -> Self {
        let state = match problem.exit() {
            Exit::NotAuthorised => State::NotAuthorised,
            _ => State::Failed,
        };
        Self {
            remedy: problem.what_to_do().map(str::to_owned),
            ..Self::new(check, state, problem.in_one_line())
        }
    }

    pub(super) fn with_remedy(mut self, remedy: impl Into<String>) -> Self {
        self.remedy = Some(output::printable(&remedy.into()));
        self
    }

    pub(super) fn with_state(mut self, state: State) -> Self {
        self.state = state;
        self
    }
}

/// Everything that was found.
#[derive(Debug, Serialize)]
pub(super) struct Findings {
    /// The worst of all.
    state: State,
    checks: Vec<Finding>,
}

impl Findings {
    pub(super) fn new(checks: Vec<Finding>) -> Self {
        let state = checks.iter().map(|one| one.state).max();
        let state = match state {
            // What was skipped was skipped because of a failure.
            None | Some(State::Skipped) => State::Ok,
            Some(worst) => worst,
        };
        Self { state, checks }
    }

    /// How the command ends. Where more than the credential fails, the credential's
    /// code tells more.
    pub(super) fn exit(&self) -> Exit {
        let has = |state| self.checks.iter().any(|one| one.state == state);
        if has(State::NotAuthorised) {
            Exit::NotAuthorised
        } else if has(State::Failed) {
            Exit::Failed
        } else {
            Exit::Complete
        }
    }

    /// A line for each check, its remedy below, and the sum.
    pub(super) fn lines(&self) -> Vec<String> {
        let mut lines = Vec::new();
        for one in &self.checks {
            let check = one.check.replace('_', " ");
            lines.push(format!("{}  {check:<18}  {}", one.state.mark(), one.text));
            if let Some(remedy) = &one.remedy {
                lines.push(format!("{:24}  what to do: {remedy}", ""));
            }
        }
        lines.push(String::new());
        lines.push(self.sum());
        lines
    }

    fn sum(&self) -> String {
        let count = |wanted: &[State]| {
            let found = self.checks.iter().filter(|one| wanted.contains(&one.state));
            found.count() as u64
        };
        let failed = count(&[State::Failed, State::NotAuthorised]);
        let warnings = count(&[State::Warning]);
        match (failed, warnings) {
            (0, 0) => "All is well.".to_owned(),
            (0, _) => format!(
                "It works, with {}.",
                output::counted(warnings, "warning", "warnings")
            ),
            (_, 0) => format!(
                "{} in the way.",
                output::counted(failed, "problem is", "problems are")
            ),
            _ => format!(
                "{} in the way, beside {}.",
                output::counted(failed, "problem is", "problems are"),
                output::counted(warnings, "warning", "warnings")
            ),
        }
    }
}
