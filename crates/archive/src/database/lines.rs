//! Imports as lists and pages show them: where each stands, its stages, how much is missing.
//! What is missing in particular, and what it cost, is a matter of reports.

use std::collections::{BTreeMap, HashMap};

use bucketload_model::{Gap, GapReason, ImportId, ImportState, RepositoryName, StageReport};
use chrono::{DateTime, Utc};

use super::gaps::{GapRow, SELECT_GAPS};
use super::imports::inconsistent;
use super::queue::{ImportFilter, ImportSummary};
use super::reports::{SELECT_STAGES, StageRow};
use super::sql::{StatementBuilder, statement};
use super::{Archive, DatabaseError, Transferred, time, unsigned};

/// Imports of one query. Databases have a limit for values.
const BATCH: usize = 500;

/// An import in a list.
#[derive(Debug, Clone, PartialEq)]
pub struct ImportLine {
    /// Where it stands.
    pub summary: ImportSummary,
    /// Its stages, in order; none before it begins.
    pub stages: Vec<StageLine>,
    /// How many gaps it has.
    pub gaps: u64,
}

/// A stage in a list.
#[derive(Debug, Clone, PartialEq)]
pub struct StageLine {
    /// What it did.
    pub report: StageReport,
    /// When its latest attempt began.
    pub started_at: Option<DateTime<Utc>>,
    /// When it last ended.
    pub ended_at: Option<DateTime<Utc>>,
    /// What it had when its latest attempt began.
    pub stored_before: u64,
    /// How far its transfer is, where it has one.
    pub transfer: Option<Transferred>,
}

#[derive(sqlx::FromRow)]
struct LineRow {
    #[sqlx(flatten)]
    stage: StageRow,
    started_at_ms: Option<i64>,
    ended_at_ms: Option<i64>,
    stored_before: Option<i64>,
    transferred_objects: Option<i64>,
    transfer_objects: Option<i64>,
    transferred_bytes: Option<i64>,
}

impl TryFrom<LineRow> for StageLine {
    type Error = DatabaseError;

    fn try_from(row: LineRow) -> Result<Self, Self::Error> {
        let transfer = row.transferred_objects.map(|objects| Transferred {
            objects: unsigned(objects),
            of: row.transfer_objects.map(unsigned),
            bytes: unsigned(row.transferred_bytes.unwrap_or_default()),
        });
        Ok(Self {
            report: row.stage.try_into()?,
            started_at: row.started_at_ms.map(time),
            ended_at: row.ended_at_ms.map(time),
            stored_before: unsigned(row.stored_before.unwrap_or_default()),
            transfer,
        })
    }
}

