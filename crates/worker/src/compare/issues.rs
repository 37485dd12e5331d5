//! Issues, where a tracker still answers.

use bucketload_model::Stage;

use super::seen::{Seen, difference};
use super::{Comparison, MOST_PAGES, Online};
use crate::failure::StageError;
use crate::stages::has_issues;

const STAGE: Stage = Stage::Issues;

impl Comparison<'_> {
    /// By their number, and by those that changed: what is written on an issue moves its time.
    pub(super) async fn issues(&self, online: &mut Online) -> Result<(), StageError> {
        let archive = &self.importer.archive;
        let uuid = &self.repository.uuid;
        let stored = archive.tally_issues(uuid).await?.online.issues;
        let is_there = has_issues(self.shown).unwrap_or(stored > 0);
        if !is_there || !self.is_list_wanted(STAGE).await? {
            return Ok(());
        }
        let client = &self.importer.client;
        let (endpoint, first) = client.issues(&self.repository.name);
        let size = client.size(endpoint, &first).await?;
        let mut seen = Seen::default();
        if let Some(covered) = archive.covered_list(uuid, STAGE).await? {
            let changes = client.issues_changed_since(&self.repository.name, covered.until);
            seen.read(self, STAGE, changes, MOST_PAGES).await?;
        }
        let missing = size.map_or(0, |size| size.saturating_sub(stored));
        let new = seen.new.max(missing);
        let behind = difference(STAGE, "issues", size, new, seen.changed);
        online.behind.extend(behind);
        Ok(())
    }
}
