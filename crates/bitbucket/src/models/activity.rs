//! What happened to pull requests.

use bucketload_model::PullRequestId;
use serde::Deserialize;

use crate::lenient::{Loose, scalar};
use crate::models::{Account, Comment};

/// An entry of the activity of pull requests. It has no id and no date of its own:
/// both are those of what happened.
#[derive(Debug, Clone, Deserialize)]
pub struct Activity {
    /// What it happened to.
    pull_request: ActivityTarget,
    /// A comment that is still there.
    pub comment: Option<Loose<Comment>>,
    /// The state of the pull request after a change.
    pub update: Option<Loose<Update>>,
    /// An approval that was not taken back.
    pub approval: Option<Loose<Verdict>>,
    /// A request for changes that was not taken back.
    pub changes_requested: Option<Loose<Verdict>>,
}

#[derive(Debug, Clone, Deserialize)]
struct ActivityTarget {
    id: PullRequestId,
}

/// A change of a pull request: when it was opened, edited, pushed to, merged, declined.
#[derive(Debug, Clone, Deserialize)]
pub struct Update {
    /// When.
    #[serde(default, deserialize_with = "scalar")]
    pub date: Option<String>,
    /// The state from then on.
    #[serde(default, deserialize_with = "scalar")]
    pub state: Option<String>,
    /// Who made it.
    pub author: Option<Loose<Account>>,
}

/// What a reviewer said of a pull request.
#[derive(Debug, Clone, Deserialize)]
pub struct Verdict {
    /// When.
    #[serde(default, deserialize_with = "scalar")]
    pub date: Option<String>,
    /// Who.
    pub user: Option<Loose<Account>>,
}

/// What an entry of activity tells of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ActivityKind {
    /// Somebody commented.
    Comment,
    /// The pull request changed.
    Update,
    /// Somebody approved.
    Approval,
    /// Somebody asked for changes.
    ChangesRequested,
    /// None of what is known.
    Unknown,
}

impl ActivityKind {
    /// The name of the field that Bitbucket puts it in; `unknown` for what is not known.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Comment => "comment",
            Self::Update => "update",
            Self::Approval => "approval",
            Self::ChangesRequested => "changes_requested",
            Self::Unknown => "unknown",
        }
    }
}

/// What an entry of activity tells of the place of a comment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InlineAnchor {
    /// It is no comment, or one on the pull request as a whole.
    None,
    /// It stands in a file, and the entry says in which.
    WithPath,
    /// It stands in a file that the entry does not name, as on all of 15,654 inline
    /// comments recorded in 2020: only the list of comments has the place.
    WithoutPath,
}

impl Activity {
    /// The pull request it happened to.
    pub const fn pull_request(&self) -> PullRequestId {
        self.pull_request.id
    }

    /// What it tells of.
    pub const fn kind(&self) -> ActivityKind {
        if self.comment.is_some() {
            ActivityKind::Comment
        } else if self.update.is_some() {
            ActivityKind::Update
        } else if self.approval.is_some() {
            ActivityKind::Approval
        } else if self.changes_requested.is_some() {
            ActivityKind::ChangesRequested
        } else {
            ActivityKind::Unknown
        }
    }

    /// When it happened, as Bitbucket wrote it.
    pub fn date(&self) -> Option<&str> {
        match self.kind() {
            ActivityKind::Comment => self.comment()?.created_on.as_deref(),
            ActivityKind::Update => typed(self.update.as_ref())?.date.as_deref(),
            ActivityKind::Approval => typed(self.approval.as_ref())?.date.as_deref(),
            ActivityKind::ChangesRequested => {
                typed(self.changes_requested.as_ref())?.date.as_deref()
            }
            ActivityKind::Unknown => None,
        }
    }

    /// What tells the entry from all others of its pull request, whatever else
    /// changes in it: a comment's id, or the time and the person. In the recorded
    /// activity of 135 pull requests no two entries share it. Absent where Bitbucket
    /// gave neither.
    pub fn key(&self) -> Option<String> {
        let kind = self.kind().name();
        if let Some(comment) = self.comment() {
            return Some(format!("{kind}:{}", comment.id));
        }
        let person = match self.kind() {
            ActivityKind::Update => typed(self.update.as_ref())?.author.as_ref(),
            ActivityKind::Approval => typed(self.approval.as_ref())?.user.as_ref(),
            ActivityKind::ChangesRequested => typed(self.changes_requested.as_ref())?.user.as_ref(),
            ActivityKind::Comment | ActivityKind::Unknown => None,
        };
        // A former user is null.
        let person = typed(person).map_or("-", |account| account.uuid.as_str());
        Some(format!("{kind}:{}:{person}", self.date()?))
    }