impl Archive {
    /// Imports with their stages, in the order of their summaries.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn import_lines(
        &self,
        summaries: Vec<ImportSummary>,
    ) -> Result<Vec<ImportLine>, DatabaseError> {
        let mut stages: HashMap<String, Vec<StageLine>> = HashMap::new();
        let mut gaps: HashMap<String, i64> = HashMap::new();
        for batch in summaries.chunks(BATCH) {
            let ids: Vec<String> = batch.iter().map(|one| one.id.to_string()).collect();
            let mut select = StatementBuilder::new(SELECT_STAGES);
            select
                .push(" where import_id in ")
                .push_list(ids.iter().map(String::as_str));
            let rows: Vec<LineRow> = select.build().fetch_all(&self.reader).await?;
            for row in rows {
                let of = row.stage.import_id.clone();
                stages.entry(of).or_default().push(row.try_into()?);
            }
            let mut select =
                StatementBuilder::new("select import_id, count(*) from gaps where import_id in ");
            select.push_list(ids.iter().map(String::as_str));
            select.push(" group by import_id");
            gaps.extend(
                select
                    .build()
                    .fetch_all::<(String, i64)>(&self.reader)
                    .await?,
            );
        }
        let line = |summary: ImportSummary| {
            let id = summary.id.to_string();
            let mut stages = stages.remove(&id).unwrap_or_default();
            stages.sort_by_key(|stage| stage.report.name);
            ImportLine {
                summary,
                stages,
                gaps: gaps.get(&id).copied().map_or(0, unsigned),
            }
        };
        Ok(summaries.into_iter().map(line).collect())
    }

    /// How many of the imports that a filter lets through stand so, whatever states it names.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn count_by_state(
        &self,
        filter: &ImportFilter,
    ) -> Result<HashMap<ImportState, u64>, DatabaseError> {
        let mut select = StatementBuilder::new("select state, count(*) from imports where 1 = 1");
        filter.push_place(&mut select);
        select.push(" group by state");
        let rows: Vec<(String, i64)> = select.build().fetch_all(&self.reader).await?;
        let wrong = |state: &str| inconsistent("imports", "state", state);
        rows.into_iter()
            .map(|(state, count)| Ok((state.parse().map_err(|_| wrong(&state))?, unsigned(count))))
            .collect()
    }

    /// The latest imports of one repository, the latest first, at most `limit`.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn imports_of(
        &self,
        name: &RepositoryName,
        limit: u32,
    ) -> Result<Vec<ImportSummary>, DatabaseError> {
        let ids: Vec<String> = statement(
            "select id from imports where workspace = $1 and slug = $2
             order by id desc limit $3",
        )
        .bind(name.workspace.as_str())
        .bind(name.slug.as_str())
        .bind(i64::from(limit))
        .fetch_all_scalars(&self.reader)
        .await?;
        let wrong = |id: &str| inconsistent("imports", "id", id);
        let ids: Result<Vec<ImportId>, _> = ids
            .iter()
            .map(|id| id.parse().map_err(|_| wrong(id)))
            .collect();
        self.import_summaries(&ids?).await
    }

    /// The requests that an import took, by the kind of thing asked for.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn requests_of(
        &self,
        import: ImportId,
    ) -> Result<BTreeMap<String, u64>, DatabaseError> {
        let rows: Vec<(String, i64)> =
            statement("select endpoint, requests from import_requests where import_id = $1")
                .bind(import.to_string())
                .fetch_all(&self.reader)
                .await?;
        let count = |(endpoint, requests)| (endpoint, unsigned(requests));
        Ok(rows.into_iter().map(count).collect())
    }

    /// The workspaces of which something was asked for, by name.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn imported_workspaces(&self) -> Result<Vec<String>, DatabaseError> {
        statement("select distinct workspace from imports order by workspace")
            .fetch_all_scalars(&self.reader)
            .await
    }

    /// How many gaps of each reason an import has, the most first.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn count_gaps(
        &self,
        import: ImportId,
    ) -> Result<Vec<(GapReason, u64)>, DatabaseError> {
        let rows: Vec<(String, i64)> = statement(
            "select reason, count(*) from gaps where import_id = $1
             group by reason order by count(*) desc, reason",
        )
        .bind(import.to_string())
        .fetch_all(&self.reader)
        .await?;
        let wrong = |reason: &str| inconsistent("gaps", "reason", reason);
        rows.into_iter()
            .map(|(reason, count)| {
                Ok((reason.parse().map_err(|_| wrong(&reason))?, unsigned(count)))
            })
            .collect()
    }

    /// The first gaps of one reason, by stage and object.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn gaps_of_reason(
        &self,
        import: ImportId,
        reason: GapReason,
        limit: u32,
    ) -> Result<Vec<Gap>, DatabaseError> {
        let rows: Vec<GapRow> = statement(SELECT_GAPS)
            .push(" where import_id = $1 and reason = $2 order by stage, object limit $3")
            .bind(import.to_string())
            .bind(reason.name())
            .bind(i64::from(limit))
            .fetch_all(&self.reader)
            .await?;
        rows.into_iter().map(TryInto::try_into).collect()
    }
}
