//! Changes that a test makes to issues.

use super::World;
use super::links::Links;
use super::mutation::Mutation;
use super::repository::Repository;
use crate::error::{Result, SimulatorError};
use crate::seeded::time::now;
use crate::seeded::{dice::count, text};
use serde_json::{Value, json};

/// Above every id that a seeded or recorded world has.
const FIRST_ADDED_COMMENT: u64 = 9_500_000_000_000;

impl World {
    /// Changes issues, and nothing else. Returns the id of what was added.
    pub(super) fn mutate_issues(
        &mut self,
        mutation: Mutation,
        links: &Links,
    ) -> Result<Option<u64>> {
        Ok(match mutation {
            Mutation::AddIssue { repository, title } => {
                Some(self.find_mut(&repository)?.add_issue(links, &title)?)
            }
            Mutation::AddIssueComment {
                repository,
                issue,
                text,
            } => {
                let repository = self.find_mut(&repository)?;
                Some(repository.add_issue_comment(links, issue, &text)?)
            }
            Mutation::RemoveIssueTracker { repository } => {
                self.find_mut(&repository)?.tracker_removed = true;
                None
            }
            _ => None,
        })
    }
}

impl Repository {
    pub(super) fn add_issue(&mut self, links: &Links, title: &str) -> Result<u64> {
        let issues = self.issues(links);
        let newest = issues.len.checked_sub(1).map(|last| issues.get(last));
        drop(issues);
        let newest = newest.ok_or_else(|| unknown(0))?;
        let old = newest["id"].as_u64().unwrap_or_default();
        let id = old + 1;
        // The links name the id; nothing else in an issue looks like these.
        let renumbered = newest
            .to_string()
            .replace(&format!("/issues/{old}\""), &format!("/issues/{id}\""))
            .replace(&format!("/issues/{old}/"), &format!("/issues/{id}/"));
        let mut value: Value = serde_json::from_str(&renumbered)
            .map_err(|error| SimulatorError::Options(error.to_string()))?;
        let when = now();
        value["id"] = json!(id);
        value["title"] = json!(title);
        value["state"] = json!("new");
        value["created_on"] = json!(when);
        value["updated_on"] = json!(when);
        self.overlay.issues.added.push(value);
        Ok(id)
    }

    pub(super) fn add_issue_comment(
        &mut self,
        links: &Links,
        issue: u64,
        raw: &str,
    ) -> Result<u64> {
        let parent = self.issue(links, issue).ok_or_else(|| unknown(issue))?;
        let comments = &mut self.overlay.issues.comments;
        let added: usize = comments.values().map(Vec::len).sum();
        let id = FIRST_ADDED_COMMENT + count(added);
        let when = now();
        let link = |name: &str| parent["links"][name]["href"].as_str().unwrap_or_default();
        let comment = json!({
            "type": "issue_comment",
            "id": id,
            "issue": {
                "type": "issue", "id": issue, "title": parent["title"],
                "repository": parent["repository"], "links": {"self": parent["links"]["self"]},
            },
            "user": parent["reporter"],
            "content": {"type": "rendered", "raw": raw, "markup": "markdown", "html": text::html(raw)},
            "created_on": when,
            "updated_on": null,
            "links": {
                "self": {"href": format!("{}/{id}", link("comments"))},
                "html": {"href": format!("{}#comment-{id}", link("html"))},
            },
        });
        comments.entry(issue).or_default().push(comment);
        self.overlay.issues.touched.insert(issue, when);
        Ok(id)
    }
}

fn unknown(issue: u64) -> SimulatorError {
    SimulatorError::Unknown {
        kind: "issue",
        name: issue.to_string(),
    }
}
