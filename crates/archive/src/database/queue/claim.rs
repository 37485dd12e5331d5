//! Taking an import to run it.

use bucketload_model::{
    Fence, Happening, ImportEvent, ImportId, Lease, LeaseOwner, Limits, RepositoryName, Stage,
};
use chrono::{DateTime, Utc};

use crate::database::imports::inconsistent;
use crate::database::sql::statement;
use crate::database::unsigned;
use crate::{DatabaseError, Transaction};

/// Who wants to run an import.
#[derive(Debug, Clone, Copy)]
pub struct Claim<'a> {
    /// Who.
    pub owner: &'a LeaseOwner,
    /// Now.
    pub now: DateTime<Utc>,
    /// Until when, unless it is renewed.
    pub until: DateTime<Utc>,
    /// Whether somebody waits for it at a terminal. Then no worker takes it up by itself.
    pub is_foreground: bool,
}

/// An import that was claimed, to be run by its claimer alone.
#[derive(Debug, Clone)]
pub struct Claimed {
    /// The right to run it.
    pub lease: Lease,
    /// Of what.
    pub name: RepositoryName,
    /// Its stages, in order.
    pub stages: Vec<Stage>,
    /// Whether somebody has run it before.
    pub is_resumed: bool,
    /// Whether lists are read whole.
    pub whole_lists: bool,
    /// The credential to run it with; absent for the one in the configuration.
    pub credential: Option<String>,
    /// Attempts before this one, in a row, that did not bring it forward.
    pub stalled_attempts: u64,
}

#[derive(sqlx::FromRow)]
struct ClaimedRow {
    workspace: String,
    slug: String,
    stages: String,
    fence: i64,
    whole_lists: i64,
    credential_id: Option<String>,
    stalled_attempts: i64,
}

impl Transaction {
    /// The import that is to be run next: the highest priority first, then the one that has
    /// waited longest. None while the limits are reached. Imports whose lease has run out
    /// are in it; two of the same repository never run at once.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn next_import(
        &mut self,
        now: DateTime<Utc>,
        limits: Limits,
    ) -> Result<Option<ImportId>, DatabaseError> {
        self.check_schema().await?;
        self.lock_queue().await?;
        let id: Option<String> = statement(
            "select i.id from imports i
             where i.state in ('queued', 'waiting', 'running', 'cancelling')
                 and i.state <> 'cancelling' and i.is_foreground = 0 and i.wanted is null
                 and (i.lease_owner is null or i.lease_until_ms < $1)
                 and (i.not_before_ms is null or i.not_before_ms <= $1)
                 and (i.wait_until_ms is null or i.wait_until_ms <= $1)
                 and not exists (select 1 from imports r where r.lease_owner is not null
                     and r.lease_until_ms >= $1 and r.workspace = i.workspace
                     and r.slug = i.slug)
                 and $2 > (select count(*) from imports r where r.lease_owner is not null
                     and r.lease_until_ms >= $1)
                 and $3 > (select count(*) from imports r where r.lease_owner is not null
                     and r.lease_until_ms >= $1 and r.workspace = i.workspace)
                 and $4 > (select count(*) from imports r where r.lease_owner is not null
                     and r.lease_until_ms >= $1
                     and coalesce(r.credential_id, '') = coalesce(i.credential_id, ''))
             order by i.priority desc, i.queued_at_ms, i.id limit 1",
        )
        .bind(now.timestamp_millis())
        .bind(i64::from(limits.at_once))
        .bind(i64::from(limits.per_workspace))
        .bind(i64::from(limits.per_credential))
        .fetch_optional_scalar(&mut self.inner)
        .await?;
        id.map(|id| id.parse().map_err(|_| inconsistent("imports", "id", &id)))
            .transpose()
    }

    /// Takes an import, unless somebody else runs it or it is not to be run.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn claim(
        &mut self,
        import: ImportId,
        claim: &Claim<'_>,
    ) -> Result<Option<Claimed>, DatabaseError> {
        self.check_schema().await?;
        self.lock_queue().await?;
        let row: Option<ClaimedRow> = statement(
            "update imports set state = 'running', fence = fence + 1, lease_owner = $2,
                 lease_until_ms = $3, is_foreground = $4, wanted = null, wait_until_ms = null,
                 not_before_ms = null, error = null, finished_at_ms = null,
                 started_at_ms = case when fence = 0 then $5 else started_at_ms end,
                 stalled_attempts = case when progress = progress_before
                     then stalled_attempts + 1 else 0 end,
                 progress_before = progress
             where id = $1 and state in ('queued', 'waiting', 'running')
                 and (lease_owner is null or lease_until_ms < $5)
             returning workspace, slug, stages, fence, whole_lists, credential_id,
                 stalled_attempts",
        )
        .bind(import.to_string())
        .bind(claim.owner.as_str())
        .bind(claim.until.timestamp_millis())
        .bind(i64::from(claim.is_foreground))
        .bind(claim.now.timestamp_millis())
        .fetch_optional(&mut self.inner)
        .await?;
        let Some(row) = row else { return Ok(None) };
        let wrong = |column, value: &str| inconsistent("imports", column, value);
        let name = RepositoryName {
            workspace: row
                .workspace
                .parse()
                .map_err(|_| wrong("workspace", &row.workspace))?,
            slug: row.slug.parse().map_err(|_| wrong("slug", &row.slug))?,
        };
        let stages: Vec<Stage> = row
            .stages
            .split(',')
            .map(|stage| stage.parse().map_err(|_| wrong("stages", stage)))
            .collect::<Result<_, _>>()?;
        self.put_stages(import, &stages).await?;
        self.trim_log(import).await?;
        let began = Happening::Event(ImportEvent::Claimed);
        let by = format!("by process {}", claim.owner.process());
        self.log(import, claim.now, began, &by).await?;
        Ok(Some(Claimed {
            lease: Lease {
                import,
                owner: claim.owner.clone(),
                fence: Fence(row.fence),
                until: claim.until,
            },
            name,
            stages,
            is_resumed: row.fence > 1,
            whole_lists: row.whole_lists != 0,
            credential: row.credential_id,
            stalled_attempts: unsigned(row.stalled_attempts),
        }))
    }
}