    /// Whether a comment's place in the change is known from here.
    pub fn inline_anchor(&self) -> InlineAnchor {
        match self.comment().and_then(|comment| comment.inline.as_ref()) {
            None => InlineAnchor::None,
            Some(inline) if inline.path.is_some() => InlineAnchor::WithPath,
            Some(_) => InlineAnchor::WithoutPath,
        }
    }

    /// Everybody named in the entry, with their verbatim source.
    pub fn accounts(&self) -> impl Iterator<Item = &Loose<Account>> {
        let update = typed(self.update.as_ref()).and_then(|update| update.author.as_ref());
        let verdicts = [self.approval.as_ref(), self.changes_requested.as_ref()];
        self.comment()
            .into_iter()
            .flat_map(Comment::accounts)
            .chain(update)
            .chain(
                verdicts
                    .into_iter()
                    .filter_map(|verdict| typed(verdict)?.user.as_ref()),
            )
    }

    /// The comment that it is, where it can be read as one.
    pub fn comment(&self) -> Option<&Comment> {
        typed(self.comment.as_ref())
    }
}

fn typed<T>(loose: Option<&Loose<T>>) -> Option<&T> {
    loose?.value.as_ref()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Activity {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn each_kind_has_its_own_date() {
        for (text, kind, date) in [
            (
                r#""comment": {"id": 1, "created_on": "c"}"#,
                ActivityKind::Comment,
                Some("c"),
            ),
            (
                r#""update": {"date": "u"}"#,
                ActivityKind::Update,
                Some("u"),
            ),
            (
                r#""approval": {"date": "a", "user": null}"#,
                ActivityKind::Approval,
                Some("a"),
            ),
            (
                r#""changes_requested": {"date": "r"}"#,
                ActivityKind::ChangesRequested,
                Some("r"),
            ),
            (
                r#""merge_queued": {"date": "q"}"#,
                ActivityKind::Unknown,
                None,
            ),
            (r#""approval": "yes""#, ActivityKind::Approval, None),
        ] {
            let entry = read(&format!(r#"{{"pull_request": {{"id": 7}}, {text}}}"#));
            assert_eq!((entry.kind(), entry.date()), (kind, date));
            assert_eq!(entry.pull_request(), PullRequestId(7));
        }
    }

    #[test]
    fn a_key_outlives_what_may_change() {
        for (text, key) in [
            (
                r#""comment": {"id": 9, "content": {"raw": "edited"}}"#,
                Some("comment:9"),
            ),
            (
                r#""update": {"date": "u", "author": {"uuid": "{6c1fdb0c-6c4c-4a29-a89e-2ea1b4a8bd5c}", "nickname": "new"}}"#,
                Some("update:u:{6c1fdb0c-6c4c-4a29-a89e-2ea1b4a8bd5c}"),
            ),
            (
                r#""approval": {"date": "a", "user": null}"#,
                Some("approval:a:-"),
            ),
            (
                r#""approval": {"date": "a", "user": {"uuid": "no UUID"}}"#,
                Some("approval:a:-"),
            ),
            (r#""approval": "yes""#, None),
            (r#""merge_queued": {"date": "q"}"#, None),
        ] {
            let entry = read(&format!(r#"{{"pull_request": {{"id": 7}}, {text}}}"#));
            assert_eq!(entry.key().as_deref(), key, "{text}");
        }
    }

    #[test]
    fn an_anchor_without_a_path_is_told_from_none() {
        for (inline, anchor) in [
            (r#", "inline": {}"#, InlineAnchor::WithoutPath),
            (r#", "inline": {"path": null}"#, InlineAnchor::WithoutPath),
            (
                r#", "inline": {"path": "a.rs", "to": null}"#,
                InlineAnchor::WithPath,
            ),
            (r#", "inline": null"#, InlineAnchor::None),
            ("", InlineAnchor::None),
        ] {
            let text =
                format!(r#"{{"pull_request": {{"id": 7}}, "comment": {{"id": 1{inline}}}}}"#);
            assert_eq!(read(&text).inline_anchor(), anchor, "{inline}");
        }
    }
}
