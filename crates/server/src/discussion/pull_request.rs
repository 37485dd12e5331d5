//! Pull requests.

use serde_json::Value;

use super::fields::{account, is_set, owned, text_at, written};
use super::{Account, want};
use crate::text::{Text, Wanted};

/// A pull request, without its discussion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PullRequest {
    pub(crate) title: String,
    pub(crate) state: Option<String>,
    pub(crate) is_draft: bool,
    pub(crate) author: Option<Account>,
    pub(crate) closed_by: Option<Account>,
    /// Why it was declined.
    pub(crate) reason: Option<String>,
    pub(crate) source: Side,
    pub(crate) destination: Side,
    pub(crate) merge_commit: Option<String>,
    pub(crate) created_on: Option<String>,
    pub(crate) updated_on: Option<String>,
    pub(crate) description: Option<Text>,
    pub(crate) participants: Vec<Participant>,
    /// Its page at Bitbucket.
    pub(crate) web_url: Option<String>,
}

/// Where a change comes from, or goes to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Side {
    pub(crate) branch: Option<String>,
    pub(crate) commit: Option<String>,
    /// `workspace/repository`; none where a fork is gone.
    pub(crate) repository: Option<String>,
}

/// Somebody who takes part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Participant {
    pub(crate) account: Account,
    pub(crate) is_reviewer: bool,
    pub(crate) has_approved: bool,
    pub(crate) wants_changes: bool,
}

/// Something to be done before it is merged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Task {
    pub(crate) is_done: bool,
    pub(crate) text: Option<Text>,
    pub(crate) creator: Option<Account>,
}

impl Side {
    fn read(value: Option<&Value>) -> Self {
        let Some(value) = value else {
            return Self::default();
        };
        Self {
            branch: owned(value, &["branch", "name"]),
            commit: owned(value, &["commit", "hash"]),
            repository: owned(value, &["repository", "full_name"]),
        }
    }
}

impl Participant {
    fn read(value: &Value) -> Option<Self> {
        Some(Self {
            account: account(value.get("user"))?,
            is_reviewer: text_at(value, &["role"]) == Some("REVIEWER"),
            has_approved: is_set(value, "approved"),
            wants_changes: text_at(value, &["state"]) == Some("changes_requested"),
        })
    }
}

impl Task {
    pub(crate) fn read(source: &str) -> Option<Self> {
        let source: Value = serde_json::from_str(source).ok()?;
        Some(Self {
            is_done: text_at(&source, &["state"]) == Some("RESOLVED"),
            text: written(&source, "content"),
            creator: account(source.get("creator")),
        })
    }

    pub(crate) fn want(&self, wanted: &mut Wanted) {
        want([self.creator.as_ref()], self.text.as_ref(), wanted);
    }
}

impl PullRequest {
    pub(crate) fn read(source: &str) -> Self {
        let source: Value = serde_json::from_str(source).unwrap_or_default();
        let participants = source.get("participants").and_then(Value::as_array);
        Self {
            title: owned(&source, &["title"]).unwrap_or_default(),
            state: owned(&source, &["state"]),
            is_draft: is_set(&source, "draft"),
            author: account(source.get("author")),
            closed_by: account(source.get("closed_by")),
            reason: owned(&source, &["reason"]),
            source: Side::read(source.get("source")),
            destination: Side::read(source.get("destination")),
            merge_commit: owned(&source, &["merge_commit", "hash"]),
            created_on: owned(&source, &["created_on"]),
            updated_on: owned(&source, &["updated_on"]),
            description: Self::description_of(&source),
            participants: participants
                .into_iter()
                .flatten()
                .filter_map(Participant::read)
                .collect(),
            web_url: owned(&source, &["links", "html", "href"]),
        }
    }

    /// With the markup beside it, where Bitbucket sent that.
    fn description_of(source: &Value) -> Option<Text> {
        written(source, "summary").or_else(|| written(source, "description"))
    }

    pub(crate) fn want(&self, wanted: &mut Wanted) {
        let people = self.participants.iter().map(|one| Some(&one.account));
        let people = people.chain([self.author.as_ref(), self.closed_by.as_ref()]);
        want(people, self.description.as_ref(), wanted);
    }
}
