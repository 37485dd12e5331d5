//! What imports did: one, or many at once in a few queries.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use bucketload_model::{
    Gap, GitReport, ImportId, ImportReport, ImportState, RequestEstimate, RequestReport, Stage,
    StageReport, StageState,
};
use chrono::{DateTime, Utc};

use super::gaps::{GapRow, SELECT_GAPS};
use super::imports::{ImportRow, SELECT_IMPORTS, StoredImport, inconsistent};
use super::sql::{StatementBuilder, statement};
use super::stages::not_begun;
use super::{Archive, DatabaseError, unsigned};
use crate::DataDir;

/// Imports of one query. Databases have a limit for values, and memory is not endless.
const BATCH: usize = 500;

/// The latest import of every repository.
#[derive(Debug, Clone, PartialEq)]
pub struct Overview {
    /// Those that were asked for last, the latest first.
    pub imports: Vec<ImportReport>,
    /// How many there are in all.
    pub total: u64,
    /// How many of all stand so; states that none has are left out.
    pub by_state: Vec<(ImportState, u64)>,
}

#[derive(sqlx::FromRow)]
pub(super) struct StageRow {
    pub(super) import_id: String,
    stage: String,
    state: String,
    expected: Option<i64>,
    stored: i64,
    missing: i64,
    left_out: Option<i64>,
    duration_ms: i64,
    requests_min: Option<i64>,
    requests_max: Option<i64>,
}

impl TryFrom<StageRow> for StageReport {
    type Error = DatabaseError;

    fn try_from(row: StageRow) -> Result<Self, Self::Error> {
        let wrong = |column, value: &str| inconsistent("import_stages", column, value);
        let estimate = |(min, max)| RequestEstimate {
            min: unsigned(min),
            max: unsigned(max),
        };
        Ok(Self {
            name: row.stage.parse().map_err(|_| wrong("stage", &row.stage))?,
            state: row.state.parse().map_err(|_| wrong("state", &row.state))?,
            expected: row.expected.map(unsigned),
            stored: unsigned(row.stored),
            missing: unsigned(row.missing),
            left_out: row.left_out.map_or(0, unsigned),
            seconds: Duration::from_millis(unsigned(row.duration_ms)).as_secs_f64(),
            requests_estimated: row.requests_min.zip(row.requests_max).map(estimate),
        })
    }
}

pub(super) const SELECT_STAGES: &str = "select import_id, stage, state, expected, stored, missing,
    left_out, duration_ms, requests_min, requests_max, started_at_ms, ended_at_ms, stored_before,
    transferred_objects, transfer_objects, transferred_bytes from import_stages";

/// What hangs on imports, by import.
#[derive(Default)]
struct Parts {
    stages: HashMap<String, Vec<StageReport>>,
    requests: HashMap<String, BTreeMap<String, u64>>,
    gaps: HashMap<String, Vec<Gap>>,
}

