//! Workspaces and the people in them.

use super::links::{Links, rewrite};
use super::repository::Repository;
use crate::seeded::SeededWorkspace;
use serde_json::{Value, json};
use std::sync::Arc;

/// A workspace with its repositories.
#[derive(Debug)]
pub(crate) struct Workspace {
    pub(crate) slug: String,
    pub(crate) uuid: String,
    pub(crate) name: String,
    pub(crate) people: People,
    pub(crate) repositories: Vec<Repository>,
}

/// The members of a workspace.
#[derive(Debug)]
pub(crate) enum People {
    Seeded(Arc<SeededWorkspace>),
    /// Everybody whom the recordings mention.
    Recorded(Vec<Value>),
}

impl Workspace {
    pub(crate) fn is(&self, selector: &str) -> bool {
        self.slug.eq_ignore_ascii_case(selector) || self.uuid == selector
    }

    pub(crate) fn members(&self, links: &Links) -> Vec<Value> {
        match &self.people {
            People::Seeded(workspace) => workspace
                .members
                .iter()
                .map(|account| account.json(links))
                .collect(),
            People::Recorded(people) => people
                .iter()
                .map(|person| {
                    let mut person = person.clone();
                    rewrite(&mut person, links);
                    person
                })
                .collect(),
        }
    }

    /// The account that is a member of no workspace.
    pub(crate) fn outsider(&self, links: &Links) -> Option<Value> {
        match &self.people {
            People::Seeded(workspace) => Some(workspace.outsider.json(links)),
            People::Recorded(_) => None,
        }
    }

    /// One account, as `/users/{selected_user}` shows it, by UUID or account id.
    pub(crate) fn account(&self, links: &Links, selector: &str) -> Option<Value> {
        match &self.people {
            People::Seeded(workspace) => workspace
                .members
                .iter()
                .chain([&workspace.outsider])
                .find(|account| account.is(selector))
                .map(|account| account.full_json(links)),
            People::Recorded(_) => self
                .members(links)
                .into_iter()
                .find(|account| account["uuid"] == selector || account["account_id"] == selector),
        }
    }

    /// The account behind the author of a commit. Bitbucket matches addresses; seeded people have
    /// their nickname at `example.com`.
    pub(crate) fn committer(&self, links: &Links, author: &str) -> Option<Value> {
        let People::Seeded(workspace) = &self.people else {
            return None;
        };
        let (_, address) = author.rsplit_once('<')?;
        let nickname = address.strip_suffix("@example.com>")?;
        let found = workspace
            .members
            .iter()
            .find(|account| account.nickname == nickname)?;
        Some(found.json(links))
    }

    pub(crate) fn rename_account(&mut self, selector: &str, display_name: &str) -> bool {
        let mut found = false;
        match &mut self.people {
            People::Seeded(workspace) => {
                for member in &mut Arc::make_mut(workspace).members {
                    if member.is(selector) {
                        display_name.clone_into(&mut member.display_name);
                        found = true;
                    }
                }
            }
            People::Recorded(people) => {
                for person in people {
                    if person["uuid"] == selector || person["account_id"] == selector {
                        person["display_name"] = json!(display_name);
                        found = true;
                    }
                }
            }
        }
        for repository in &mut self.repositories {
            repository.content.rename_account(selector, display_name);
            repository.overlay.rename_account(selector, display_name);
        }
        found
    }

    pub(crate) fn short_json(&self, links: &Links) -> Value {
        short_json(&self.slug, &self.uuid, &self.name, links)
    }

    pub(crate) fn json(&self, links: &Links) -> Value {
        let mut value = self.short_json(links);
        let (api, slug) = (
            format!("{}/workspaces/{}", links.api, self.slug),
            &self.slug,
        );
        let link = |href: String| json!({"href": href});
        value["links"]["members"] = link(format!("{api}/members"));
        value["links"]["owners"] = link(format!("{api}/members?q=permission%3D%22owner%22"));
        value["links"]["projects"] = link(format!("{api}/projects"));
        value["links"]["repositories"] = link(format!("{}/repositories/{slug}", links.api));
        value["links"]["snippets"] = link(format!("{}/snippets/{slug}", links.api));
        value["is_private"] = json!(false);
        value["is_privacy_enforced"] = json!(false);
        value["forking_mode"] = json!("allow_forks");
        value["created_on"] = json!("2015-06-01T09:00:00.123456+00:00");
        value
    }

    /// The projects that the repositories name, each once.
    pub(crate) fn projects(&self, links: &Links) -> Vec<Value> {
        let mut projects: Vec<Value> = Vec::new();
        for repository in &self.repositories {
            let project = repository.json(links)["project"].take();
            if project.is_object()
                && !projects
                    .iter()
                    .any(|known| known["uuid"] == project["uuid"])
            {
                projects.push(project);
            }
        }
        projects
    }
}

pub(crate) fn short_json(slug: &str, uuid: &str, name: &str, links: &Links) -> Value {
    json!({
        "type": "workspace",
        "uuid": uuid,
        "name": name,
        "slug": slug,
        "links": {
            "avatar": {"href": format!("{}/workspaces/{slug}/avatar/?ts=1451606400", links.web)},
            "html": {"href": format!("{}/{slug}/", links.web)},
            "self": {"href": format!("{}/workspaces/{slug}", links.api)},
        },
    })
}
