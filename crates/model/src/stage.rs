//! The steps of an import.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// One step of an import. The order of the variants is the order of reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// The repository object itself.
    Repository,
    /// Every ref and object, into a bare mirror.
    Git,
    /// Large files that git's history names by pointers.
    Lfs,
    /// The wiki, into a mirror of its own.
    Wiki,
    /// The workspace's members.
    Users,
    /// Every pull request in all four states, with reviewers and participants.
    PullRequests,
    /// The discussion of every pull request that has one.
    PullRequestComments,
    /// What happened to the pull requests: approvals, merges, changes of target.
    PullRequestActivity,
    /// The tasks of every pull request that has some.
    PullRequestTasks,
    /// What builds said of every pull request.
    PullRequestStatuses,
    /// Commits, diff and patch of the pull requests whose commits the clone lacks.
    PullRequestDiffs,
    /// The issues, where the tracker still answers, with components, milestones, versions.
    Issues,
    /// The discussion of every issue.
    IssueComments,
    /// What was changed in every issue.
    IssueChanges,
    /// The files of every issue.
    IssueAttachments,
    /// The files beside the repository.
    Downloads,
    /// Images that texts of the other stages link to.
    Images,
    /// Branch restrictions, permissions, webhooks, pipelines and other settings.
    Settings,
    /// Counts what is stored against what was reported.
    Finish,
}

/// A text that is no stage's name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("“{0}” is no stage")]
pub struct ParseStageError(pub String);

impl Stage {
    /// Every stage, in order.
    pub const ALL: &'static [Self] = &[
        Self::Repository,
        Self::Git,
        Self::Lfs,
        Self::Wiki,
        Self::Users,
        Self::PullRequests,
        Self::PullRequestComments,
        Self::PullRequestActivity,
        Self::PullRequestTasks,
        Self::PullRequestStatuses,
        Self::PullRequestDiffs,
        Self::Issues,
        Self::IssueComments,
        Self::IssueChanges,
        Self::IssueAttachments,
        Self::Downloads,
        Self::Images,
        Self::Settings,
        Self::Finish,
    ];

    /// The name used in commands, reports and the database.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Repository => "repository",
            Self::Git => "git",
            Self::Lfs => "lfs",
            Self::Wiki => "wiki",
            Self::Users => "users",
            Self::PullRequests => "pull_requests",
            Self::PullRequestComments => "pull_request_comments",
            Self::PullRequestActivity => "pull_request_activity",
            Self::PullRequestTasks => "pull_request_tasks",
            Self::PullRequestStatuses => "pull_request_statuses",
            Self::PullRequestDiffs => "pull_request_diffs",
            Self::Issues => "issues",
            Self::IssueComments => "issue_comments",
            Self::IssueChanges => "issue_changes",
            Self::IssueAttachments => "issue_attachments",
            Self::Downloads => "downloads",
            Self::Images => "images",
            Self::Settings => "settings",
            Self::Finish => "finish",
        }
    }

    /// What the stage brings home, for people.
    pub const fn description(self) -> &'static str {
        match self {
            Self::Repository => {
                "the repository object: name, description, owner, settings it shows"
            }
            Self::Git => "every branch, tag and other ref with all its history",
            Self::Lfs => "large files of the history (git LFS), where “git lfs” looks for them",
            Self::Wiki => "the wiki with all its history, where Bitbucket still has one",
            Self::Users => "the workspace's members; people met elsewhere are kept as they are met",
            Self::PullRequests => "pull requests of all states, with reviewers and participants",
            Self::PullRequestComments => "the discussion of every pull request that has one",
            Self::PullRequestActivity => {
                "what happened to pull requests: who approved, merged, declined, re-targeted, and when"
            }
            Self::PullRequestTasks => "the tasks of every pull request that has open ones, or had",
            Self::PullRequestStatuses => {
                "what builds said: one request for each pull request; only with --with"
            }
            Self::PullRequestDiffs => {
                "commits, diff and patch of pull requests whose commits the clone lacks"
            }
            Self::Issues => {
                "issues with components, milestones and versions, where the tracker still answers"
            }
            Self::IssueComments => "the discussion of every issue",
            Self::IssueChanges => {
                "what was changed in issues: by whom, from what, to what, and when"
            }
            Self::IssueAttachments => "the files of issues, with their content",
            Self::Downloads => "the files beside the repository, with their content",
            Self::Images => "images that descriptions and comments link to, with their content",
            Self::Settings => {
                "project, reviewers, branch rules, permissions, webhooks, keys, pipelines, forks, watchers"
            }
            Self::Finish => "counts what is stored against what Bitbucket reported",
        }
    }

    /// The stages whose objects this one works on. It may begin before they end:
    /// comments are fetched while the list of pull requests and their activity still
    /// come in.
    pub const fn needs(self) -> &'static [Self] {
        match self {
            Self::Repository => &[],
            Self::Git
            | Self::Wiki
            | Self::Users
            | Self::PullRequests
            | Self::PullRequestActivity
            | Self::Issues
            | Self::Downloads
            | Self::Settings
            | Self::Finish => &[Self::Repository],
            Self::PullRequestTasks | Self::PullRequestStatuses => {
                &[Self::Repository, Self::PullRequests]
            }
            Self::PullRequestDiffs => &[Self::Repository, Self::Git, Self::PullRequests],
            Self::IssueComments | Self::IssueChanges | Self::IssueAttachments => {
                &[Self::Repository, Self::Issues]
            }
            Self::Lfs => &[Self::Repository, Self::Git],
            // All that has texts.
            Self::Images => &[
                Self::Repository,
                Self::PullRequests,
                Self::PullRequestComments,
                Self::PullRequestActivity,
                Self::PullRequestTasks,
                Self::Issues,
                Self::IssueComments,
                Self::IssueChanges,
            ],
            Self::PullRequestComments => &[
                Self::Repository,
                Self::PullRequests,
                Self::PullRequestActivity,
            ],
        }
    }

    /// Whether a person may leave it out. The first and the last are always run:
    /// without the one nothing has a key, without the other nobody knows what is missing.
    pub const fn is_optional(self) -> bool {
        !matches!(self, Self::Repository | Self::Finish)
    }

    /// Whether an import has it for which nobody chose stages. What builds said takes as
    /// many requests as there are pull requests, and tells least of a repository.
    pub const fn is_usual(self) -> bool {
        !matches!(self, Self::PullRequestStatuses)
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Stage {
    type Err = ParseStageError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .iter()
            .copied()
            .find(|stage| stage.name() == text)
            .ok_or_else(|| ParseStageError(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_match_their_serialised_form() {
        for stage in Stage::ALL {
            assert_eq!(
                serde_json::to_string(stage).unwrap(),
                format!("\"{}\"", stage.name())
            );
            assert_eq!(stage.name().parse::<Stage>().unwrap(), *stage);
        }
    }

    #[test]
    fn all_is_in_order_and_no_stage_waits_for_itself() {
        fn reaches(from: Stage, wanted: Stage) -> bool {
            from.needs()
                .iter()
                .any(|need| *need == wanted || reaches(*need, wanted))
        }
        assert!(Stage::ALL.is_sorted());
        for stage in Stage::ALL {
            assert!(!reaches(*stage, *stage), "{stage}");
        }
    }
}
