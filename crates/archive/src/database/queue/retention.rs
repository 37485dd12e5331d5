//! Old imports that nobody misses.

use chrono::{DateTime, Utc};

use crate::database::sql::{StatementBuilder, statement};
use crate::{DatabaseError, Transaction};

/// What goes of an import: what points to its row first.
const DELETE: [&str; 5] = [
    "delete from import_log where import_id in ",
    "delete from gaps where import_id in ",
    "delete from import_requests where import_id in ",
    "delete from import_stages where import_id in ",
    "delete from imports where id in ",
];

impl Transaction {
    /// Removes imports that ended before a time, at most `limit`, the oldest first: their
    /// stages, requests, gaps and logs, and nothing of what they brought. Returns how many.
    ///
    /// An import stays until a later one of the same repository with the same stages has
    /// reached its end; so the latest always stays. One with gaps stays until later ones
    /// have the same gaps, or have found that nothing is missing any more.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn remove_old_imports(
        &mut self,
        before: DateTime<Utc>,
        limit: u32,
    ) -> Result<u64, DatabaseError> {
        self.lock_queue().await?;
        let ids: Vec<(String,)> = statement(
            "select o.id from imports o
             where o.state in ('complete', 'complete_with_gaps', 'failed', 'cancelled')
                 and o.finished_at_ms < $1 and o.lease_owner is null
                 and exists (select 1 from imports n where n.workspace = o.workspace
                     and n.slug = o.slug and n.stages = o.stages and n.id > o.id
                     and n.state in ('complete', 'complete_with_gaps'))
                 and not exists (select 1 from gaps g where g.import_id = o.id
                     and not exists (select 1 from imports n where n.workspace = o.workspace
                         and n.slug = o.slug and n.stages = o.stages and n.id > o.id
                         and (n.state = 'complete' or (n.state = 'complete_with_gaps'
                             and exists (select 1 from gaps h where h.import_id = n.id
                                 and h.stage = g.stage and h.object = g.object)))))
             order by o.id limit $2",
        )
        .bind(before.timestamp_millis())
        .bind(i64::from(limit))
        .fetch_all(&mut self.inner)
        .await?;
        if ids.is_empty() {
            return Ok(0);
        }
        for delete in DELETE {
            let mut statement = StatementBuilder::new(delete);
            statement.push_list(ids.iter().map(|(id,)| id.as_str()));
            statement.build().execute(&mut self.inner).await?;
        }
        Ok(ids.len() as u64)
    }
}
