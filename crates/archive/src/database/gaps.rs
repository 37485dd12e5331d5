//! What is missing, and why.

use bucketload_model::{Gap, GapReason, ImportId, Stage};

use super::imports::inconsistent;
use super::sql::statement;
use super::{Archive, DatabaseError, Transaction};

#[derive(sqlx::FromRow)]
pub(super) struct GapRow {
    pub(super) import_id: String,
    stage: String,
    object: String,
    reason: String,
    detail: String,
    url: Option<String>,
}

impl TryFrom<GapRow> for Gap {
    type Error = DatabaseError;

    fn try_from(row: GapRow) -> Result<Self, Self::Error> {
        let wrong = |column, value: &str| inconsistent("gaps", column, value);
        Ok(Self {
            stage: row.stage.parse().map_err(|_| wrong("stage", &row.stage))?,
            object: row.object,
            reason: row
                .reason
                .parse::<GapReason>()
                .map_err(|_| wrong("reason", &row.reason))?,
            detail: row.detail,
            url: row.url,
        })
    }
}

pub(super) const SELECT_GAPS: &str =
    "select import_id, stage, object, reason, detail, url from gaps";

impl Archive {
    /// What an import is missing, in the order of stages.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn gaps(&self, import: ImportId) -> Result<Vec<Gap>, DatabaseError> {
        let rows: Vec<GapRow> = statement(SELECT_GAPS)
            .push(" where import_id = $1 order by object")
            .bind(import.to_string())
            .fetch_all(&self.reader)
            .await?;
        let gaps = rows.into_iter().map(TryInto::try_into);
        let mut gaps: Vec<Gap> = gaps.collect::<Result<_, _>>()?;
        gaps.sort_by_key(|gap| gap.stage);
        Ok(gaps)
    }
}

impl Transaction {
    /// Records what is missing and why.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn add_gap(&mut self, import: ImportId, gap: &Gap) -> Result<(), DatabaseError> {
        statement(
            "insert into gaps (import_id, stage, object, reason, detail, url)
             values ($1, $2, $3, $4, $5, $6)
             on conflict (import_id, stage, object) do update set
                 reason = excluded.reason, detail = excluded.detail, url = excluded.url",
        )
        .bind(import.to_string())
        .bind(gap.stage.name())
        .bind(&gap.object)
        .bind(gap.reason.name())
        .bind(&gap.detail)
        .bind(gap.url.as_deref())
        .execute(&mut self.inner)
        .await?;
        Ok(())
    }

    /// Forgets a gap: what was missing has come after all.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn clear_gap(
        &mut self,
        import: ImportId,
        stage: Stage,
        object: &str,
    ) -> Result<(), DatabaseError> {
        statement("delete from gaps where import_id = $1 and stage = $2 and object = $3")
            .bind(import.to_string())
            .bind(stage.name())
            .bind(object)
            .execute(&mut self.inner)
            .await?;
        Ok(())
    }

    /// Forgets the gap of an object and those of what is in it (`<object>, …`):
    /// all of it has come after all.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn clear_gaps_of(
        &mut self,
        import: ImportId,
        stage: Stage,
        object: &str,
    ) -> Result<(), DatabaseError> {
        statement(
            "delete from gaps where import_id = $1 and stage = $2
                 and (object = $3 or substr(object, 1, length($4)) = $4)",
        )
        .bind(import.to_string())
        .bind(stage.name())
        .bind(object)
        .bind(format!("{object}, "))
        .execute(&mut self.inner)
        .await?;
        Ok(())
    }

    /// Forgets every gap of one reason, to find out anew.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn clear_gaps(
        &mut self,
        import: ImportId,
        reason: GapReason,
    ) -> Result<(), DatabaseError> {
        statement("delete from gaps where import_id = $1 and reason = $2")
            .bind(import.to_string())
            .bind(reason.name())
            .execute(&mut self.inner)
            .await?;
        Ok(())
    }
}
