//! What people said, as the API has it: nobody's HTML, but what they typed.

use schemars::JsonSchema;
use serde::Serialize;

use super::people::PersonName;
use crate::discussion::{Comment, Entry, Event, Known, Place, What};
use crate::pages::discussion;
use crate::service::Service;
use crate::text::Text;

/// A text as it was typed.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct TypedText {
    /// The text, or its beginning.
    raw: String,
    /// How many bytes the whole has, where this is only its beginning.
    cut_from: Option<u64>,
}

/// A part of a discussion.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum DiscussionEntry {
    /// Something that somebody said. What answers it comes right behind it.
    Comment(DiscussionComment),
    /// Something that happened.
    Event(DiscussionEvent),
}

/// Something that somebody said.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct DiscussionComment {
    id: i64,
    /// The comment that it answers.
    parent: Option<i64>,
    author: PersonName,
    /// As it was sent.
    created_on: Option<String>,
    /// When it was last edited, if it was.
    edited_on: Option<String>,
    text: Option<TypedText>,
    /// Where in the change it stands; none for the whole.
    place: Option<CommentPlace>,
    /// Whether only its tombstone is left.
    is_deleted: bool,
    is_resolved: bool,
}

/// Where in a change a comment stands.
#[derive(Debug, Serialize, JsonSchema)]
struct CommentPlace {
    path: Option<String>,
    /// None for the file as a whole.
    first_line: Option<u64>,
    /// None for the file as a whole.
    last_line: Option<u64>,
    /// Whether the lines are of the file as it was before.
    is_before: bool,
    /// Whether the change has moved on since.
    is_outdated: bool,
}

/// Something that happened.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct DiscussionEvent {
    /// Who did it.
    who: PersonName,
    /// As it was sent.
    happened_on: Option<String>,
    /// What it was.
    what: EventKind,
    /// The state, the commit or the field.
    about: Option<String>,
    /// What a field was before.
    before: Option<String>,
    /// What a field is since; of a state, why.
    since: Option<String>,
}

/// What happened.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum EventKind {
    /// It was opened.
    Opened,
    /// Somebody approved it.
    Approved,
    /// Somebody asked for changes.
    ChangesRequested,
    /// Its state was set.
    State,
    /// Commits were added.
    Pushed,
    /// Title, text, reviewers and the like were changed.
    Edited,
    /// A field of an issue was changed.
    Field,
    /// Nothing that is known here.
    Other,
}

impl TypedText {
    pub(super) fn of(text: &Text) -> Self {
        Self {
            raw: text.raw().to_owned(),
            cut_from: text.cut_from(),
        }
    }
}

impl CommentPlace {
    fn of(place: &Place) -> Self {
        Self {
            path: place.path.clone(),
            first_line: place.lines.map(|(first, _)| first),
            last_line: place.lines.map(|(_, last)| last),
            is_before: place.is_before,
            is_outdated: place.is_outdated,
        }
    }
}

impl DiscussionComment {
    fn of(comment: &Comment, known: &Known) -> Self {
        Self {
            id: comment.id,
            parent: comment.parent,
            author: PersonName::of(comment.author.as_ref(), known),
            created_on: comment.created_on.clone(),
            edited_on: comment.edited_on.clone(),
            text: comment.text.as_ref().map(TypedText::of),
            place: comment.place.as_ref().map(CommentPlace::of),
            is_deleted: comment.is_deleted,
            is_resolved: comment.is_resolved,
        }
    }
}

impl DiscussionEvent {
    fn of(event: &Event, known: &Known) -> Self {
        let (what, about, before, since) = match &event.what {
            What::Opened => (EventKind::Opened, None, None, None),
            What::Approved => (EventKind::Approved, None, None, None),
            What::ChangesRequested => (EventKind::ChangesRequested, None, None, None),
            What::Edited => (EventKind::Edited, None, None, None),
            What::Other => (EventKind::Other, None, None, None),
            What::Pushed(commit) => (EventKind::Pushed, Some(commit), None, None),
            What::State(state, why) => (EventKind::State, Some(state), None, why.clone()),
            What::Field {
                name,
                before,
                since,
            } => (EventKind::Field, Some(name), before.clone(), since.clone()),
        };
        Self {
            who: PersonName::of(event.who.as_ref(), known),
            happened_on: event.happened_on.clone(),
            what,
            about: about.cloned(),
            before,
            since,
        }
    }
}

/// A discussion, in order.
pub(super) fn said(entries: &[Entry], known: &Known) -> Vec<DiscussionEntry> {
    let mut said = Vec::new();
    for entry in entries {
        match entry {
            Entry::Event(event) => {
                said.push(DiscussionEntry::Event(DiscussionEvent::of(event, known)));
            }
            Entry::Thread(comments) => said.extend(
                comments
                    .iter()
                    .map(|one| DiscussionEntry::Comment(DiscussionComment::of(one, known))),
            ),
        }
    }
    said
}

/// The address of the next part of a discussion, if there is one.
pub(super) fn next(place: &discussion::Place, service: &Service) -> Option<String> {
    let next = place.next?;
    let path = &place.path;
    Some(format!("{}api/v1/{path}?after={next}", service.public_url))
}
