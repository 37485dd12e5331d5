//! The activity of pull requests: updates, comments, approvals.

use super::dice::count;
use super::repository::SeededRepository;
use super::time::format;
use crate::world::links::Links;
use serde_json::{Value, json};

/// Something that happened to a pull request.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Event {
    Opened,
    /// The position of the comment.
    Comment(u64),
    /// The position of the approval, and the member.
    Approval(u64, usize),
    /// By this member.
    ChangesRequested(usize),
    Closed,
}

impl SeededRepository {
    /// In the order they happened; deleted comments have left no trace.
    pub(crate) fn events(&self, id: u64) -> Vec<Event> {
        let mut events = vec![Event::Opened];
        events.extend(
            (0..self.comments(id))
                .filter(|position| !self.is_deleted(id, *position))
                .map(Event::Comment),
        );
        events.extend(self.changes_requested_by(id).map(Event::ChangesRequested));
        events.extend(
            self.approvers(id)
                .into_iter()
                .enumerate()
                .map(|(position, member)| Event::Approval(count(position), member)),
        );
        if self.state(id) != "OPEN" {
            events.push(Event::Closed);
        }
        events
    }

    pub(crate) fn event_json(&self, links: &Links, id: u64, event: Event) -> Value {
        let pull_request = self.short_pull_request(links, id);
        match event {
            Event::Opened => {
                json!({"pull_request": pull_request, "update": self.update(links, id, "OPEN")})
            }
            Event::Closed => {
                json!({"pull_request": pull_request, "update": self.update(links, id, self.state(id))})
            }
            Event::Comment(position) => {
                let is_whole = self.options.whole_activity;
                let mut comment = self.comment_json(links, id, position, is_whole);
                if comment.get("inline").is_some() && !is_whole {
                    // Seen on every one of 15,654 inline comments of recorded activity.
                    comment["inline"] = json!({});
                }
                json!({"pull_request": pull_request, "comment": comment})
            }
            Event::ChangesRequested(member) => json!({
                "pull_request": pull_request,
                "changes_requested": {
                    "date": format(self.timeline.changes_requested(id)),
                    "user": self.workspace.members[member].json(links),
                    "pullrequest": self.short_pull_request(links, id),
                },
            }),
            Event::Approval(position, member) => json!({
                "pull_request": pull_request,
                "approval": {
                    "date": format(self.timeline.approval(id, position)),
                    "user": self.workspace.members[member].json(links),
                    "pullrequest": self.short_pull_request(links, id),
                },
            }),
        }
    }

    /// A snapshot of the pull request at that time.
    fn update(&self, links: &Links, id: u64, state: &str) -> Value {
        let (source, destination) = self.endpoints(links, id);
        let (date, author) = if state == "OPEN" {
            (self.timeline.created(id), self.author(links, id))
        } else {
            (
                self.timeline.closed(id),
                self.account_json(links, id, "closed by"),
            )
        };
        json!({
            "title": self.title(id),
            "description": self.description(id),
            "reason": if state == "DECLINED" { "Not needed any more." } else { "" },
            "state": state,
            "draft": false,
            "author": author,
            "date": format(date),
            "source": source,
            "destination": destination,
            "reviewers": [],
            "changes": {},
        })
    }
}
