//! The issue tracker of a seeded world, as it answered until 20 August 2026.

use super::account;
use super::dice::{Dice, count, index};
use super::repository::SeededRepository;
use super::text;
use super::time::{Timeline, format};
use crate::http::list::List;
use crate::storage::encode_name;
use crate::world::links::Links;
use serde_json::{Value, json};

/// Above 2^31, and apart from the comments of pull requests.
const FIRST_COMMENT: u64 = 7_000_000_000;
const IDS_PER_ISSUE: u64 = 10_000;
const IDS_PER_REPOSITORY: u64 = 10_000_000_000;

const STATES: &[&str] = &[
    "new",
    "open",
    "resolved",
    "on hold",
    "invalid",
    "duplicate",
    "wontfix",
    "closed",
];
const KINDS: &[&str] = &["bug", "enhancement", "proposal", "task"];
const PRIORITIES: &[&str] = &["trivial", "minor", "major", "critical", "blocker"];

const COMPONENTS: &[&str] = &["core", "Öffentliche API", "a/b & c"];
const MILESTONES: &[&str] = &["1.0", "someday"];
const VERSIONS: &[&str] = &["0.9", "1.0-rc.1"];

/// Names of files, as people type them.
const FILES: &[&str] = &[
    "screenshot.png",
    "Übersicht 2019.pdf",
    "crash dump (2).txt",
    "100%&=+#?.log",
    "..hidden",
];

/// Names that are meant to do harm, or would by accident.
const ODD_FILES: &[&str] = &[
    "../../../escape.txt",
    "C:\\Windows\\system.ini",
    "nul\u{0}byte.bin",
    "photo\u{202E}gpj.exe",
    "line\r\nbreak.txt",
];

impl SeededRepository {
    /// Every issue, oldest first.
    pub(crate) fn issue_list<'a>(&'a self, links: &'a Links) -> List<'a> {
        let id = |position: usize| count(position) + 1;
        List::new(index(self.options.issues), move |position| {
            self.issue_json(links, id(position))
        })
        .with_peek(move |position, path| match path {
            "id" => Some(json!(id(position))),
            "created_on" => Some(json!(format(self.issue_created(id(position))))),
            "updated_on" => Some(json!(format(self.issue_updated(id(position))))),
            _ => None,
        })
    }

    /// A list of the tracker below `{R}`; none when there is no such list.
    pub(crate) fn issue_lists(&self, links: &Links, path: &str) -> Option<Vec<Value>> {
        let fields = |kind: &str, names: &[&str]| {
            let names = names.iter().enumerate();
            let field = names.map(|(number, name)| self.field(links, kind, count(number), name));
            Some(field.collect())
        };
        match path {
            "components" => return fields("component", COMPONENTS),
            "milestones" => return fields("milestone", MILESTONES),
            "versions" => return fields("version", VERSIONS),
            _ => {}
        }
        let (id, list) = path.strip_prefix("issues/")?.split_once('/')?;
        let id = id.parse().ok().filter(|id| self.has_issue(*id))?;
        let positions = 0..self.issue_comments(id);
        Some(match list {
            "comments" => positions
                .map(|position| self.issue_comment(links, id, position))
                .collect(),
            "changes" => positions
                .filter(|position| self.is_change(id, *position))
                .map(|position| self.issue_change(links, id, position))
                .collect(),
            "attachments" => self.attachments(links, id),
            _ => return None,
        })
    }

    pub(crate) fn issue(&self, links: &Links, id: u64) -> Option<Value> {
        self.has_issue(id).then(|| self.issue_json(links, id))
    }

    fn has_issue(&self, id: u64) -> bool {
        (1..=self.options.issues).contains(&id)
    }

    fn issue_dice(&self, id: u64) -> Dice {
        self.dice.named("issue").with(id)
    }

    /// Comments of an issue, those included that only carry a change.
    fn issue_comments(&self, id: u64) -> u64 {
        let dice = self.issue_dice(id);
        if dice.chance("no comments", 250) {
            return 0;
        }
        1 + dice.below("comments", 8)
    }

    fn issue_timeline(&self) -> Timeline {
        Timeline::new(self.options.issues)
    }

    fn issue_created(&self, id: u64) -> i64 {
        self.issue_timeline().created(id)
    }

    /// What nobody commented on or changed is as old as the issue itself.
    fn issue_updated(&self, id: u64) -> i64 {
        match self.issue_comments(id) {
            0 => self.issue_created(id),
            comments => self.issue_comment_created(id, comments - 1),
        }
    }

    fn issue_comment_created(&self, id: u64, position: u64) -> i64 {
        let comments = self.issue_comments(id);
        self.issue_timeline().comment(id, position, comments)
    }

    fn issue_json(&self, links: &Links, id: u64) -> Value {
        let dice = self.issue_dice(id);
        let raw = text::paragraph(dice, self.options.unicode);
        let api = format!("{}/issues/{id}", self.api(links));
        let mut value = self.short_issue(links, id);
        let field = |kind: &str, names: &[&str]| {
            let number = dice.below(kind, count(names.len()) + 2);
            let name = names.get(index(number));
            name.map(|name| self.field(links, kind, number, name))
        };
        let rest = json!({
            "links": {
                "self": {"href": api},
                "html": {"href": format!("{}/issues/{id}", self.html(links))},
                "comments": {"href": format!("{api}/comments")},
                "attachments": {"href": format!("{api}/attachments")},
                "watch": {"href": format!("{api}/watch")},
                "vote": {"href": format!("{api}/vote")},
            },
            "reporter": self.person(links, dice, "reporter"),
            "assignee": if dice.chance("assigned", 600) {
                self.person(links, dice, "assignee")
            } else {
                Value::Null
            },
            "state": dice.pick("state", STATES),
            "kind": dice.pick("kind", KINDS),
            "priority": dice.pick("priority", PRIORITIES),
            "component": field("component", COMPONENTS),
            "milestone": field("milestone", MILESTONES),
            "version": field("version", VERSIONS),
            "votes": dice.below("votes", 5),
            "watches": 1 + dice.below("watches", 4),
            "content": rendered(Some(&raw)),
            "created_on": format(self.issue_created(id)),
            "updated_on": format(self.issue_updated(id)),
            "edited_on": null,
        });
        if let (Value::Object(value), Value::Object(rest)) = (&mut value, rest) {
            value.extend(rest);
        }
        value
    }

