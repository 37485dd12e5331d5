//! Everything an import needs.

use std::sync::Arc;

use bucketload_archive::mirror::TransportKind;
use bucketload_archive::{Archive, DataDir, DatabaseError, Tagged};
use bucketload_bitbucket::{Client, EntityTag};
use bucketload_model::{Clock, ProgressSink, Stage};
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::queue::Asker;
use crate::run::LeaseTimes;

/// Imports repositories into one archive with one credential.
#[derive(Debug, Clone)]
pub struct Importer {
    /// Where to.
    pub archive: Archive,
    /// Where the mirrors lie.
    pub data_dir: DataDir,
    /// Where from.
    pub client: Client,
    /// The root of git addresses, such as `https://bitbucket.org`.
    pub web_url: Url,
    /// Whether lists are read whole, although only what changed would do.
    pub whole_lists: bool,
    /// How large a file may be: an attachment, a download.
    pub max_blob_bytes: u64,
    /// Hosts besides Bitbucket's own that images in texts may come from.
    pub image_hosts: Vec<String>,
    /// Who brings git objects.
    pub transport: TransportKind,
    /// First clones of repositories that Bitbucket says to be larger come in
    /// segments; 0 for all of them.
    pub segment_above_bytes: u64,
    /// Who watches.
    pub sink: Arc<dyn ProgressSink>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Who asks for the imports that are not asked for through the queue, if it is known.
    pub asked_by: Option<Asker>,
    /// How leases are kept.
    pub times: LeaseTimes,
    /// Cancelled to come to an end: the page that is under way is stored, nothing more is
    /// begun, and the import can be resumed.
    pub cancel: CancellationToken,
}

impl Importer {
    /// The tag that an address last gave, if what came with it is stored, and what is
    /// stored may stand in for it.
    pub(crate) async fn entity_tag(
        &self,
        url: &str,
        of: Tagged<'_>,
    ) -> Result<Option<EntityTag>, DatabaseError> {
        if self.whole_lists {
            return Ok(None);
        }
        let tag = self.archive.entity_tag(url, of).await?;
        Ok(tag.as_deref().and_then(EntityTag::new))
    }
}

/// Which stages an import has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selection {
    stages: Vec<Stage>,
}

/// A selection that cannot be run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SelectionError {
    /// A stage that every import needs was left out.
    #[error("the stage {0} is part of every import and cannot be skipped")]
    Needed(Stage),
    /// Nothing is left.
    #[error("no stage is left to run")]
    Empty,
}

impl Default for Selection {
    /// Every usual stage.
    fn default() -> Self {
        let stages = Stage::ALL.iter().copied();
        Self {
            stages: stages.filter(|stage| stage.is_usual()).collect(),
        }
    }
}

impl Selection {
    /// The stages of `only`, or all usual ones if it is empty, without those of `skip`.
    /// The stages that every import needs are always in it.
    ///
    /// # Errors
    ///
    /// When nothing is left, or `skip` names a stage that every import needs.
    pub fn new(only: &[Stage], skip: &[Stage]) -> Result<Self, SelectionError> {
        if let Some(needed) = skip.iter().find(|stage| !stage.is_optional()) {
            return Err(SelectionError::Needed(*needed));
        }
        let wanted = |stage: &Stage| {
            !stage.is_optional()
                || (if only.is_empty() {
                    stage.is_usual()
                } else {
                    only.contains(stage)
                } && !skip.contains(stage))
        };
        let stages: Vec<Stage> = Stage::ALL.iter().copied().filter(wanted).collect();
        let is_empty = !stages.iter().any(|stage| stage.is_optional());
        if is_empty && only.is_empty() {
            return Err(SelectionError::Empty);
        }
        Ok(Self { stages })
    }

    /// The same with these stages too.
    #[must_use]
    pub fn with(self, more: &[Stage]) -> Self {
        let stages = Stage::ALL.iter().copied();
        let wanted = |stage: &Stage| self.contains(*stage) || more.contains(stage);
        Self {
            stages: stages.filter(wanted).collect(),
        }
    }

    /// The stages, in order.
    pub fn stages(&self) -> &[Stage] {
        &self.stages
    }

    /// Whether a stage is in it.
    pub fn contains(&self, stage: Stage) -> bool {
        self.stages.contains(&stage)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_and_skip_keep_what_every_import_needs() {
        let selection = Selection::new(&[Stage::Git], &[]).unwrap();
        assert_eq!(
            selection.stages(),
            [Stage::Repository, Stage::Git, Stage::Finish]
        );
        let selection = Selection::new(&[], &[Stage::Git]).unwrap();
        assert!(!selection.contains(Stage::Git));
        assert!(selection.contains(Stage::PullRequests));
    }

    #[test]
    fn what_costs_most_is_run_on_request() {
        let statuses = Stage::PullRequestStatuses;
        assert!(!Selection::default().contains(statuses));
        assert!(
            !Selection::new(&[], &[Stage::Git])
                .unwrap()
                .contains(statuses)
        );
        assert!(Selection::new(&[statuses], &[]).unwrap().contains(statuses));
        let all = Selection::default().with(&[statuses]);
        assert_eq!(all.stages(), Stage::ALL);
    }

    #[test]
    fn what_cannot_be_skipped_is_named() {
        assert_eq!(
            Selection::new(&[], &[Stage::Repository]),
            Err(SelectionError::Needed(Stage::Repository))
        );
        let optional: Vec<_> = Stage::ALL
            .iter()
            .copied()
            .filter(|s| s.is_optional())
            .collect();
        assert_eq!(Selection::new(&[], &optional), Err(SelectionError::Empty));
    }
}
