//! Pull requests of a seeded world.

use super::account;
use super::dice::{count, index};
use super::repository::SeededRepository;
use super::text::{self, BRANCHES};
use super::time::format;
use crate::git::Step;
use crate::world::links::Links;
use serde_json::{Value, json};

/// Bitbucket shortens the hashes of pull requests to this.
const SHORT_HASH: usize = 12;

impl SeededRepository {
    pub(crate) fn state(&self, id: u64) -> &'static str {
        match self.pull_request_dice(id).below("state", 100) {
            0..15 => "OPEN",
            15..85 => "MERGED",
            85..95 => "DECLINED",
            _ => "SUPERSEDED",
        }
    }

    /// The commits of the pull request, newest first.
    fn walk(&self, id: u64) -> Vec<&Step> {
        let dice = self.pull_request_dice(id);
        let history = self.git.history();
        if history.is_empty() || self.is_fork_gone(id) {
            return Vec::new();
        }
        let mut steps = Vec::new();
        let mut position = index(dice.below("source", count(history.len())));
        for _ in 0..=dice.below("commits", 3) {
            let step = &history[position];
            steps.push(step);
            // First parents stand close behind their children.
            let near = position + 1..history.len().min(position + 64);
            let parent = step.parent.as_ref();
            let Some(next) = near
                .into_iter()
                .find(|next| parent == Some(&history[*next].hash))
            else {
                break;
            };
            position = next;
        }
        steps
    }

    pub(crate) fn commit_hashes(&self, id: u64) -> Vec<String> {
        self.walk(id)
            .into_iter()
            .map(|step| step.hash.clone())
            .collect()
    }

    pub(crate) fn source_hash(&self, id: u64) -> Option<&str> {
        self.walk(id).first().map(|step| step.hash.as_str())
    }

    fn is_fork_gone(&self, id: u64) -> bool {
        self.pull_request_dice(id)
            .chance("fork gone", self.options.forks_gone_per_mille)
    }

    /// The commit that the pull request starts from: the parent of its oldest commit.
    fn destination_hash(&self, id: u64) -> Option<&str> {
        let oldest = self
            .walk(id)
            .last()
            .copied()
            .or(self.git.history().first())?;
        Some(oldest.parent.as_ref().unwrap_or(&oldest.hash))
    }

    fn commit_json(&self, links: &Links, hash: &str) -> Value {
        let hash = &hash[..hash.len().min(SHORT_HASH)];
        json!({
            "hash": hash,
            "links": {
                "self": {"href": format!("{}/commit/{hash}", self.api(links))},
                "html": {"href": format!("{}/commits/{hash}", self.html(links))},
            },
            "type": "commit",
        })
    }

    /// Source and destination, as pull requests and their updates show them.
    pub(crate) fn endpoints(&self, links: &Links, id: u64) -> (Value, Value) {
        let dice = self.pull_request_dice(id);
        let destination = self.destination_hash(id);
        // The target branch is gone as well, once in a while.
        let destination = destination.filter(|_| !dice.chance("destination gone", 5));
        let source = json!({
            "branch": {"name": dice.pick("branch", BRANCHES), "links": {}},
            "commit": self.source_hash(id).map(|hash| self.commit_json(links, hash)),
            "repository": (!self.is_fork_gone(id)).then(|| self.short_json(links)),
        });
        let destination = json!({
            "branch": {"name": "main"},
            "commit": destination.map(|hash| self.commit_json(links, hash)),
            "repository": self.short_json(links),
        });
        (source, destination)
    }

    pub(crate) fn title(&self, id: u64) -> String {
        text::title(self.pull_request_dice(id), self.options.unicode)
    }

    pub(crate) fn author(&self, links: &Links, id: u64) -> Value {
        self.account_json(links, id, "author")
    }

    pub(crate) fn account_json(&self, links: &Links, id: u64, question: &str) -> Value {
        let dice = self.pull_request_dice(id);
        account::pick(
            &self.workspace.members,
            dice,
            question,
            self.options.deleted_users_per_mille,
        )
        .map_or(Value::Null, |account| account.json(links))
    }

    /// When the last thing happened to it.
    pub(crate) fn updated(&self, id: u64) -> i64 {
        let comments = self.comments(id);
        if self.state(id) != "OPEN" {
            self.timeline.closed(id)
        } else if comments > 0 {
            self.timeline.comment(id, comments - 1, comments)
        } else {
            self.timeline.created(id)
        }
    }

    pub(crate) fn description(&self, id: u64) -> String {
        let dice = self.pull_request_dice(id).named("description");
        if dice.chance("empty", 200) {
            String::new()
        } else {
            text::paragraph(dice, self.options.unicode)
        }
    }

    pub(crate) fn pull_request_json(&self, links: &Links, id: u64, detail: bool) -> Value {
        let dice = self.pull_request_dice(id);
        let (state, title, raw) = (self.state(id), self.title(id), self.description(id));
        let (source, destination) = self.endpoints(links, id);
        let rendered = json!({
            "type": "rendered", "raw": raw, "markup": "markdown", "html": text::html(&raw),
        });
        let merge_commit = (state == "MERGED" && !dice.chance("no merge commit", 10))
            .then(|| self.git.history().first().map(|step| {
                json!({"hash": step.hash[..SHORT_HASH], "type": "commit", "links": self.commit_json(links, &step.hash)["links"]})
            }))
            .flatten();
        let mut value = json!({
            "comment_count": self.live_comments(id),
            "task_count": self.open_tasks(id),
            "type": "pullrequest",
            "id": id,
            "title": title,
            "description": raw,
            "state": state,
            "draft": state == "OPEN" && dice.chance("draft", 250),
            "merge_commit": merge_commit,
            "close_source_branch": dice.chance("close source branch", 500),
            "closed_by": if state == "OPEN" { Value::Null } else { self.account_json(links, id, "closed by") },
            "author": self.author(links, id),
            "reason": if state == "DECLINED" { "Not needed any more." } else { "" },
            "created_on": format(self.timeline.created(id)),
            "updated_on": format(self.updated(id)),
            "destination": destination,
            "source": source,
            "links": self.pull_request_links(links, id),
            "summary": rendered,
            "queued": false,
        });
        if detail {
            let title_rendered = json!({
                "type": "rendered", "raw": title, "markup": "markdown", "html": text::html(&title),
            });
            value["rendered"] = json!({"title": title_rendered, "description": value["summary"]});
            let (participants, reviewers) = self.participants(links, id);
            value["participants"] = participants;
            value["reviewers"] = reviewers;
        }
        value
    }

    fn pull_request_links(&self, links: &Links, id: u64) -> Value {
        let (api, html, full_name) = (self.api(links), self.html(links), self.full_name());
        let link = |path: &str| json!({"href": format!("{api}/pullrequests/{id}{path}")});
        let short = |hash: Option<&str>| hash.map_or("", |hash| &hash[..SHORT_HASH]).to_owned();
        let spec = format!(
            "{full_name}:{}%0D{}?from_pullrequest_id={id}&topic=true",
            short(self.source_hash(id)),
            short(self.destination_hash(id)),
        );
        json!({
            "self": link(""),
            "html": {"href": format!("{html}/pull-requests/{id}")},
            "commits": link("/commits"),
            "approve": link("/approve"),
            "request-changes": link("/request-changes"),
            "diff": {"href": format!("{api}/diff/{spec}")},
            "diffstat": {"href": format!("{api}/diffstat/{spec}")},
            "comments": link("/comments"),
            "activity": link("/activity"),
            "merge": link("/merge"),
            "decline": link("/decline"),
            "statuses": link("/statuses"),
            "mergeability_checks": link("/mergeability/checks"),
        })
    }

    /// As it stands inside comments and activity.
    pub(crate) fn short_pull_request(&self, links: &Links, id: u64) -> Value {
        json!({
            "type": "pullrequest",
            "id": id,
            "title": self.title(id),
            "draft": false,
            "links": {
                "self": {"href": format!("{}/pullrequests/{id}", self.api(links))},
                "html": {"href": format!("{}/pull-requests/{id}", self.html(links))},
            },
        })
    }

    /// Members who approved, in the order of their approvals; never a "former user".
    pub(crate) fn approvers(&self, id: u64) -> Vec<usize> {
        let dice = self.pull_request_dice(id);
        let members = count(self.workspace.members.len());
        let mut approvers: Vec<usize> = (0..dice.below("approvals", 3))
            .map(|position| index(dice.with(position).below("approver", members)))
            .collect();
        approvers.dedup();
        approvers
    }

    /// A member who has asked for changes, and has not approved since.
    pub(crate) fn changes_requested_by(&self, id: u64) -> Option<usize> {
        let dice = self.pull_request_dice(id);
        let member = self.other_participant(id);
        let asks = dice.chance("changes requested", 150) && !self.approvers(id).contains(&member);
        asks.then_some(member)
    }

    /// Somebody who takes part besides the approvers, or is one of them.
    fn other_participant(&self, id: u64) -> usize {
        let members = count(self.workspace.members.len());
        index(self.pull_request_dice(id).below("reviewer", members))
    }

    fn participants(&self, links: &Links, id: u64) -> (Value, Value) {
        let approvers = self.approvers(id);
        let mut people = approvers.clone();
        let other = self.other_participant(id);
        if !people.contains(&other) {
            people.push(other);
        }
        let mut participants = Vec::new();
        let mut reviewers = Vec::new();
        for (position, person) in people.into_iter().enumerate() {
            let user = self.workspace.members[person].json(links);
            let approved = approvers.contains(&person);
            let (state, when) = if approved {
                (
                    Some("approved"),
                    Some(self.timeline.approval(id, count(position))),
                )
            } else if self.changes_requested_by(id) == Some(person) {
                (
                    Some("changes_requested"),
                    Some(self.timeline.changes_requested(id)),
                )
            } else {
                (None, None)
            };
            let is_reviewer = position % 2 == 0;
            if is_reviewer {
                reviewers.push(user.clone());
            }
            participants.push(json!({
                "type": "participant",
                "user": user,
                "role": if is_reviewer { "REVIEWER" } else { "PARTICIPANT" },
                "approved": approved,
                "state": state,
                "participated_on": when.map(format),
            }));
        }
        (Value::Array(participants), Value::Array(reviewers))
    }
}
