//! Worlds of recorded answers.

mod load;
mod repository;

use crate::error::{Result, SimulatorError};
use crate::git::GitRepository;
use crate::git::build::Recipe;
use crate::seeded::dice::Dice;
use crate::world::repository::Repository;
use crate::world::workspace::{People, Workspace};
use load::Recording;
use repository::RecordedRepository;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Which recordings to answer from.
#[derive(Debug, Clone, Default)]
pub struct ReplayOptions {
    /// `.jsonl.gz` files with one `{"url": …, "body": …}` per line.
    pub files: Vec<PathBuf>,
    /// Bare (or other) repositories on disk by `workspace/slug`; the others are empty.
    pub git: BTreeMap<String, PathBuf>,
    /// Answers recorded issues instead of 410, as before 20 August 2026.
    pub issues: bool,
}

/// The workspaces of all files; bare repositories go under `folder`.
pub(crate) fn build(options: &ReplayOptions, folder: &Path) -> Result<Vec<Workspace>> {
    let mut recordings: BTreeMap<String, Recording> = BTreeMap::new();
    for file in &options.files {
        load::load(file, &mut recordings)?;
    }
    if let Some(name) = options
        .git
        .keys()
        .find(|name| !recordings.contains_key(*name))
    {
        return Err(SimulatorError::Unknown {
            kind: "repository",
            name: name.clone(),
        });
    }
    let mut workspaces: Vec<Workspace> = Vec::new();
    for (full_name, recording) in recordings {
        let (workspace_slug, slug) = full_name.split_once('/').unwrap_or((&full_name, ""));
        let object = recording.objects.get("").cloned().ok_or_else(|| {
            SimulatorError::Options(format!(
                "the recording of {full_name} lacks the repository itself"
            ))
        })?;
        let git = match options.git.get(&full_name) {
            Some(path) => GitRepository::existing(path)?,
            None => GitRepository::new(
                folder.join(workspace_slug).join(format!("{slug}.git")),
                Recipe {
                    dice: Dice::new(0),
                    commits: 0,
                    bytes_per_commit: 0,
                },
            ),
        };
        let people = recording.people();
        let content = RecordedRepository::new(full_name.clone(), recording, options.issues);
        let repository = Repository::new(
            slug.to_owned(),
            text(&object["uuid"]),
            object["is_private"] == true,
            Arc::new(git),
            Box::new(content),
        );
        let position = workspaces
            .iter()
            .position(|known| known.slug == workspace_slug);
        let position = position.unwrap_or_else(|| {
            workspaces.push(Workspace {
                slug: workspace_slug.to_owned(),
                uuid: text(&object["owner"]["uuid"]),
                name: text(&object["owner"]["display_name"]),
                people: People::Recorded(Vec::new()),
                repositories: Vec::new(),
            });
            workspaces.len() - 1
        });
        let workspace = &mut workspaces[position];
        workspace.repositories.push(repository);
        if let People::Recorded(known) = &mut workspace.people {
            for person in people {
                if !known.iter().any(|known| known["uuid"] == person["uuid"]) {
                    known.push(person);
                }
            }
        }
    }
    Ok(workspaces)
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
