//! Comments of a seeded world: threads, inline anchors, deleted ones.

use super::account;
use super::dice::Dice;
use super::repository::SeededRepository;
use super::text::{self, PATHS};
use super::time::format;
use crate::world::links::Links;
use serde_json::{Value, json};

/// Above 2^31, so that a client with 32-bit ids fails.
const FIRST_ID: u64 = 3_000_000_000;
const IDS_PER_PULL_REQUEST: u64 = 100_000;
const IDS_PER_REPOSITORY: u64 = 100_000_000_000;

impl SeededRepository {
    /// How many comments a pull request has, deleted ones included.
    pub(crate) fn comments(&self, id: u64) -> u64 {
        let dice = self.pull_request_dice(id);
        let average = self.options.comments;
        if average == 0 || dice.chance("no comments", 333) {
            return 0;
        }
        // From 1 to 3 × average - 1 on two thirds: the average over all is what was asked for.
        (1 + dice.below("comments", 3 * average - 1)).min(IDS_PER_PULL_REQUEST / 2)
    }

    pub(crate) fn is_deleted(&self, id: u64, position: u64) -> bool {
        self.comment_dice(id, position)
            .chance("deleted", self.options.deleted_comments_per_mille)
    }

    pub(crate) fn live_comments(&self, id: u64) -> usize {
        (0..self.comments(id))
            .filter(|position| !self.is_deleted(id, *position))
            .count()
    }

    pub(crate) fn comment_id(&self, id: u64, position: u64) -> u64 {
        FIRST_ID
            + super::dice::count(self.number) * IDS_PER_REPOSITORY
            + id * IDS_PER_PULL_REQUEST
            + position
    }

    fn comment_dice(&self, id: u64, position: u64) -> Dice {
        self.pull_request_dice(id).named("comment").with(position)
    }

    /// The comment that this one replies to, and its depth. Threads are runs of
    /// `thread_depth` + 2 comments: the first starts it, each other replies to the one before it
    /// or to the first.
    fn parent(&self, id: u64, position: u64) -> Option<(u64, u64)> {
        let thread = self.options.thread_depth + 2;
        let place = position % thread;
        if place == 0 || self.options.thread_depth == 0 {
            return None;
        }
        let first = position - place;
        let mut depth = 1;
        for earlier in first + 1..=position {
            let replies_to_previous = depth <= self.options.thread_depth
                && !self.comment_dice(id, earlier).chance("root", 300);
            let parent = if replies_to_previous {
                earlier - 1
            } else {
                first
            };
            let of_this = if parent == first { 1 } else { depth };
            if earlier == position {
                return Some((parent, of_this));
            }
            depth = of_this + 1;
        }
        None
    }

    /// Null, or where the thread that a comment belongs to is anchored.
    fn inline(&self, id: u64, position: u64) -> Option<Value> {
        let first = position - position % (self.options.thread_depth + 2);
        let first = if self.options.thread_depth == 0 {
            position
        } else {
            first
        };
        let dice = self.comment_dice(id, first).named("inline");
        if !dice.chance("inline", 450) {
            return None;
        }
        let line = 1 + dice.below("line", 30);
        let mut inline = json!({"path": dice.pick("path", PATHS), "from": null, "to": null});
        match dice.below("anchor", 10) {
            // On the file as a whole, or an anchor that was lost: Bitbucket shows both alike.
            0..3 => {}
            3..6 => inline["to"] = json!(line),
            6..8 => inline["from"] = json!(line),
            8 => {
                inline["start_to"] = json!(line);
                inline["to"] = json!(line + 4);
                inline["start_from"] = Value::Null;
            }
            _ => {
                inline["from"] = json!(line);
                inline["to"] = json!(line + 1);
            }
        }
        Some(inline)
    }

    /// `depth` stands in the list only, not in the feeds of activity.
    pub(crate) fn comment_json(&self, links: &Links, id: u64, position: u64, depth: bool) -> Value {
        let dice = self.comment_dice(id, position);
        let deleted = self.is_deleted(id, position);
        let comment = self.comment_id(id, position);
        let raw = if deleted {
            String::new()
        } else {
            text::paragraph(dice, self.options.unicode)
        };
        let created = self.timeline.comment(id, position, self.comments(id));
        let created_on = format(created);
        let user = account::pick(
            &self.workspace.members,
            dice,
            "user",
            self.options.deleted_users_per_mille,
        );
        let updated_on = match dice.below("edited", 20) {
            0 => Value::Null,
            1 => json!(format(created + 1_500_000)),
            _ => json!(created_on),
        };
        let mut value = json!({
            "id": comment,
            "created_on": created_on,
            "updated_on": updated_on,
            "content": {"type": "rendered", "raw": raw, "markup": "markdown", "html": text::html(&raw)},
            "user": user.map(|account| account.json(links)),
            "deleted": deleted,
            "pending": false,
            "type": "pullrequest_comment",
            "links": self.comment_links(links, id, comment),
            "pullrequest": self.short_pull_request(links, id),
        });
        if let Some(inline) = self.inline(id, position) {
            value["inline"] = inline;
        }
        match self.parent(id, position) {
            Some((parent, parent_depth)) => {
                let parent = self.comment_id(id, parent);
                value["parent"] =
                    json!({"id": parent, "links": self.comment_links(links, id, parent)});
                if depth {
                    value["parent"]["depth"] = json!(parent_depth);
                }
            }
            None if dice.chance("resolved", 150) && !deleted => {
                value["resolution"] = json!({
                    "type": "comment_resolution",
                    "user": self.workspace.members.first().map(|account| account.json(links)),
                    "created_on": format(created + 2_000_000),
                });
            }
            None => {}
        }
        value
    }

    fn comment_links(&self, links: &Links, id: u64, comment: u64) -> Value {
        json!({
            "self": {"href": format!("{}/pullrequests/{id}/comments/{comment}", self.api(links))},
            "html": {"href": format!("{}/pull-requests/{id}/_/diff#comment-{comment}", self.html(links))},
        })
    }
}
