//! Keeping an import, letting go of it, and finding those that nobody keeps any more.

use bucketload_model::{
    Fence, Happening, ImportEvent, ImportId, ImportState, Lease, RepositoryName,
};
use chrono::{DateTime, Utc};

use super::MoveError;
use crate::database::imports::inconsistent;
use crate::database::sql::statement;
use crate::{Archive, DatabaseError, Transaction};

/// What somebody wants of the run of an import.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// To halt.
    Pause,
    /// To stop.
    Cancel,
}

/// How a run ends.
#[derive(Debug, Clone, Copy)]
pub struct Release<'a> {
    /// What happened.
    pub event: ImportEvent,
    /// Why, in words, unless everything is well.
    pub error: Option<&'a str>,
    /// When it goes on, where it waits.
    pub wait_until: Option<DateTime<Utc>>,
    /// Whether the attempt counts, should it have brought nothing forward. One that was
    /// stopped on request does not.
    pub counts: bool,
    /// Now.
    pub now: DateTime<Utc>,
}

type LeaseRow = (String, String, i64, i64);

fn lease((id, owner, fence, until): LeaseRow) -> Result<Lease, DatabaseError> {
    let wrong = |column, value: &str| inconsistent("imports", column, value);
    Ok(Lease {
        import: id.parse().map_err(|_| wrong("id", &id))?,
        owner: owner.parse().map_err(|_| wrong("lease_owner", &owner))?,
        fence: Fence(fence),
        until: DateTime::from_timestamp_millis(until).unwrap_or_default(),
    })
}

impl Archive {
    /// What somebody wants of a run; `None` once the lease is somebody else's, or nobody's.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn wanted(&self, lease: &Lease) -> Result<Option<Option<Wanted>>, DatabaseError> {
        let row: Option<(Option<String>,)> = statement(
            "select wanted from imports where id = $1 and fence = $2 and lease_owner = $3",
        )
        .bind(lease.import.to_string())
        .bind(lease.fence.0)
        .bind(lease.owner.as_str())
        .fetch_optional(&self.reader)
        .await?;
        Ok(row.map(|(wanted,)| match wanted.as_deref() {
            Some("cancel") => Some(Wanted::Cancel),
            Some("pause") => Some(Wanted::Pause),
            _ => None,
        }))
    }

    /// All leases, also those that have run out.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn leases(&self) -> Result<Vec<Lease>, DatabaseError> {
        let rows: Vec<LeaseRow> = statement(
            "select id, lease_owner, fence, lease_until_ms from imports
             where lease_owner is not null order by id",
        )
        .fetch_all(&self.reader)
        .await?;
        rows.into_iter().map(lease).collect()
    }
}

