//! Asking for an import.

use bucketload_model::{
    Happening, ImportEvent, ImportId, ImportState, Priority, RepositoryName, Stage,
};
use chrono::{DateTime, Utc};

use super::MoveError;
use crate::database::imports::inconsistent;
use crate::database::sql::statement;
use crate::{DatabaseError, Transaction};

/// An import that is asked for.
#[derive(Debug, Clone, Copy)]
pub struct NewImport<'a> {
    /// Of what.
    pub name: &'a RepositoryName,
    /// Its stages, in order.
    pub stages: &'a [Stage],
    /// Whether lists are read whole, although only what changed would do.
    pub whole_lists: bool,
    /// What comes first.
    pub priority: Priority,
    /// Not to be begun before.
    pub not_before: Option<DateTime<Utc>>,
    /// Who asks.
    pub asked_by: Option<&'a str>,
    /// The credential to run it with; absent for the one in the configuration.
    pub credential: Option<&'a str>,
    /// Now.
    pub now: DateTime<Utc>,
}

/// What became of the wish.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Enqueued {
    /// A new import.
    Added(ImportId),
    /// The same was asked for before and has not ended; it stands so.
    Joined(ImportId, ImportState),
    /// One that did not reach its end goes on.
    Resumed(ImportId),
}

impl Enqueued {
    /// The import that will do it.
    pub const fn import(self) -> ImportId {
        match self {
            Self::Added(import) | Self::Joined(import, _) | Self::Resumed(import) => import,
        }
    }

    /// Whether there is something to do now that there was not before.
    pub const fn is_news(self) -> bool {
        matches!(self, Self::Added(_) | Self::Resumed(_))
    }
}

impl Transaction {
    /// Puts an import into the queue. One of the same repository with the same stages that
    /// has not reached its end serves everybody who asks for it.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn enqueue(&mut self, new: &NewImport<'_>) -> Result<Enqueued, DatabaseError> {
        self.lock_queue().await?;
        let stages = stage_list(new.stages);
        let latest: Option<(String, String, i64)> = statement(
            "select id, state, cast(case when id = (select max(id) from imports
                 where workspace = $1 and slug = $2) then 1 else 0 end as bigint)
             from imports where workspace = $1 and slug = $2 and stages = $3
             order by id desc limit 1",
        )
        .bind(new.name.workspace.as_str())
        .bind(new.name.slug.as_str())
        .bind(&stages)
        .fetch_optional(&mut self.inner)
        .await?;
        if let Some((id, state, is_latest)) = latest {
            let import: ImportId = id.parse().map_err(|_| inconsistent("imports", "id", &id))?;
            let state: ImportState = state
                .parse()
                .map_err(|_| inconsistent("imports", "state", &state))?;
            match state {
                ImportState::Complete | ImportState::CompleteWithGaps => {}
                // Others came after it: what it knows of the repository is old.
                ImportState::Failed | ImportState::Cancelled if is_latest == 0 => {}
                ImportState::Failed | ImportState::Cancelled => {
                    self.resume(import, ImportEvent::Resumed, new.now)
                        .await
                        .map_err(of_database)?;
                    self.hurry(import, new).await?;
                    self.adopt(import, new).await?;
                    return Ok(Enqueued::Resumed(import));
                }
                state => {
                    self.hurry(import, new).await?;
                    return Ok(Enqueued::Joined(import, state));
                }
            }
        }
        let id = ImportId::new(new.now);
        self.supersede(new.name).await?;
        let now = new.now.timestamp_millis();
        statement(
            "insert into imports (id, workspace, slug, stages, state, started_at_ms,
                 queued_at_ms, priority, not_before_ms, asked_by, credential_id, whole_lists,
                 is_foreground)
             values ($1, $2, $3, $4, 'queued', $5, $5, $6, $7, $8, $9, $10, 0)",
        )
        .bind(id.to_string())
        .bind(new.name.workspace.as_str())
        .bind(new.name.slug.as_str())
        .bind(stages)
        .bind(now)
        .bind(i64::from(new.priority.get()))
        .bind(new.not_before.map(|time| time.timestamp_millis()))
        .bind(new.asked_by)
        .bind(new.credential)
        .bind(i64::from(new.whole_lists))
        .execute(&mut self.inner)
        .await?;
        let by = new
            .asked_by
            .map_or_else(String::new, |who| format!("by {who}"));
        self.log(id, new.now, Happening::Asked, &by).await?;
        Ok(Enqueued::Added(id))
    }

    /// Who asks again may be in more of a hurry, never in less. And should the command end
    /// that runs it now, there is somebody who still wants it.
    async fn hurry(&mut self, import: ImportId, new: &NewImport<'_>) -> Result<(), DatabaseError> {
        statement(
            "update imports set
                 priority = case when priority < $2 then $2 else priority end,
                 not_before_ms = case when not_before_ms is null or $3 is null then null
                     when $3 < not_before_ms then $3 else not_before_ms end,
                 is_foreground = 0
             where id = $1",
        )
        .bind(import.to_string())
        .bind(i64::from(new.priority.get()))
        .bind(new.not_before.map(|time| time.timestamp_millis()))
        .execute(&mut self.inner)
        .await?;
        Ok(())
    }

    /// What has ended goes on with the credential of whoever asks for it now. Who names none
    /// leaves the one that it had, unless that is gone.
    async fn adopt(&mut self, import: ImportId, new: &NewImport<'_>) -> Result<(), DatabaseError> {
        statement(
            "update imports set credential_id = coalesce($2,
                 (select c.id from credentials c where c.id = imports.credential_id))
             where id = $1",
        )
        .bind(import.to_string())
        .bind(new.credential)
        .execute(&mut self.inner)
        .await?;
        Ok(())
    }
}

pub(super) fn stage_list(stages: &[Stage]) -> String {
    let names: Vec<&str> = stages.iter().map(|stage| stage.name()).collect();
    names.join(",")
}

/// The import was there a moment ago, and the transition is one of the table.
fn of_database(error: MoveError) -> DatabaseError {
    match error {
        MoveError::Database(error) => error,
        MoveError::Unknown(import) => inconsistent("imports", "id", &import.to_string()),
        MoveError::Wrong(wrong) => inconsistent("imports", "state", wrong.state.name()),
    }
}