    /// As it stands inside comments and changes.
    fn short_issue(&self, links: &Links, id: u64) -> Value {
        json!({
            "type": "issue",
            "id": id,
            "title": text::title(self.issue_dice(id), self.options.unicode),
            "repository": self.short_json(links),
            "links": {"self": {"href": format!("{}/issues/{id}", self.api(links))}},
        })
    }

    fn person(&self, links: &Links, dice: Dice, question: &str) -> Value {
        let gone = self.options.deleted_users_per_mille;
        let picked = account::pick(&self.workspace.members, dice, question, gone);
        picked.map_or(Value::Null, |account| account.json(links))
    }

    fn field(&self, links: &Links, kind: &str, number: u64, name: &str) -> Value {
        let id = 1_000 + number;
        json!({
            "type": kind, "id": id, "name": name,
            "links": {"self": {"href": format!("{}/{kind}s/{id}", self.api(links))}},
        })
    }

    fn comment_dice_of_issue(&self, id: u64, position: u64) -> Dice {
        self.issue_dice(id).named("comment").with(position)
    }

    fn issue_comment_id(&self, id: u64, position: u64) -> u64 {
        FIRST_COMMENT + count(self.number) * IDS_PER_REPOSITORY + id * IDS_PER_ISSUE + position
    }

    fn is_change(&self, id: u64, position: u64) -> bool {
        let dice = self.comment_dice_of_issue(id, position);
        dice.chance("change", 400)
    }

    /// What was said with a comment or a change; nothing with half of the changes.
    fn said(&self, id: u64, position: u64) -> Option<String> {
        let dice = self.comment_dice_of_issue(id, position);
        let is_silent = self.is_change(id, position) && dice.chance("silent", 500);
        (!is_silent).then(|| text::paragraph(dice, self.options.unicode))
    }

    fn issue_comment(&self, links: &Links, id: u64, position: u64) -> Value {
        let dice = self.comment_dice_of_issue(id, position);
        let comment = self.issue_comment_id(id, position);
        let created = self.issue_comment_created(id, position);
        let (api, html) = (self.api(links), self.html(links));
        let edited = dice.chance("edited", 100);
        json!({
            "type": "issue_comment",
            "id": comment,
            "issue": self.short_issue(links, id),
            "user": self.person(links, dice, "user"),
            "content": rendered(self.said(id, position).as_deref()),
            "created_on": format(created),
            "updated_on": edited.then(|| format(created + 1_500_000)),
            "links": {
                "self": {"href": format!("{api}/issues/{id}/comments/{comment}")},
                "html": {"href": format!("{html}/issues/{id}#comment-{comment}")},
            },
        })
    }

    /// Its id is that of the comment that goes with it.
    fn issue_change(&self, links: &Links, id: u64, position: u64) -> Value {
        let dice = self.comment_dice_of_issue(id, position);
        let change = self.issue_comment_id(id, position);
        let (api, html) = (self.api(links), self.html(links));
        let from_to = |name: &str, words: &[&str]| {
            json!({
                "old": dice.named(name).pick("old", words),
                "new": dice.named(name).pick("new", words),
            })
        };
        let mut changes = json!({"state": from_to("state", STATES)});
        if dice.chance("also priority", 300) {
            changes["priority"] = from_to("priority", PRIORITIES);
        }
        if dice.chance("also component", 200) {
            changes["component"] = json!({"old": "", "new": COMPONENTS[0]});
        }
        json!({
            "type": "issue_change",
            "id": change,
            "issue": self.short_issue(links, id),
            "user": self.person(links, dice, "user"),
            "changes": changes,
            "message": rendered(self.said(id, position).as_deref()),
            "created_on": format(self.issue_comment_created(id, position)),
            "links": {
                "self": {"href": format!("{api}/issues/{id}/changes/{change}")},
                "html": {"href": format!("{html}/issues/{id}#comment-{change}")},
            },
        })
    }

    fn attachments(&self, links: &Links, id: u64) -> Vec<Value> {
        let dice = self.issue_dice(id).named("attachment");
        let mut names: Vec<String> = Vec::new();
        for name in FILES {
            if dice.chance(name, 80) {
                names.push((*name).to_owned());
            }
        }
        if self.options.unicode && dice.chance("odd", 250) {
            names.push(dice.pick("odd name", ODD_FILES).to_owned());
        }
        if self.options.unicode && dice.chance("long", 40) {
            names.push("ß".repeat(4_000));
        }
        let list = format!("{}/issues/{id}/attachments", self.api(links));
        let file = |name: &String| {
            json!({
                "type": "issue_attachment", "name": name,
                // A list, in all 325 that were recorded.
                "links": {"self": {"href": [format!("{list}/{}", encode_name(name))]}},
            })
        };
        names.iter().map(file).collect()
    }
}

/// Text as Bitbucket shows it; without any where nothing was written.
fn rendered(raw: Option<&str>) -> Value {
    json!({
        "type": "rendered", "raw": raw, "markup": "markdown",
        "html": text::html(raw.unwrap_or_default()),
    })
}
