//! Imports that stand as running, and nobody runs them any more.

use std::collections::BTreeMap;

use bucketload_model::{ImportId, ImportReport, ImportState, LeaseOwner};
use chrono::{DateTime, Utc};

use crate::database::imports::inconsistent;
use crate::database::sql::statement;
use crate::database::time;
use crate::{Archive, DataDir, DatabaseError, ImportSummary, Life};

/// What is true of an import whose process is gone. Its row says so once a worker or an
/// import of the same repository has looked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lost {
    /// Where it stands.
    pub state: ImportState,
    why: &'static str,
}

impl Lost {
    /// Puts the truth into a report.
    pub fn tell(self, report: &mut ImportReport) {
        report.state = self.state;
        report.error = Some(self.why.to_owned());
    }

    /// Puts the truth into a line.
    pub fn tell_line(self, summary: &mut ImportSummary) {
        summary.state = self.state;
        summary.error = Some(self.why.to_owned());
    }
}

#[derive(sqlx::FromRow)]
struct RunningRow {
    id: String,
    state: String,
    wanted: Option<String>,
    is_foreground: i64,
    lease_owner: Option<String>,
    lease_until_ms: Option<i64>,
}

impl Archive {
    /// Imports that stand as running though nobody runs them: where the process that did is
    /// known to be gone, or has given no sign of life for the time of its lease.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn lost_imports(
        &self,
        data_dir: &DataDir,
        now: DateTime<Utc>,
    ) -> Result<BTreeMap<ImportId, Lost>, DatabaseError> {
        let rows: Vec<RunningRow> = statement(
            "select id, state, wanted, is_foreground, lease_owner, lease_until_ms from imports
             where state in ('running', 'cancelling')",
        )
        .fetch_all(&self.reader)
        .await?;
        let mut lost = BTreeMap::new();
        for row in rows {
            if !row.is_kept(data_dir, now)? {
                let wrong = |_| inconsistent("imports", "id", &row.id);
                lost.insert(row.id.parse().map_err(wrong)?, row.as_it_is());
            }
        }
        Ok(lost)
    }
}

impl RunningRow {
    fn is_kept(&self, data_dir: &DataDir, now: DateTime<Utc>) -> Result<bool, DatabaseError> {
        let (Some(owner), Some(until)) = (&self.lease_owner, self.lease_until_ms) else {
            return Ok(false);
        };
        let owner: LeaseOwner = owner
            .parse()
            .map_err(|_| inconsistent("imports", "lease_owner", owner))?;
        Ok(match data_dir.life(&owner) {
            Life::Alive => true,
            Life::Dead => false,
            Life::Unknown => time(until) >= now,
        })
    }

    /// What [`crate::Transaction::bury`] would make of it.
    fn as_it_is(&self) -> Lost {
        let is_cancelled = self.state == "cancelling" || self.wanted.as_deref() == Some("cancel");
        if self.wanted.as_deref() == Some("pause") {
            Lost {
                state: ImportState::Paused,
                why: "its process ended",
            }
        } else if is_cancelled {
            Lost {
                state: ImportState::Cancelled,
                why: "its process ended",
            }
        } else if self.is_foreground != 0 {
            Lost {
                state: ImportState::Cancelled,
                why: "its process ended; import again to go on",
            }
        } else {
            Lost {
                state: ImportState::Queued,
                why: "its worker is gone; the next one goes on",
            }
        }
    }
}
