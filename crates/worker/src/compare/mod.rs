//! What Bitbucket has now, against what the archive has.
//!
//! Lists are asked for by the versions of their objects, and no further than a bound: an
//! archive of four hundred repositories is compared within the quota of an hour or two.

mod downloads;
mod issues;
mod pull_requests;
mod refs;
mod seen;

use bucketload_archive::{StoredImport, StoredRepository};
use bucketload_bitbucket::{RequestError, RequestErrorKind};
use bucketload_model::{ErrorClass, Stage};
use serde::Serialize;

use crate::Importer;
use crate::failure::{StageError, describe};

/// Pages of one list that are read at most.
const MOST_PAGES: u64 = 10;

/// Something that Bitbucket has and the archive has not, or not in this form.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// The stage that brings it.
    pub stage: Stage,
    /// How many objects.
    pub objects: u64,
    /// What it is, for people.
    pub detail: String,
}

/// Of how many pull requests the version was looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct LookedAt {
    /// Those that were looked at.
    pub pull_requests: u64,
    /// Those that Bitbucket has, where it says.
    pub of: Option<u64>,
}

/// What Bitbucket has now.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Online {
    /// Why Bitbucket does not show the repository any more, if so. Then the archive is what
    /// there is, and nothing is compared.
    pub vanished: Option<String>,
    /// What an import would bring.
    pub behind: Vec<Difference>,
    /// What could not be compared, and why.
    pub unknown: Vec<String>,
    /// How much was compared one by one.
    pub looked_at: Option<LookedAt>,
}

impl Online {
    /// Notes why a list could not be compared, unless it concerns more than that list.
    fn note_unknown(&mut self, what: &str, error: StageError) -> Result<(), StageError> {
        match error {
            StageError::Request(error) if is_about_one_list(&error) => {
                self.unknown.push(format!("{what}: {}", describe(&*error)));
                Ok(())
            }
            error => Err(error),
        }
    }
}

/// A question that is not understood (400) is one about a list, too.
fn is_about_one_list(error: &RequestError) -> bool {
    error.class().is_about_one_list()
        || matches!(error.kind, RequestErrorKind::Status { status: 400, .. })
}

/// What is compared, and how.
struct Comparison<'a> {
    importer: &'a Importer,
    repository: &'a StoredRepository,
    /// The repository as Bitbucket shows it now.
    shown: &'a str,
    /// Which part of the pull requests is looked at.
    sample: f64,
    latest: Option<StoredImport>,
}

impl Comparison<'_> {
    /// Whether the archive is meant to have what a stage brings: whoever left it out knows.
    fn is_wanted(&self, stage: Stage) -> bool {
        let latest = self.latest.as_ref();
        latest.is_none_or(|import| import.stages.contains(&stage))
    }

    /// The same of a list, which an earlier import may have read.
    async fn is_list_wanted(&self, stage: Stage) -> Result<bool, StageError> {
        let archive = &self.importer.archive;
        let covered = archive.covered_list(&self.repository.uuid, stage).await?;
        Ok(covered.is_some() || self.is_wanted(stage))
    }
}

impl Importer {
    /// Compares the archive with what Bitbucket shows now: the versions of pull requests and
    /// issues, the list of downloads, and refs. `sample` is the part of the pull requests that
    /// is looked at one by one; another one comes each day. Of the rest that is found which
    /// changed since the last import, by Bitbucket's own word. Nothing is read in whole, so an
    /// edited comment is seen by the change of what it stands on, if at all.
    ///
    /// # Errors
    ///
    /// When Bitbucket cannot be asked, or the database fails.
    pub async fn compare(
        &self,
        repository: &StoredRepository,
        sample: f64,
    ) -> Result<Online, StageError> {
        let mut online = Online::default();
        let answer = match self.client.repository(&repository.name).await {
            Ok(answer) if answer.item.value.uuid != repository.uuid => {
                online.vanished = Some("another repository has its name now".to_owned());
                return Ok(online);
            }
            Ok(answer) => answer,
            Err(error) if matches!(error.class(), ErrorClass::NotFound | ErrorClass::Gone) => {
                online.vanished = Some(describe(&error));
                return Ok(online);
            }
            Err(error) => return Err(error.into()),
        };
        let comparison = Comparison {
            importer: self,
            repository,
            shown: answer.item.source.get(),
            sample,
            latest: self.archive.latest_import(&repository.name).await?,
        };
        if let Err(error) = comparison.pull_requests(&mut online).await {
            online.note_unknown("pull requests", error)?;
        }
        if let Err(error) = comparison.issues(&mut online).await {
            online.note_unknown("issues", error)?;
        }
        if let Err(error) = comparison.downloads(&mut online).await {
            online.note_unknown("downloads", error)?;
        }
        self.compare_refs(repository, &mut online).await?;
        Ok(online)
    }
}
