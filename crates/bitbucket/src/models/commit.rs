//! Commits, the refs that name them, and what builds say of them.

use bucketload_model::CommitHash;
use serde::Deserialize;

use crate::lenient::{Loose, scalar};
use crate::models::Account;

/// A commit.
#[derive(Debug, Clone, Deserialize)]
pub struct Commit {
    /// The whole hash.
    pub hash: CommitHash,
    /// When it was written, without a fraction of a second.
    #[serde(default, deserialize_with = "scalar")]
    pub date: Option<String>,
    /// Who wrote it.
    #[serde(default, deserialize_with = "scalar")]
    pub author: Option<CommitAuthor>,
}

/// The author of a commit.
#[derive(Debug, Clone, Deserialize)]
pub struct CommitAuthor {
    /// Name and address, as in git.
    #[serde(default, deserialize_with = "scalar")]
    pub raw: Option<String>,
    /// The account with that address, where there is one.
    pub user: Option<Loose<Account>>,
}

/// A branch or a tag.
#[derive(Debug, Clone, Deserialize)]
pub struct Ref {
    /// Its name, without `refs/heads/` or `refs/tags/`.
    pub name: String,
    /// `branch`, `named_branch` or `tag`.
    #[serde(rename = "type", default, deserialize_with = "scalar")]
    pub kind: Option<String>,
    /// The commit it leads to.
    #[serde(default, deserialize_with = "scalar")]
    pub target: Option<Commit>,
}

/// What a build said of a commit.
#[derive(Debug, Clone, Deserialize)]
pub struct CommitStatus {
    /// Its name among those of the commit.
    pub key: String,
    /// `SUCCESSFUL`, `FAILED`, `INPROGRESS`, `STOPPED`, or what comes next.
    #[serde(default, deserialize_with = "scalar")]
    pub state: Option<String>,
    /// The commit that it is of.
    #[serde(default, deserialize_with = "scalar")]
    pub commit: Option<Commit>,
    /// When it was first reported.
    #[serde(default, deserialize_with = "scalar")]
    pub created_on: Option<String>,
    /// When it was last reported.
    #[serde(default, deserialize_with = "scalar")]
    pub updated_on: Option<String>,
}

/// A file that a change touches, one line of a diffstat.
#[derive(Debug, Clone, Deserialize)]
pub struct FileChange {
    /// `added`, `removed`, `modified`, `renamed`, and the names of conflicts.
    #[serde(default, deserialize_with = "scalar")]
    pub status: Option<String>,
    /// Lines that were not there before.
    #[serde(default, deserialize_with = "scalar")]
    pub lines_added: Option<i64>,
    /// Lines that are not there any more.
    #[serde(default, deserialize_with = "scalar")]
    pub lines_removed: Option<i64>,
    /// The file before; null for a new one.
    #[serde(default, deserialize_with = "scalar")]
    pub old: Option<FileSide>,
    /// The file after; null for a removed one.
    #[serde(default, deserialize_with = "scalar")]
    pub new: Option<FileSide>,
}

/// A file on one side of a change.
#[derive(Debug, Clone, Deserialize)]
pub struct FileSide {
    /// Where it is.
    pub path: String,
}

impl Commit {
    /// The account of the author, with its verbatim source.
    pub fn accounts(&self) -> impl Iterator<Item = &Loose<Account>> {
        self.author.iter().filter_map(|author| author.user.as_ref())
    }
}

impl FileChange {
    /// Where the file is after the change, or was before it was removed.
    pub fn path(&self) -> Option<&str> {
        let side = self.new.as_ref().or(self.old.as_ref())?;
        Some(&side.path)
    }
}
