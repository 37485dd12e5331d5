//! Comments on pull requests.

use bucketload_model::CommentId;
use serde::Deserialize;

use crate::lenient::{Loose, scalar};
use crate::models::Account;

/// A comment on a pull request.
#[derive(Debug, Clone, Deserialize)]
pub struct Comment {
    /// Its id, unique in all of Bitbucket.
    pub id: CommentId,
    /// Deleted comments stay in the list as tombstones, with empty text.
    #[serde(default, deserialize_with = "scalar")]
    pub deleted: Option<bool>,
    /// When it was written.
    #[serde(default, deserialize_with = "scalar")]
    pub created_on: Option<String>,
    /// When it was last edited; may be null.
    #[serde(default, deserialize_with = "scalar")]
    pub updated_on: Option<String>,
    /// The comment that this one answers.
    #[serde(default, deserialize_with = "scalar")]
    pub parent: Option<Parent>,
    /// Where in the change it stands.
    #[serde(default, deserialize_with = "scalar")]
    pub inline: Option<Inline>,
    /// Who wrote it; null for a former user.
    pub user: Option<Loose<Account>>,
    /// Set when the thread was resolved.
    pub resolution: Option<Loose<Resolution>>,
}

/// The comment that another one answers.
#[derive(Debug, Clone, Deserialize)]
pub struct Parent {
    /// Its id.
    pub id: CommentId,
}

/// Where in the change a comment stands.
#[derive(Debug, Clone, Deserialize)]
pub struct Inline {
    /// The file. Both line numbers may be null beside it.
    #[serde(default, deserialize_with = "scalar")]
    pub path: Option<String>,
}

/// Who resolved a thread.
#[derive(Debug, Clone, Deserialize)]
pub struct Resolution {
    /// Who.
    pub user: Option<Loose<Account>>,
}

impl Comment {
    /// Everybody named in the comment, with their verbatim source.
    pub fn accounts(&self) -> impl Iterator<Item = &Loose<Account>> {
        let resolver = self
            .resolution
            .iter()
            .filter_map(|resolution| resolution.value.as_ref()?.user.as_ref());
        self.user.iter().chain(resolver)
    }
}
