//! Pull requests as the list shows them.

use bucketload_model::PullRequestId;
use serde::Deserialize;

use crate::lenient::{Loose, scalar};
use crate::models::Account;
use crate::models::link::Link;

/// A pull request.
#[derive(Debug, Clone, Deserialize)]
pub struct PullRequest {
    /// Its number in the repository.
    pub id: PullRequestId,
    /// Its title.
    #[serde(default, deserialize_with = "scalar")]
    pub title: Option<String>,
    /// `OPEN`, `MERGED`, `DECLINED`, `SUPERSEDED`, or what comes next.
    #[serde(default, deserialize_with = "scalar")]
    pub state: Option<String>,
    /// Comments that are not deleted.
    #[serde(default, deserialize_with = "scalar")]
    pub comment_count: Option<i64>,
    /// Tasks that are open: 0 does not mean that there are none.
    #[serde(default, deserialize_with = "scalar")]
    pub task_count: Option<i64>,
    /// When it was opened.
    #[serde(default, deserialize_with = "scalar")]
    pub created_on: Option<String>,
    /// When it last changed.
    #[serde(default, deserialize_with = "scalar")]
    pub updated_on: Option<String>,
    /// Where the change comes from.
    #[serde(default, deserialize_with = "scalar")]
    pub source: Option<Side>,
    /// Where the change goes.
    #[serde(default, deserialize_with = "scalar")]
    pub destination: Option<Side>,
    /// Who opened it; null for a former user.
    pub author: Option<Loose<Account>>,
    /// Who merged or declined it.
    pub closed_by: Option<Loose<Account>>,
    /// Who was asked to review. In lists only where asked for by `fields`.
    pub reviewers: Option<Loose<Vec<Loose<Account>>>>,
    /// Who took part. In lists only where asked for by `fields`.
    pub participants: Option<Loose<Vec<Participant>>>,
    #[serde(default, deserialize_with = "scalar")]
    links: Option<PullRequestLinks>,
}

#[derive(Debug, Clone, Deserialize)]
struct PullRequestLinks {
    #[serde(default, deserialize_with = "scalar")]
    diff: Option<Link>,
    #[serde(default, deserialize_with = "scalar")]
    diffstat: Option<Link>,
}

/// One side of a pull request.
#[derive(Debug, Clone, Deserialize)]
pub struct Side {
    /// The branch.
    #[serde(default, deserialize_with = "scalar")]
    pub branch: Option<Branch>,
    /// Its newest commit, by 12 digits; null where the fork is gone.
    #[serde(default, deserialize_with = "scalar")]
    pub commit: Option<ShortCommit>,
    /// The repository that it is in; null where that is gone.
    #[serde(default, deserialize_with = "scalar")]
    pub repository: Option<SideRepository>,
}

/// A commit, by the beginning of its hash.
#[derive(Debug, Clone, Deserialize)]
pub struct ShortCommit {
    /// Its first 12 digits.
    pub hash: String,
}

/// A repository by name.
#[derive(Debug, Clone, Deserialize)]
pub struct SideRepository {
    /// `workspace/slug`.
    pub full_name: String,
}

/// A branch by name.
#[derive(Debug, Clone, Deserialize)]
pub struct Branch {
    /// Its name, without `refs/heads/`.
    pub name: String,
}

/// Somebody who took part in a pull request.
#[derive(Debug, Clone, Deserialize)]
pub struct Participant {
    /// Who.
    pub user: Option<Loose<Account>>,
}

impl PullRequest {
    /// The branch that the change comes from.
    pub fn source_branch(&self) -> Option<&str> {
        branch_name(self.source.as_ref())
    }

    /// The branch that the change goes to.
    pub fn destination_branch(&self) -> Option<&str> {
        branch_name(self.destination.as_ref())
    }

    /// The address of the diff, without the redirect that
    /// `…/pullrequests/{id}/diff` would answer.
    pub fn diff_link(&self) -> Option<&str> {
        self.links.as_ref()?.diff.as_ref()?.href()
    }

    /// The address of the list of changed files.
    pub fn diffstat_link(&self) -> Option<&str> {
        self.links.as_ref()?.diffstat.as_ref()?.href()
    }

    /// Everybody named in the pull request, with their verbatim source.
    pub fn accounts(&self) -> impl Iterator<Item = &Loose<Account>> {
        let reviewers = self.reviewers.iter().filter_map(|list| list.value.as_ref());
        let participants = self
            .participants
            .iter()
            .filter_map(|list| list.value.as_ref());
        self.author
            .iter()
            .chain(&self.closed_by)
            .chain(reviewers.flatten())
            .chain(participants.flatten().filter_map(|one| one.user.as_ref()))
    }
}

fn branch_name(side: Option<&Side>) -> Option<&str> {
    Some(side?.branch.as_ref()?.name.as_str())
}
