//! What is missing, and why.

use bucketload_model::{Gap, GapReason, ImportId, Stage};

use super::imports::inconsistent;
use super::sql::statement;
use super::{Archive, DatabaseError, Transaction};

impl Archive {
    /// What an import is missing, in the order of stages.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn gaps(&self, import: ImportId) -> Result<Vec<Gap>, DatabaseError> {
        let rows: Vec<(String, String, String, String, Option<String>)> = statement(
            "select stage, object, reason, detail, url from gaps
             where import_id = $1 order by object",
        )
        .bind(import.to_string())
        .fetch_all(&self.reader)
        .await?;
        let mut gaps = Vec::with_capacity(rows.len());
        for (stage, object, reason, detail, url) in rows {
            gaps.push(Gap {
                stage: stage
                    .parse()
                    .map_err(|_| inconsistent("gaps", "stage", &stage))?,
                object,
                reason: reason
                    .parse::<GapReason>()
                    .map_err(|_| inconsistent("gaps", "reason", &reason))?,
                detail,
                url,
            });
        }
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
