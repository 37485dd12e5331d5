//! Tasks and build statuses of pull requests.

use super::account;
use super::dice::Dice;
use super::repository::SeededRepository;
use super::text;
use super::time::format;
use crate::world::links::Links;
use serde_json::{Value, json};

impl SeededRepository {
    pub(crate) fn tasks_of(&self, id: u64) -> u64 {
        let dice = self.pull_request_dice(id);
        if dice.chance("has tasks", 200) {
            1 + dice.below("tasks", 4)
        } else {
            0
        }
    }

    fn is_task_open(&self, id: u64, position: u64) -> bool {
        self.task_dice(id, position).chance("open", 400)
    }

    /// What `task_count` shows: resolved tasks are not counted.
    pub(crate) fn open_tasks(&self, id: u64) -> usize {
        (0..self.tasks_of(id))
            .filter(|position| self.is_task_open(id, *position))
            .count()
    }

    fn task_dice(&self, id: u64, position: u64) -> Dice {
        self.pull_request_dice(id).named("task").with(position)
    }

    pub(crate) fn task_json(&self, links: &Links, id: u64, position: u64) -> Value {
        let dice = self.task_dice(id, position);
        let raw = text::title(dice, self.options.unicode);
        let open = self.is_task_open(id, position);
        let account = |question: &str| {
            account::pick(
                &self.workspace.members,
                dice,
                question,
                self.options.deleted_users_per_mille,
            )
            .map(|account| account.json(links))
        };
        let task = self.comment_id(id, position) - 2_000_000_000;
        json!({
            "id": task,
            "type": "task",
            "state": if open { "UNRESOLVED" } else { "RESOLVED" },
            "content": {"type": "rendered", "raw": raw, "markup": "markdown", "html": text::html(&raw)},
            "creator": account("creator"),
            "created_on": format(self.timeline.moment(id, 150)),
            "updated_on": format(self.timeline.moment(id, 160)),
            "resolved_on": (!open).then(|| format(self.timeline.moment(id, 160))),
            "resolved_by": if open { None } else { account("resolved by") },
            "pending": false,
            "links": {
                "self": {"href": format!("{}/pullrequests/{id}/tasks/{task}", self.api(links))},
                "html": {"href": format!("{}/pull-requests/{id}", self.html(links))},
            },
        })
    }

    pub(crate) fn statuses_of(&self, id: u64) -> u64 {
        let dice = self.pull_request_dice(id);
        if self.source_hash(id).is_none() || !dice.chance("has statuses", 600) {
            return 0;
        }
        1 + dice.below("statuses", 3)
    }

    pub(crate) fn status_json(&self, links: &Links, id: u64, position: u64) -> Value {
        let dice = self.pull_request_dice(id).named("status").with(position);
        let hash = self.source_hash(id).unwrap_or_default();
        let (api, key) = (
            self.api(links),
            dice.below("key", 1_000_000_000).to_string(),
        );
        json!({
            "key": key,
            "type": "build",
            "state": dice.pick("state", &["SUCCESSFUL", "FAILED", "INPROGRESS", "STOPPED"]),
            "name": format!("Pipeline #{} for main", dice.below("number", 1_000)),
            "refname": if dice.chance("refname", 500) { json!("main") } else { Value::Null },
            "url": format!("{}/pipelines/results/{key}", self.html(links)),
            "description": "",
            "created_on": format(self.timeline.moment(id, 20)),
            "updated_on": format(self.timeline.moment(id, 30)),
            "commit": {
                "hash": hash, "type": "commit",
                "links": {
                    "self": {"href": format!("{api}/commit/{hash}")},
                    "html": {"href": format!("{}/commits/{hash}", self.html(links))},
                },
            },
            "repository": self.short_json(links),
            "links": {
                "self": {"href": format!("{api}/commit/{hash}/statuses/build/{key}")},
                "commit": {"href": format!("{api}/commit/{hash}")},
            },
        })
    }
}
