//! A repository of a seeded world.

use super::dice::{Dice, count, index};
use super::time::{Timeline, format};
use super::workspace::SeededWorkspace;
use super::{IssueTracker, SeedOptions};
use crate::git::GitRepository;
use crate::http::list::List;
use crate::world::content::{Commits, Content};
use crate::world::links::{Links, braces};
use crate::world::repository::Tracker;
use serde_json::{Value, json};
use std::sync::{Arc, OnceLock};

/// Answers every question about its repository by computing the answer.
#[derive(Debug)]
pub(crate) struct SeededRepository {
    pub(crate) number: usize,
    pub(crate) slug: String,
    pub(crate) uuid: String,
    pub(crate) is_private: bool,
    pub(crate) dice: Dice,
    pub(crate) workspace: Arc<SeededWorkspace>,
    pub(crate) git: Arc<GitRepository>,
    /// The wiki's, if it has one.
    pub(crate) wiki: Option<Arc<GitRepository>>,
    pub(crate) options: SeedOptions,
    pub(crate) timeline: Timeline,
    /// How many entries of activity the newest 1, 2, 3… pull requests have together.
    activity_sums: OnceLock<Vec<u64>>,
}

impl SeededRepository {
    pub(crate) fn new(
        number: usize,
        slug: String,
        dice: Dice,
        workspace: Arc<SeededWorkspace>,
        git: Arc<GitRepository>,
        is_private: bool,
        options: SeedOptions,
    ) -> Self {
        Self {
            number,
            slug,
            uuid: dice.uuid("uuid"),
            is_private,
            dice,
            workspace,
            git,
            wiki: None,
            timeline: Timeline::new(options.pull_requests),
            options,
            activity_sums: OnceLock::new(),
        }
    }

    pub(crate) fn full_name(&self) -> String {
        format!("{}/{}", self.workspace.slug, self.slug)
    }

    /// `{api}/repositories/{workspace}/{slug}`
    pub(crate) fn api(&self, links: &Links) -> String {
        format!(
            "{}/repositories/{}/{}",
            links.api, self.workspace.slug, self.slug
        )
    }

    pub(crate) fn html(&self, links: &Links) -> String {
        format!("{}/{}/{}", links.web, self.workspace.slug, self.slug)
    }

    /// As it stands inside other objects.
    pub(crate) fn short_json(&self, links: &Links) -> Value {
        json!({
            "type": "repository",
            "full_name": self.full_name(),
            "links": {
                "self": {"href": self.api(links)},
                "html": {"href": self.html(links)},
                "avatar": {"href": format!("https://bytebucket.org/ravatar/{}?ts=default", braces(&self.uuid))},
            },
            "name": self.slug,
            "uuid": self.uuid,
        })
    }

    pub(crate) fn has(&self, pull_request: u64) -> bool {
        (1..=self.options.pull_requests).contains(&pull_request)
    }

    pub(crate) fn pull_request_dice(&self, id: u64) -> Dice {
        self.dice.named("pull request").with(id)
    }

    /// The pull request and the entry within it that stand at `position` of the feed.
    fn locate_activity(&self, position: usize) -> (u64, usize) {
        let position = count(position);
        let sums = self.activity_sums();
        let newest = sums.partition_point(|sum| *sum <= position);
        let before = if newest == 0 { 0 } else { sums[newest - 1] };
        (
            self.options.pull_requests - count(newest),
            index(position - before),
        )
    }

    fn activity_sums(&self) -> &[u64] {
        self.activity_sums.get_or_init(|| {
            let mut sum = 0;
            (1..=self.options.pull_requests)
                .rev()
                .map(|id| {
                    sum += count(self.events(id).len());
                    sum
                })
                .collect()
        })
    }
}

impl Content for SeededRepository {
    fn repository(&self, links: &Links) -> Value {
        let (api, html) = (self.api(links), self.html(links));
        let link = |path: &str| json!({"href": format!("{api}/{path}")});
        let workspace = &self.workspace;
        let team = braces(&workspace.uuid);
        let mut value = self.short_json(links);
        let is_empty = self.git.history().is_empty();
        for (name, path) in [
            ("pullrequests", "pullrequests"),
            ("commits", "commits"),
            ("forks", "forks"),
            ("watchers", "watchers"),
            ("branches", "refs/branches"),
            ("tags", "refs/tags"),
            ("downloads", "downloads"),
            ("source", "src"),
            ("hooks", "hooks"),
        ] {
            value["links"][name] = link(path);
        }
        value["links"]["clone"] = json!([
            {"name": "https", "href": format!("{html}.git")},
            {"name": "ssh", "href": format!("git@bitbucket.org:{}.git", self.full_name())},
        ]);
        let rest = json!({
            "slug": self.slug,
            "description": super::text::paragraph(self.dice.named("description"), self.options.unicode),
            "scm": "git",
            "website": null,
            "owner": {
                "display_name": workspace.slug,
                "links": {
                    "self": {"href": format!("{}/workspaces/{team}", links.api)},
                    "avatar": {"href": format!("{}/account/{}/avatar/", links.web, workspace.slug)},
                    "html": {"href": format!("{}/{team}/", links.web)},
                },
                "type": "team",
                "uuid": workspace.uuid,
                "username": workspace.slug,
            },
            "workspace": crate::world::workspace::short_json(&workspace.slug, &workspace.uuid, &workspace.slug, links),
            "is_private": self.is_private,
            "project": workspace.project(links),
            "fork_policy": if self.is_private { "no_public_forks" } else { "allow_forks" },
            "created_on": format(super::time::EPOCH + 4_242),
            "updated_on": format(self.timeline.moment(self.options.pull_requests, 950)),
            "size": 40_960 + self.dice.below("size", 1_000_000),
            "language": if is_empty { "" } else { "rust" },
            "mainbranch": if is_empty { Value::Null } else { json!({"name": self.git.main_branch(), "type": "branch"}) },
            "override_settings": {"default_merge_strategy": true, "branching_model": true},
            "parent": null,
            "enforced_signed_commits": null,
        });
        if let (Value::Object(value), Value::Object(rest)) = (&mut value, rest) {
            value.extend(rest);
        }
        // Bitbucket of October 2026 does not say it any more of those that had none.
        if self.options.issue_tracker != IssueTracker::Never {
            value["has_issues"] = json!(true);
        }
        value
    }

