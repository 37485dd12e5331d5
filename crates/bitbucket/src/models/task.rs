//! Tasks on pull requests.

use bucketload_model::{CommentId, TaskId};
use serde::Deserialize;

use crate::lenient::{Loose, scalar};
use crate::models::Account;
use crate::models::comment::Parent;

/// A task on a pull request, or on a comment of it.
#[derive(Debug, Clone, Deserialize)]
pub struct Task {
    /// Its id.
    pub id: TaskId,
    /// `UNRESOLVED` or `RESOLVED`.
    #[serde(default, deserialize_with = "scalar")]
    pub state: Option<String>,
    /// When it was set.
    #[serde(default, deserialize_with = "scalar")]
    pub created_on: Option<String>,
    /// When it last changed.
    #[serde(default, deserialize_with = "scalar")]
    pub updated_on: Option<String>,
    /// The comment it belongs to.
    #[serde(default, deserialize_with = "scalar")]
    comment: Option<Parent>,
    /// Who set it; null for a former user.
    pub creator: Option<Loose<Account>>,
    /// Who resolved it.
    pub resolved_by: Option<Loose<Account>>,
}

impl Task {
    /// The comment it belongs to, if it is not one of the whole pull request.
    pub fn comment(&self) -> Option<CommentId> {
        self.comment.as_ref().map(|comment| comment.id)
    }

    /// Everybody named in the task, with their verbatim source.
    pub fn accounts(&self) -> impl Iterator<Item = &Loose<Account>> {
        self.creator.iter().chain(&self.resolved_by)
    }
}
