//! The workspace of a seeded world and what is made of its options.

use super::account::Account;
use super::dice::{Dice, count};
use super::{SeedOptions, SeededRepository};
use crate::error::{Result, SimulatorError};
use crate::git::GitRepository;
use crate::git::build::Recipe;
use crate::world::links::Links;
use serde_json::{Value, json};
use std::path::Path;
use std::sync::Arc;

/// What the repositories of a workspace share.
#[derive(Debug, Clone)]
pub(crate) struct SeededWorkspace {
    pub(crate) slug: String,
    pub(crate) uuid: String,
    pub(crate) project_uuid: String,
    pub(crate) members: Vec<Account>,
    /// Somebody with an account and no workspace.
    pub(crate) outsider: Account,
}

const SLUGS: &[&str] = &[
    "lighthouse",
    "harbour",
    "compass",
    "anchor",
    "beacon",
    "keel",
    "rudder",
    "sextant",
];

/// The workspace and its repositories; bare repositories go under `folder`.
pub(crate) fn build(
    options: &SeedOptions,
    folder: &Path,
) -> Result<(Arc<SeededWorkspace>, Vec<SeededRepository>)> {
    if options.members == 0 {
        return Err(SimulatorError::Options(
            "a workspace has at least one member".to_owned(),
        ));
    }
    let dice = Dice::new(options.seed);
    let workspace = Arc::new(SeededWorkspace {
        slug: options.workspace.clone(),
        uuid: dice.uuid("workspace"),
        project_uuid: dice.uuid("project"),
        members: Account::members(dice, options.members),
        outsider: Account::outsider(dice),
    });
    let mut slugs: Vec<String> = (0..options.repositories)
        .map(|number| {
            SLUGS.get(number).map_or_else(
                || format!("repository-{}", number + 1),
                |slug| (*slug).to_owned(),
            )
        })
        .collect();
    if options.empty_repository {
        slugs.push("empty".to_owned());
    }
    if let Some(name) = options.git.keys().find(|name| {
        !slugs
            .iter()
            .any(|slug| **name == format!("{}/{slug}", options.workspace))
    }) {
        return Err(SimulatorError::Unknown {
            kind: "repository",
            name: name.clone(),
        });
    }
    let mut repositories = Vec::new();
    for (number, slug) in slugs.into_iter().enumerate() {
        let is_empty = number == options.repositories;
        let dice = dice.named("repository").with(count(number));
        let git = match options.git.get(&format!("{}/{slug}", options.workspace)) {
            Some(path) => GitRepository::existing(path)?,
            None => GitRepository::new(
                folder.join(format!("{slug}.git")),
                Recipe {
                    dice: dice.named("git"),
                    commits: if is_empty { 0 } else { options.git_commits },
                    bytes_per_commit: options.git_bytes_per_commit,
                },
            ),
        };
        if number == 0 {
            // The others are built when they are first asked for: a workspace of 400
            // repositories starts at once. This one shows whether git works at all.
            git.prepare()?;
        }
        let is_private = !is_empty && number + options.private_repositories >= options.repositories;
        let wiki = (options.wiki && number == 0 && !is_empty).then(|| {
            let recipe = Recipe {
                dice: dice.named("wiki"),
                commits: 3,
                bytes_per_commit: 0,
            };
            let path = folder.join(format!("{slug}.wiki.git"));
            Arc::new(GitRepository::new(path, recipe))
        });
        let mut repository = SeededRepository::new(
            number,
            slug,
            dice,
            Arc::clone(&workspace),
            Arc::new(git),
            is_private,
            if is_empty {
                SeedOptions {
                    pull_requests: 0,
                    ..options.clone()
                }
            } else {
                options.clone()
            },
        );
        repository.wiki = wiki;
        repositories.push(repository);
    }
    Ok((workspace, repositories))
}

impl SeededWorkspace {
    pub(crate) fn project(&self, links: &Links) -> Value {
        let slug = &self.slug;
        json!({
            "type": "project", "key": "SEA", "uuid": self.project_uuid, "name": "Seaside",
            "links": {
                "self": {"href": format!("{}/workspaces/{slug}/projects/SEA", links.api)},
                "html": {"href": format!("{}/{slug}/workspace/projects/SEA", links.web)},
                "avatar": {"href": format!("{}/{slug}/workspace/projects/SEA/avatar/32?ts=1451606400", links.web)},
            },
        })
    }
}
