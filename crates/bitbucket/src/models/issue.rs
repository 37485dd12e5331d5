//! Issues, as they were until 20 August 2026 and still are in recordings.

use bucketload_model::{CommentId, IssueChangeId, IssueId};
use serde::Deserialize;

use crate::lenient::{Loose, scalar};
use crate::models::Account;
use crate::models::link::SelfLink;

/// An issue.
#[derive(Debug, Clone, Deserialize)]
pub struct Issue {
    /// Its number in the repository.
    pub id: IssueId,
    /// Its title.
    #[serde(default, deserialize_with = "scalar")]
    pub title: Option<String>,
    /// `new`, `open`, `resolved`, `on hold`, `invalid`, `duplicate`, `wontfix` or `closed`.
    #[serde(default, deserialize_with = "scalar")]
    pub state: Option<String>,
    /// `bug`, `enhancement`, `proposal` or `task`.
    #[serde(default, deserialize_with = "scalar")]
    pub kind: Option<String>,
    /// `trivial`, `minor`, `major`, `critical` or `blocker`.
    #[serde(default, deserialize_with = "scalar")]
    pub priority: Option<String>,
    /// When it was reported.
    #[serde(default, deserialize_with = "scalar")]
    pub created_on: Option<String>,
    /// When it last changed.
    #[serde(default, deserialize_with = "scalar")]
    pub updated_on: Option<String>,
    /// Who reported it; null for a former user or nobody known.
    pub reporter: Option<Loose<Account>>,
    /// Who is to do something about it.
    pub assignee: Option<Loose<Account>>,
}

/// A comment on an issue.
#[derive(Debug, Clone, Deserialize)]
pub struct IssueComment {
    /// Its id.
    pub id: CommentId,
    /// When it was written.
    #[serde(default, deserialize_with = "scalar")]
    pub created_on: Option<String>,
    /// When it was last edited; null if never.
    #[serde(default, deserialize_with = "scalar")]
    pub updated_on: Option<String>,
    /// Who wrote it; null for a former user.
    pub user: Option<Loose<Account>>,
}

/// A change to the fields of an issue.
#[derive(Debug, Clone, Deserialize)]
pub struct IssueChange {
    /// Its id, and that of the comment that goes with it.
    pub id: IssueChangeId,
    /// When it was made.
    #[serde(default, deserialize_with = "scalar")]
    pub created_on: Option<String>,
    /// Who made it; null for a former user.
    pub user: Option<Loose<Account>>,
}

/// A file of an issue.
#[derive(Debug, Clone, Deserialize)]
pub struct IssueAttachment {
    /// Its name, as somebody typed it: never a path to write to.
    pub name: String,
    #[serde(default, deserialize_with = "scalar")]
    links: Option<SelfLink>,
}

/// A component, milestone or version that issues can have.
#[derive(Debug, Clone, Deserialize)]
pub struct IssueField {
    /// Its name, which is what issues and exports refer to.
    pub name: String,
}

impl Issue {
    /// Everybody named in the issue, with their verbatim source.
    pub fn accounts(&self) -> impl Iterator<Item = &Loose<Account>> {
        self.reporter.iter().chain(&self.assignee)
    }
}

impl IssueAttachment {
    /// The address of its content, which redirects to a storage host.
    pub fn content_link(&self) -> Option<&str> {
        self.links.as_ref()?.href()
    }
}
