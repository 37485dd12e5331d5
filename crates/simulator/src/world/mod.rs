//! The world that a simulator shows, and the changes that a test makes to it.

pub(crate) mod content;
mod issue_mutation;
pub(crate) mod links;
mod mutation;
pub(crate) mod overlay;
pub(crate) mod person;
pub(crate) mod repository;
pub(crate) mod workspace;

pub use mutation::{Mutated, Mutation};

use crate::error::{Result, SimulatorError};
use crate::http::list::Orders;
use crate::replay::ReplayOptions;
use crate::seeded::SeedOptions;
use repository::Repository;
use workspace::{People, Workspace};

/// Workspaces, their people and their repositories, with a folder for the bare ones.
#[derive(Debug)]
pub struct World {
    pub(crate) seed: u64,
    pub(crate) workspaces: Vec<Workspace>,
    pub(crate) orders: Orders,
    /// Removed with the world.
    folder: tempfile::TempDir,
}

impl World {
    /// A world computed from a seed. Takes no longer for 50,000 pull requests than for 5.
    ///
    /// # Errors
    ///
    /// When git is missing, a path in [`SeedOptions::git`] is no repository, or names none of
    /// this world.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "options are written where they are used"
    )]
    pub fn seeded(options: SeedOptions) -> Result<Self> {
        let folder = folder()?;
        let (workspace, repositories) = crate::seeded::build(&options, folder.path())?;
        let repositories = repositories
            .into_iter()
            .map(|repository| {
                let git = std::sync::Arc::clone(&repository.git);
                let (slug, uuid) = (repository.slug.clone(), repository.uuid.clone());
                let is_private = repository.is_private;
                let wiki = repository.wiki.clone();
                Repository {
                    wiki,
                    ..Repository::new(slug, uuid, is_private, git, Box::new(repository))
                }
            })
            .collect();
        let workspace = Workspace {
            slug: workspace.slug.clone(),
            uuid: workspace.uuid.clone(),
            name: workspace.slug.clone(),
            people: People::Seeded(workspace),
            repositories,
        };
        Ok(Self {
            seed: options.seed,
            workspaces: vec![workspace],
            orders: Orders::default(),
            folder,
        })
    }

    /// A world that answers what was recorded.
    ///
    /// # Errors
    ///
    /// When a file cannot be read, or holds no repository, or a path in
    /// [`ReplayOptions::git`] is no repository or names none of the recorded ones.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "options are written where they are used"
    )]
    pub fn replay(options: ReplayOptions) -> Result<Self> {
        let folder = folder()?;
        let workspaces = crate::replay::build(&options, folder.path())?;
        Ok(Self {
            seed: 0,
            workspaces,
            orders: Orders::default(),
            folder,
        })
    }

    /// `workspace/slug` of every repository.
    pub fn repositories(&self) -> Vec<String> {
        self.workspaces
            .iter()
            .flat_map(|workspace| {
                workspace
                    .repositories
                    .iter()
                    .map(move |repository| format!("{}/{}", workspace.slug, repository.slug))
            })
            .collect()
    }

    /// Where its files are.
    pub(crate) fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }

    /// A workspace by slug or by UUID in braces.
    pub(crate) fn workspace(&self, selector: &str) -> Option<&Workspace> {
        self.workspaces
            .iter()
            .find(|workspace| workspace.is(selector))
    }

    /// A repository by slug or UUID; with a UUID the workspace may be `{}`.
    pub(crate) fn find(
        &self,
        workspace: &str,
        repository: &str,
    ) -> Option<(&Workspace, &Repository)> {
        self.workspaces
            .iter()
            .filter(|known| known.is(workspace) || workspace == "{}" && repository.starts_with('{'))
            .find_map(|known| {
                known
                    .repositories
                    .iter()
                    .find(|known| !known.gone && known.is(repository))
                    .map(|found| (known, found))
            })
    }

    fn find_mut(&mut self, full_name: &str) -> Result<&mut Repository> {
        let unknown = || SimulatorError::Unknown {
            kind: "repository",
            name: full_name.to_owned(),
        };
        let (workspace, slug) = full_name.split_once('/').ok_or_else(unknown)?;
        self.workspaces
            .iter_mut()
            .filter(|known| known.is(workspace))
            .flat_map(|known| known.repositories.iter_mut())
            .find(|known| known.is(slug))
            .ok_or_else(unknown)
    }
}

fn folder() -> Result<tempfile::TempDir> {
    tempfile::Builder::new()
        .prefix("bucketload-simulator-")
        .tempdir()
        .map_err(|source| SimulatorError::File {
            path: "the temporary folder".into(),
            source,
        })
}
