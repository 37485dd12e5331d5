//! A look at a history before it is fetched: commits without their files.

use std::fs;
use std::path::{Path, PathBuf};

use git2::{ObjectType, Odb, Oid, Repository};

use super::super::carrier::{Carrier, Extent};
use super::super::error::MirrorError;
use super::super::sweep::INCOMING;

/// Commits and tags in a folder of their own, which goes with it.
pub(super) struct Survey {
    repository: Repository,
    folder: PathBuf,
}

impl Survey {
    /// Asks for the commits at `wants` or behind them. `None` where they cannot be
    /// had without their files.
    pub(super) fn ask(
        carrier: &mut dyn Carrier,
        mirror: &Path,
        wants: &[Oid],
        extent: Extent,
    ) -> Result<Option<Self>, MirrorError> {
        let folder = mirror.join(INCOMING).join("survey");
        let pack = folder.join("pack");
        fs::create_dir_all(&pack).map_err(MirrorError::io("create", &pack))?;
        let answer = carrier.survey(wants, extent, &folder);
        let survey = match answer {
            Ok(true) => open(&folder).map(|repository| Self {
                repository,
                folder: folder.clone(),
            }),
            Ok(false) => None,
            Err(error) if error.another_transport_may_help() => {
                tracing::info!(
                    error = &error as &dyn std::error::Error,
                    "the git server does not show commits without their files"
                );
                None
            }
            Err(error) => return Err(error),
        };
        if survey.is_none() {
            remove(&folder);
        }
        Ok(survey)
    }

    /// When the commit at `id`, or behind the tag there, was made.
    pub(super) fn made_at(&self, id: Oid) -> Option<i64> {
        let object = self.repository.find_object(id, None).ok()?;
        let commit = object.peel(ObjectType::Commit).ok()?.into_commit().ok()?;
        Some(commit.time().seconds())
    }

    /// The first parents behind `tip`, oldest first.
    pub(super) fn first_parents(&self, tip: Oid) -> Result<Vec<Oid>, git2::Error> {
        let mut walk = self.repository.revwalk()?;
        walk.simplify_first_parent()?;
        walk.push(tip)?;
        let mut line = walk.collect::<Result<Vec<_>, _>>()?;
        line.reverse();
        Ok(line)
    }
}

impl Drop for Survey {
    fn drop(&mut self) {
        remove(&self.folder);
    }
}

fn open(folder: &Path) -> Option<Repository> {
    let database = Odb::new().ok()?;
    database.add_disk_alternate(folder.to_str()?).ok()?;
    Repository::from_odb(database).ok()
}

fn remove(folder: &Path) {
    // What is left of it is swept by the next update.
    let _ = fs::remove_dir_all(folder);
}
