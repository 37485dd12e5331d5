//! The stages of an import that begins.

use bucketload_model::{ImportId, Stage, StageReport, StageState};

use super::sql::StatementBuilder;
use super::{DatabaseError, Transaction};

/// Where every stage of an import stands that has not begun.
fn stage_states(stages: &[Stage]) -> impl Iterator<Item = (Stage, StageState)> {
    Stage::ALL.iter().map(|stage| {
        let state = if stages.contains(stage) {
            StageState::Pending
        } else {
            StageState::Skipped
        };
        (*stage, state)
    })
}

/// The stages of an import that is still in the queue: they get rows when it begins.
pub(super) fn not_begun(stages: &[Stage]) -> Vec<StageReport> {
    let report = |(name, state)| StageReport {
        name,
        state,
        expected: None,
        stored: 0,
        missing: 0,
        left_out: 0,
        seconds: 0.0,
        requests_estimated: None,
    };
    stage_states(stages).map(report).collect()
}

impl Transaction {
    /// Notes the stages of an import that begins; those that are there stay as they are.
    pub(super) async fn put_stages(
        &mut self,
        import: ImportId,
        stages: &[Stage],
    ) -> Result<(), DatabaseError> {
        let mut insert =
            StatementBuilder::new("insert into import_stages (import_id, stage, state) ");
        insert.push_values(stage_states(stages), |row, (stage, state)| {
            row.push_bind(import.to_string())
                .push_bind(stage.name())
                .push_bind(state.name());
        });
        insert.push(" on conflict (import_id, stage) do nothing");
        insert.build().execute(&mut self.inner).await?;
        Ok(())
    }
}