impl Transaction {
    /// Makes sure that this transaction is its holder's to write, and counts what it brings
    /// forward. False once somebody else has claimed the import: then nothing must be
    /// written.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn check_fence(
        &mut self,
        import: ImportId,
        fence: Fence,
        progress: bool,
    ) -> Result<bool, DatabaseError> {
        // Written, not only read: so it holds until the transaction ends.
        let rows = statement(
            "update imports set progress = progress + $3
             where id = $1 and fence = $2 and lease_owner is not null",
        )
        .bind(import.to_string())
        .bind(fence.0)
        .bind(i64::from(progress))
        .execute(&mut self.inner)
        .await?;
        Ok(rows > 0)
    }

    /// Keeps an import for longer. False if it was lost meanwhile.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn renew(
        &mut self,
        lease: &Lease,
        until: DateTime<Utc>,
    ) -> Result<bool, DatabaseError> {
        let rows = statement(
            "update imports set lease_until_ms = $4
             where id = $1 and fence = $2 and lease_owner = $3",
        )
        .bind(lease.import.to_string())
        .bind(lease.fence.0)
        .bind(lease.owner.as_str())
        .bind(until.timestamp_millis())
        .execute(&mut self.inner)
        .await?;
        Ok(rows > 0)
    }

    /// Whether this attempt has brought the import forward.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn has_progressed(&mut self, import: ImportId) -> Result<bool, DatabaseError> {
        let more: Option<i64> =
            statement("select progress - progress_before from imports where id = $1")
                .bind(import.to_string())
                .fetch_optional_scalar(&mut self.inner)
                .await?;
        Ok(more.is_some_and(|more| more > 0))
    }

    /// Ends a run. `None` if the import was lost meanwhile: then nothing is changed.
    ///
    /// # Errors
    ///
    /// When the database fails, or the event makes no sense for a run.
    pub async fn release(
        &mut self,
        lease: &Lease,
        release: &Release<'_>,
    ) -> Result<Option<ImportState>, MoveError> {
        if !self.renew(lease, release.now).await? {
            return Ok(None);
        }
        let state = self
            .import_state(lease.import)
            .await?
            .after(release.event)?;
        let finished_at = match state {
            ImportState::Queued | ImportState::Running => None,
            _ => Some(release.now.timestamp_millis()),
        };
        statement(
            "update imports set state = $2, error = $3, wait_until_ms = $4,
                 finished_at_ms = $5, lease_owner = null, lease_until_ms = null, wanted = null,
                 progress_before = case when $6 = 1 then progress_before else -1 end
             where id = $1",
        )
        .bind(lease.import.to_string())
        .bind(state.name())
        .bind(release.error)
        .bind(release.wait_until.map(|time| time.timestamp_millis()))
        .bind(finished_at)
        .bind(i64::from(release.counts))
        .execute(&mut self.inner)
        .await?;
        let what = Happening::Event(release.event);
        let why = release.error.unwrap_or_default();
        self.log(lease.import, release.now, what, why).await?;
        Ok(Some(state))
    }

    /// The leases on imports of one repository, also those that have run out.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn leases_of(&mut self, name: &RepositoryName) -> Result<Vec<Lease>, DatabaseError> {
        let rows: Vec<LeaseRow> = statement(
            "select id, lease_owner, fence, lease_until_ms from imports
             where workspace = $1 and slug = $2 and lease_owner is not null",
        )
        .bind(name.workspace.as_str())
        .bind(name.slug.as_str())
        .fetch_all(&mut self.inner)
        .await?;
        rows.into_iter().map(lease).collect()
    }

    /// Takes a lease from a holder that is gone. The import can be claimed at once; one that
    /// was to be stopped is, and so is one that somebody waited for at a terminal.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn bury(&mut self, lease: &Lease, now: DateTime<Utc>) -> Result<(), DatabaseError> {
        // A new fence: should the holder be alive after all, he writes no more.
        let rows = statement(
            "update imports set fence = fence + 1, lease_owner = null, lease_until_ms = null,
                 state = case when wanted = 'pause' then 'paused'
                     when wanted = 'cancel' or is_foreground = 1 then 'cancelled'
                     else state end,
                 finished_at_ms = case when wanted is null and is_foreground = 0
                     then finished_at_ms else $4 end,
                 error = case when is_foreground = 1 then $5 else error end,
                 wanted = null
             where id = $1 and fence = $2 and lease_owner = $3",
        )
        .bind(lease.import.to_string())
        .bind(lease.fence.0)
        .bind(lease.owner.as_str())
        .bind(now.timestamp_millis())
        .bind("its process ended; import again to go on")
        .execute(&mut self.inner)
        .await?;
        if rows > 0 {
            let whose = format!("process {} is gone", lease.owner.process());
            self.log(lease.import, now, Happening::Lost, &whose).await?;
        }
        Ok(())
    }

    /// Who runs an import, whether still alive or not.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn lease(&mut self, import: ImportId) -> Result<Option<Lease>, DatabaseError> {
        let row: Option<LeaseRow> = statement(
            "select id, lease_owner, fence, lease_until_ms from imports
             where id = $1 and lease_owner is not null",
        )
        .bind(import.to_string())
        .fetch_optional(&mut self.inner)
        .await?;
        row.map(lease).transpose()
    }
}
