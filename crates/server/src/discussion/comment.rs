//! Comments.

use bucketload_archive::StoredComment;
use serde_json::Value;

use super::fields::{account, is_set, number, owned, written};
use super::{Account, want};
use crate::text::{Text, Wanted};

/// Something that somebody said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Comment {
    pub(crate) id: i64,
    /// The comment that it answers.
    pub(crate) parent: Option<i64>,
    /// How far it stands below the first of its thread.
    pub(crate) depth: usize,
    pub(crate) author: Option<Account>,
    pub(crate) created_on: Option<String>,
    /// When it was last edited, if it was.
    pub(crate) edited_on: Option<String>,
    pub(crate) text: Option<Text>,
    pub(crate) place: Option<Place>,
    /// Only its tombstone is left.
    pub(crate) is_deleted: bool,
    pub(crate) is_resolved: bool,
}

/// Where in a change a comment stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) path: Option<String>,
    /// The first and the last line; none for the file as a whole.
    pub(crate) lines: Option<(u64, u64)>,
    /// Whether the lines are of the file as it was before.
    pub(crate) is_before: bool,
    /// Whether the change has moved on since.
    pub(crate) is_outdated: bool,
}

impl Place {
    fn read(inline: &Value) -> Option<Self> {
        if !inline.is_object() {
            return None;
        }
        let after = number(inline, "to").map(|last| (number(inline, "start_to"), last));
        let before = number(inline, "from").map(|last| (number(inline, "start_from"), last));
        Some(Self {
            path: owned(inline, &["path"]),
            is_before: after.is_none() && before.is_some(),
            lines: after
                .or(before)
                .map(|(first, last)| (first.map_or(last, |first| first.min(last)), last)),
            is_outdated: is_set(inline, "outdated"),
        })
    }
}

impl Comment {
    pub(crate) fn read(stored: &StoredComment) -> Self {
        let source: Value = serde_json::from_str(&stored.source).unwrap_or_default();
        let updated_on = owned(&source, &["updated_on"]);
        let parent = source.get("parent").and_then(|parent| parent.get("id"));
        Self {
            id: stored.id.0,
            parent: parent.and_then(Value::as_i64),
            depth: 0,
            author: account(source.get("user")),
            edited_on: updated_on.filter(|updated| Some(updated) != stored.created_on.as_ref()),
            created_on: stored.created_on.clone(),
            text: written(&source, "content"),
            place: source.get("inline").and_then(Place::read),
            is_deleted: is_set(&source, "deleted"),
            is_resolved: source.get("resolution").is_some_and(Value::is_object),
        }
    }

    /// Whether it says nothing: a comment of an issue may only carry a change.
    pub(crate) fn is_silent(&self) -> bool {
        self.text.is_none() && !self.is_deleted
    }

    pub(crate) fn want(&self, wanted: &mut Wanted) {
        want([self.author.as_ref()], self.text.as_ref(), wanted);
    }
}

#[cfg(test)]
mod tests {
    use bucketload_model::CommentId;
    use serde_json::json;

    use super::*;

    fn read(source: &Value) -> Comment {
        Comment::read(&StoredComment {
            id: CommentId(7),
            created_on: Some("2020-01-01".to_owned()),
            source: source.to_string(),
        })
    }

    #[test]
    fn a_comment_knows_its_place() {
        let place = |inline: Value| read(&json!({"inline": inline})).place;
        let lines = |inline| {
            let place = place(inline).unwrap();
            (place.lines, place.is_before)
        };
        assert_eq!(place(json!(null)), None);
        assert_eq!(lines(json!({"path": "a"})), (None, false));
        assert_eq!(lines(json!({"to": 3, "from": 2})), (Some((3, 3)), false));
        assert_eq!(
            lines(json!({"to": 9, "start_to": 5})),
            (Some((5, 9)), false)
        );
        assert_eq!(lines(json!({"from": 4, "to": null})), (Some((4, 4)), true));
        assert!(place(json!({"outdated": true})).unwrap().is_outdated);
    }

    #[test]
    fn what_cannot_be_read_is_a_comment_all_the_same() {
        let comment = Comment::read(&StoredComment {
            id: CommentId(7),
            created_on: None,
            source: "[".to_owned(),
        });
        assert_eq!((comment.id, comment.is_silent()), (7, true));
        let edited = read(&json!({"updated_on": "2020-01-02", "content": {"raw": "x"}}));
        assert_eq!(edited.edited_on.as_deref(), Some("2020-01-02"));
        let untouched = read(&json!({"updated_on": "2020-01-01"}));
        assert_eq!(untouched.edited_on, None);
    }
}
