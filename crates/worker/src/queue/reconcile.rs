//! What was lost is found, what is due is begun, what is old goes.

use bucketload_archive::{DatabaseError, Life, NewImport};

use super::schedule::Cron;
use super::worker::Slots;
use super::{QueueError, tickets};

/// Whoever shows his life has claimed an import long before that.
const OLD_PROOF_OF_LIFE: chrono::Duration = chrono::Duration::hours(1);

impl Slots {
    /// One round. It only ever adds what is wanting, so any number of processes may do it
    /// at any time.
    pub(super) async fn reconcile(&self) -> Result<(), QueueError> {
        self.check_schema().await?;
        self.bury_the_dead().await?;
        self.begin_what_is_due().await?;
        self.wake_up().await
    }

    /// Whether the tables are still those that this program knows.
    async fn check_schema(&self) -> Result<(), DatabaseError> {
        let mut transaction = self.importer.archive.begin().await?;
        transaction.check_schema().await
    }

    /// Imports whose holder is gone can be claimed again: at once where this machine knows
    /// it, and when the lease runs out elsewhere.
    async fn bury_the_dead(&self) -> Result<(), DatabaseError> {
        let importer = &self.importer;
        let now = importer.clock.now();
        for lease in importer.archive.leases().await? {
            let life = importer.data_dir.life(&lease.owner);
            if life != Life::Dead && (lease.until >= now || life == Life::Alive) {
                continue;
            }
            tracing::warn!(
                import.id = %lease.import,
                process = lease.owner.process(),
                "the process that ran an import is gone; the import goes on"
            );
            let mut transaction = importer.archive.begin().await?;
            transaction.bury(&lease, now).await?;
            transaction.commit().await?;
            importer.data_dir.forget(&lease.owner);
        }
        Ok(())
    }

    async fn begin_what_is_due(&self) -> Result<(), QueueError> {
        let now = self.importer.clock.now();
        let mut transaction = self.importer.archive.begin().await?;
        for mut schedule in transaction.due_schedules(now).await? {
            let new = NewImport {
                name: &schedule.name,
                stages: &schedule.stages,
                whole_lists: false,
                priority: schedule.priority,
                not_before: None,
                asked_by: schedule.asked_by.as_deref(),
                credential: schedule.credential.as_deref(),
                now,
            };
            let enqueued = transaction.enqueue(&new).await?;
            tracing::info!(
                import.id = %enqueued.import(),
                repository = %schedule.name,
                cron = schedule.cron,
                "a scheduled import is due"
            );
            // Times that were missed while nobody worked are not made up for.
            let next = schedule.cron.parse::<Cron>().ok();
            match next.and_then(|cron| cron.next_after(now)) {
                Some(next_at) => {
                    schedule.next_at = next_at;
                    transaction.put_schedule(&schedule).await?;
                }
                None => {
                    transaction.remove_schedules(&schedule.name).await?;
                }
            }
            tickets::push(&mut transaction, None, 1).await?;
        }
        Ok(transaction.commit().await?)
    }

    /// Where there is more to do than there are tickets, some were lost.
    async fn wake_up(&self) -> Result<(), QueueError> {
        let archive = &self.importer.archive;
        let now = self.importer.clock.now();
        let (ready, _) = archive.queue_depth(now).await?;
        if ready == 0 {
            return Ok(());
        }
        let there = archive.count_tickets(tickets::QUEUE, now).await?;
        let places = self.options.concurrency as u64;
        let wanting = ready.min(places).saturating_sub(there);
        let mut transaction = archive.begin().await?;
        let wanting = usize::try_from(wanting).unwrap_or_default();
        tickets::push(&mut transaction, None, wanting).await?;
        transaction.commit().await?;
        Ok(())
    }

    /// Tickets that were used, workers of the library that are gone, files of processes that
    /// are, and old imports.
    pub(super) async fn prune(&self) -> Result<(), DatabaseError> {
        let now = self.importer.clock.now();
        let mut transaction = self.importer.archive.begin().await?;
        let removed = transaction.prune_tickets(tickets::QUEUE, now).await?;
        transaction.commit().await?;
        tracing::debug!(removed, "used tickets are removed");
        let holders = self.importer.archive.leases().await?;
        let holders = holders.into_iter().map(|lease| lease.owner).collect();
        let before = now - OLD_PROOF_OF_LIFE;
        if let Err(error) = self.importer.data_dir.forget_the_dead(&holders, before) {
            tracing::warn!(%error, "what processes left that are gone cannot be removed");
        }
        self.remove_old_notices().await?;
        self.remove_old_imports().await
    }
}
