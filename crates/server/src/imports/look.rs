//! Reading imports as they are: one whose process is gone does not run, whatever its row
//! still says.

use std::collections::{BTreeMap, HashMap};

use bucketload_archive::{DatabaseError, ImportFilter, ImportLine, ImportSummary, Lost};
use bucketload_model::{ImportId, ImportState};

use crate::service::Service;

/// A page of imports.
#[derive(Debug)]
pub(crate) struct Lines {
    pub(crate) lines: Vec<ImportLine>,
    /// Where the next page begins, if there is one.
    pub(crate) next: Option<ImportId>,
}

impl Service {
    async fn lost(&self) -> Result<BTreeMap<ImportId, Lost>, DatabaseError> {
        let data_dir = &self.health.data_dir;
        self.archive.lost_imports(data_dir, self.now()).await
    }

    /// Imports that a filter lets through, at most `length` of them.
    pub(crate) async fn lines(
        &self,
        mut filter: ImportFilter,
        length: u32,
    ) -> Result<Lines, DatabaseError> {
        let lost = self.lost().await?;
        filter.lost = lost.iter().map(|(id, lost)| (*id, lost.state)).collect();
        filter.limit = Some(length.saturating_add(1));
        let mut summaries = self.archive.imports(&filter).await?;
        let has_more = summaries.len() > length as usize;
        summaries.truncate(length as usize);
        let next = summaries.last().map(|last| last.id);
        Ok(Lines {
            lines: self.lines_of(summaries, &lost).await?,
            next: next.filter(|_| has_more),
        })
    }

    /// Imports that a filter lets through, in short and as they are.
    pub(crate) async fn latest(
        &self,
        filter: ImportFilter,
    ) -> Result<Vec<ImportSummary>, DatabaseError> {
        let lost = self.lost().await?;
        let mut summaries = self.archive.imports(&filter).await?;
        for summary in &mut summaries {
            if let Some(lost) = lost.get(&summary.id) {
                lost.tell_line(summary);
            }
        }
        Ok(summaries)
    }

    /// These imports.
    pub(crate) async fn lines_by_id(
        &self,
        imports: &[ImportId],
    ) -> Result<Vec<ImportLine>, DatabaseError> {
        let summaries = self.archive.import_summaries(imports).await?;
        self.lines_of(summaries, &self.lost().await?).await
    }

    /// The ids of all imports that a filter lets through, at most `limit`.
    pub(crate) async fn matching(
        &self,
        mut filter: ImportFilter,
        limit: u32,
    ) -> Result<Vec<ImportId>, DatabaseError> {
        let lost = self.lost().await?;
        filter.lost = lost.iter().map(|(id, lost)| (*id, lost.state)).collect();
        filter.limit = Some(limit);
        let summaries = self.archive.imports(&filter).await?;
        Ok(summaries.into_iter().map(|one| one.id).collect())
    }

    /// How many imports stand so, of those that a filter lets through whatever states it
    /// names.
    pub(crate) async fn counts(
        &self,
        filter: &ImportFilter,
    ) -> Result<HashMap<ImportState, u64>, DatabaseError> {
        let mut counts = self.archive.count_by_state(filter).await?;
        let lost = self.lost().await?;
        if lost.is_empty() {
            return Ok(counts);
        }
        let anywhere = ImportFilter {
            states: vec![ImportState::Running, ImportState::Cancelling],
            ..filter.clone()
        };
        for import in self.archive.imports(&anywhere).await? {
            if let Some(lost) = lost.get(&import.id) {
                if let Some(count) = counts.get_mut(&import.state) {
                    *count = count.saturating_sub(1);
                }
                *counts.entry(lost.state).or_default() += 1;
            }
        }
        Ok(counts)
    }

    async fn lines_of(
        &self,
        mut summaries: Vec<ImportSummary>,
        lost: &BTreeMap<ImportId, Lost>,
    ) -> Result<Vec<ImportLine>, DatabaseError> {
        for summary in &mut summaries {
            if let Some(lost) = lost.get(&summary.id) {
                lost.tell_line(summary);
            }
        }
        self.archive.import_lines(summaries).await
    }
}
