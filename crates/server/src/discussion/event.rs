//! What happened besides comments.

use serde_json::Value;

use super::fields::{account, owned, text_at};
use super::{Account, want};
use crate::text::Wanted;

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Event {
    pub(crate) who: Option<Account>,
    pub(crate) happened_on: Option<String>,
    pub(crate) what: What,
    /// The comment that goes with it, where it has the same number.
    pub(crate) comment: Option<i64>,
}

/// What it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum What {
    Opened,
    Approved,
    ChangesRequested,
    /// Opened again, merged, declined, superseded: as Bitbucket calls it, and why.
    State(String, Option<String>),
    /// New commits; the last of them.
    Pushed(String),
    /// Title, description, reviewers and so on.
    Edited,
    /// A field of an issue, with what it was before and is since.
    Field {
        name: String,
        before: Option<String>,
        since: Option<String>,
    },
    Other,
}

impl Event {
    pub(crate) fn want(&self, wanted: &mut Wanted) {
        want([self.who.as_ref()], None, wanted);
    }
}

/// What happened to a pull request, of entries in the order of time. `is_whole` says that
/// they begin with its beginning.
pub(crate) fn updates(sources: &[String], is_whole: bool) -> Vec<Event> {
    let mut before: Option<Snapshot> = None;
    let mut is_first = is_whole;
    let mut events = Vec::with_capacity(sources.len());
    for source in sources {
        let Ok(entry) = serde_json::from_str::<Value>(source) else {
            continue;
        };
        if let Some(update) = entry.get("update") {
            let now = Snapshot::read(update);
            let what = if is_first {
                What::Opened
            } else {
                now.since(before.as_ref(), update)
            };
            is_first = false;
            before = Some(now);
            events.push(event(what, update, "author"));
        } else if let Some(verdict) = entry.get("approval") {
            events.push(event(What::Approved, verdict, "user"));
        } else if let Some(verdict) = entry.get("changes_requested") {
            events.push(event(What::ChangesRequested, verdict, "user"));
        } else {
            events.push(event(What::Other, &entry, "user"));
        }
    }
    events
}

fn event(what: What, source: &Value, who: &str) -> Event {
    Event {
        who: account(source.get(who)),
        happened_on: owned(source, &["date"]),
        what,
        comment: None,
    }
}

/// What an update says of a pull request as it then was.
struct Snapshot {
    state: Option<String>,
    commit: Option<String>,
}

impl Snapshot {
    fn read(update: &Value) -> Self {
        Self {
            state: owned(update, &["state"]),
            commit: owned(update, &["source", "commit", "hash"]),
        }
    }

    /// What has changed since the one before. Bitbucket says so of titles and the like; that
    /// there are new commits shows in the last of them alone.
    fn since(&self, before: Option<&Self>, update: &Value) -> What {
        let state = self.state.clone().unwrap_or_default();
        let was_open = before.is_none_or(|before| before.state.as_deref() == Some("OPEN"));
        if state != "OPEN" || !was_open {
            let is_same = before.is_some_and(|before| before.state == self.state);
            if !is_same && !state.is_empty() {
                return What::State(state, owned(update, &["reason"]));
            }
        }
        let pushed = before.is_some_and(|before| before.commit != self.commit);
        match &self.commit {
            Some(commit) if pushed => What::Pushed(commit.clone()),
            _ => What::Edited,
        }
    }
}

/// What was changed in an issue: Bitbucket has one entry for all fields, an export has one
/// for each.
pub(crate) fn changes(sources: &[(i64, String)]) -> Vec<Event> {
    let mut events = Vec::new();
    for (id, source) in sources {
        let Ok(entry) = serde_json::from_str::<Value>(source) else {
            continue;
        };
        let field = |name: &str, before: Option<String>, since: Option<String>| Event {
            who: account(entry.get("user")),
            happened_on: owned(&entry, &["created_on"]),
            what: What::Field {
                name: name.to_owned(),
                before,
                since,
            },
            comment: Some(*id),
        };
        if let Some(name) = text_at(&entry, &["field"]) {
            let value = |key| owned(&entry, &[key]).filter(|value| value != "None");
            events.push(field(name, value("changed_from"), value("changed_to")));
        }
        let changes = entry.get("changes").and_then(Value::as_object);
        for (name, change) in changes.into_iter().flatten() {
            let value = |key| owned(change, &[key]);
            events.push(field(name, value("old"), value("new")));
        }
    }
    events
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn whats(entries: &[Value], is_whole: bool) -> Vec<What> {
        let sources: Vec<_> = entries.iter().map(ToString::to_string).collect();
        let events = updates(&sources, is_whole).into_iter();
        events.map(|event| event.what).collect()
    }

    fn update(state: &str, commit: &str) -> Value {
        json!({"update": {
            "state": state, "reason": "Why not.", "source": {"commit": {"hash": commit}},
        }})
    }

    #[test]
    fn updates_say_what_has_changed() {
        let entries = [
            update("OPEN", "a"),
            update("OPEN", "a"),
            update("OPEN", "b"),
            json!({"approval": {}}),
            json!({"changes_requested": {}}),
            update("MERGED", "b"),
            json!({"surprise": 1}),
        ];
        let merged = What::State("MERGED".to_owned(), Some("Why not.".to_owned()));
        let expected = [
            What::Opened,
            What::Edited,
            What::Pushed("b".to_owned()),
            What::Approved,
            What::ChangesRequested,
            merged.clone(),
            What::Other,
        ];
        assert_eq!(whats(&entries, true), expected);
        // In the middle of it nobody knows what was before.
        assert_eq!(whats(&entries[..1], false), [What::Edited]);
        assert_eq!(whats(&entries[5..6], false), [merged]);
    }

    #[test]
    fn changes_of_both_shapes_are_read() {
        let source = json!({"changes": {"state": {"old": "new", "new": "open"}}});
        let exported = json!({"field": "milestone", "changed_from": "None", "changed_to": "1.0"});
        let sources = [(1, source.to_string()), (2, exported.to_string())];
        let events = changes(&sources);
        let field = |name: &str, before: Option<&str>, since: &str| What::Field {
            name: name.to_owned(),
            before: before.map(ToOwned::to_owned),
            since: Some(since.to_owned()),
        };
        assert_eq!(events[0].what, field("state", Some("new"), "open"));
        assert_eq!(events[1].what, field("milestone", None, "1.0"));
        assert_eq!(events[1].comment, Some(2));
    }
}