    fn pull_requests<'a>(&'a self, links: &'a Links, detail: bool) -> List<'a> {
        let len = self.options.pull_requests;
        // Bitbucket lists the newest first.
        let id = move |position: usize| len - count(position);
        List::new(index(len), move |position| {
            self.pull_request_json(links, id(position), detail)
        })
        .with_peek(move |position, path| match path {
            "id" => Some(json!(id(position))),
            "state" => Some(json!(self.state(id(position)))),
            "created_on" => Some(json!(format(self.timeline.created(id(position))))),
            "updated_on" => Some(json!(format(self.updated(id(position))))),
            _ => None,
        })
    }

    fn pull_request(&self, links: &Links, id: u64) -> Option<Value> {
        self.has(id)
            .then(|| self.pull_request_json(links, id, true))
    }

    fn comments<'a>(&'a self, links: &'a Links, pull_request: u64) -> Option<List<'a>> {
        self.has(pull_request).then(|| {
            List::new(index(self.comments(pull_request)), move |position| {
                self.comment_json(links, pull_request, count(position), true)
            })
        })
    }

    fn comment(&self, links: &Links, pull_request: u64, comment: u64) -> Option<Value> {
        let position = comment.checked_sub(self.comment_id(pull_request, 0))?;
        (self.has(pull_request) && position < self.comments(pull_request))
            .then(|| self.comment_json(links, pull_request, position, true))
    }

    fn activity<'a>(&'a self, links: &'a Links, pull_request: u64) -> Option<List<'a>> {
        self.has(pull_request).then(|| {
            let events = self.events(pull_request);
            List::new(events.len(), move |position| {
                self.event_json(links, pull_request, events[events.len() - 1 - position])
            })
        })
    }

    fn all_activity<'a>(&'a self, links: &'a Links) -> List<'a> {
        let len = self.activity_sums().last().copied().unwrap_or(0);
        List::new(index(len), move |position| {
            let (id, position) = self.locate_activity(position);
            let events = self.events(id);
            self.event_json(links, id, events[events.len() - 1 - position])
        })
    }

    fn tasks<'a>(&'a self, links: &'a Links, pull_request: u64) -> Option<List<'a>> {
        self.has(pull_request).then(|| {
            List::new(index(self.tasks_of(pull_request)), move |position| {
                self.task_json(links, pull_request, count(position))
            })
        })
    }

    fn statuses<'a>(&'a self, links: &'a Links, pull_request: u64) -> Option<List<'a>> {
        self.has(pull_request).then(|| {
            List::new(index(self.statuses_of(pull_request)), move |position| {
                self.status_json(links, pull_request, count(position))
            })
        })
    }

    fn commits_of(&self, _links: &Links, pull_request: u64) -> Option<Commits> {
        self.has(pull_request)
            .then(|| Commits::Hashes(self.commit_hashes(pull_request)))
    }

    fn tracker(&self) -> Tracker {
        match self.options.issue_tracker {
            IssueTracker::Answers => Tracker::Answers,
            IssueTracker::Never | IssueTracker::Removed => Tracker::Removed,
        }
    }

    fn issues<'a>(&'a self, links: &'a Links) -> List<'a> {
        self.issue_list(links)
    }

    fn issue(&self, links: &Links, id: u64) -> Option<Value> {
        SeededRepository::issue(self, links, id)
    }

    fn recorded(&self, links: &Links, path: &str) -> Option<Vec<Value>> {
        self.small_list(links, path)
            .or_else(|| self.issue_lists(links, path))
    }

    fn recorded_object(&self, links: &Links, path: &str) -> Option<Value> {
        self.small_object(links, path)
    }

    fn rename_account(&mut self, account: &str, display_name: &str) {
        for member in &mut Arc::make_mut(&mut self.workspace).members {
            if member.is(account) {
                display_name.clone_into(&mut member.display_name);
            }
        }
    }
}