impl Archive {
    /// The whole report of an import, if there is one of that id.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn report(&self, import: ImportId) -> Result<Option<ImportReport>, DatabaseError> {
        Ok(self.reports(&[import]).await?.pop())
    }

    /// The whole reports of imports, in their order. Those that there are not are left out.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn reports(&self, imports: &[ImportId]) -> Result<Vec<ImportReport>, DatabaseError> {
        let mut reports = Vec::with_capacity(imports.len());
        for imports in imports.chunks(BATCH) {
            let ids: Vec<String> = imports.iter().map(ToString::to_string).collect();
            let mut select = StatementBuilder::new(SELECT_IMPORTS);
            select
                .push(" where id in ")
                .push_list(ids.iter().map(String::as_str));
            let rows: Vec<ImportRow> = select.build().fetch_all(&self.reader).await?;
            let rows = rows.into_iter().map(|row| (row.id.clone(), row));
            let mut rows: HashMap<String, ImportRow> = rows.collect();
            let mut parts = self.parts(&ids).await?;
            for id in &ids {
                if let Some(row) = rows.remove(id) {
                    reports.push(parts.report(row)?);
                }
            }
        }
        Ok(reports)
    }

    async fn parts(&self, ids: &[String]) -> Result<Parts, DatabaseError> {
        let mut parts = Parts::default();
        for row in self.stage_rows(ids).await? {
            let of = row.import_id.clone();
            parts.stages.entry(of).or_default().push(row.try_into()?);
        }
        let mut select =
            StatementBuilder::new("select import_id, endpoint, requests from import_requests");
        select
            .push(" where import_id in ")
            .push_list(ids.iter().map(String::as_str));
        let rows: Vec<(String, String, i64)> = select.build().fetch_all(&self.reader).await?;
        for (of, endpoint, count) in rows {
            let requests = parts.requests.entry(of).or_default();
            requests.insert(endpoint, unsigned(count));
        }
        let mut select = StatementBuilder::new(SELECT_GAPS);
        select
            .push(" where import_id in ")
            .push_list(ids.iter().map(String::as_str));
        select.push(" order by object");
        let rows: Vec<GapRow> = select.build().fetch_all(&self.reader).await?;
        for row in rows {
            let of = row.import_id.clone();
            parts.gaps.entry(of).or_default().push(row.try_into()?);
        }
        Ok(parts)
    }

    async fn stage_rows(&self, ids: &[String]) -> Result<Vec<StageRow>, DatabaseError> {
        let mut select = StatementBuilder::new(SELECT_STAGES);
        select
            .push(" where import_id in ")
            .push_list(ids.iter().map(String::as_str));
        select.build().fetch_all(&self.reader).await
    }

    /// Where each stage of an import stands.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn stage_states(
        &self,
        import: ImportId,
    ) -> Result<BTreeMap<Stage, StageState>, DatabaseError> {
        let rows = self.stage_rows(&[import.to_string()]).await?.into_iter();
        rows.map(|row| StageReport::try_from(row).map(|report| (report.name, report.state)))
            .collect()
    }

    /// The latest import of every repository, as they are: one whose process is gone does
    /// not run, whatever its row still says. Reports of the `limit` latest ones, or all.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn overview(
        &self,
        data_dir: &DataDir,
        now: DateTime<Utc>,
        limit: Option<usize>,
    ) -> Result<Overview, DatabaseError> {
        let rows: Vec<(String, String)> = statement(
            "select id, state from imports
             where id in (select max(id) from imports group by workspace, slug)
             order by id desc",
        )
        .fetch_all(&self.reader)
        .await?;
        let lost = self.lost_imports(data_dir, now).await?;
        let mut ids = Vec::with_capacity(rows.len());
        let mut counts: HashMap<ImportState, u64> = HashMap::new();
        for (id, state) in rows {
            let import: ImportId = id.parse().map_err(|_| inconsistent("imports", "id", &id))?;
            let written = state.parse();
            let written = written.map_err(|_| inconsistent("imports", "state", &state))?;
            let state = lost.get(&import).map_or(written, |lost| lost.state);
            *counts.entry(state).or_default() += 1;
            ids.push(import);
        }
        let total = ids.len() as u64;
        ids.truncate(limit.unwrap_or(usize::MAX));
        let mut imports = self.reports(&ids).await?;
        for report in &mut imports {
            if let Some(lost) = lost.get(&report.id) {
                lost.tell(report);
            }
        }
        let by_state = ImportState::ALL.iter();
        let by_state = by_state.filter_map(|state| Some((*state, *counts.get(state)?)));
        Ok(Overview {
            imports,
            total,
            by_state: by_state.collect(),
        })
    }
}

impl Parts {
    fn report(&mut self, row: ImportRow) -> Result<ImportReport, DatabaseError> {
        let stored = StoredImport::try_from(&row)?;
        let by_endpoint = self.requests.remove(&row.id).unwrap_or_default();
        let stages = self.stages.remove(&row.id);
        let mut stages = stages.unwrap_or_else(|| not_begun(&stored.stages));
        stages.sort_by_key(|report| report.name);
        let mut gaps = self.gaps.remove(&row.id).unwrap_or_default();
        gaps.sort_by_key(|gap| gap.stage);
        let estimates: Vec<RequestEstimate> = stages
            .iter()
            .filter_map(|stage| stage.requests_estimated)
            .collect();
        let time = |ms| DateTime::from_timestamp_millis(ms).unwrap_or_default();
        Ok(ImportReport {
            id: stored.id,
            source: stored.name.to_string(),
            state: stored.state,
            requests: RequestReport {
                total: by_endpoint.values().sum(),
                by_endpoint,
                estimated: (!estimates.is_empty()).then(|| estimates.into_iter().sum()),
            },
            stages,
            gaps,
            git: GitReport {
                refs: unsigned(row.git_refs),
                commits: row.git_commits.map(unsigned),
                bytes_received: unsigned(row.git_bytes_received),
            },
            started_at: time(row.started_at_ms),
            finished_at: row.finished_at_ms.map(time),
            waits_until: row.wait_until_ms.map(time),
            error: row.error,
        })
    }
}
