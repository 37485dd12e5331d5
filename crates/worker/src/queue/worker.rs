//! Runs what is asked for, a number of imports at once.

use std::error::Error;
use std::pin::pin;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use apalis::prelude::{BackendExt as _, Data, Event, WorkerBuilder, WorkerBuilderExt as _};
use apalis_postgres::PostgresStorage;
use apalis_sqlite::SqliteStorage;
use bucketload_archive::{Claim, Claimed, DatabaseError, Driver, LeaseFile};
use bucketload_bitbucket::Client;
use bucketload_model::{LeaseOwner, Limits, ProgressEvent, QueuePart};
use futures::{Stream, StreamExt as _};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::clients::{Clients, NoClient};
use super::every::Every;
use super::tickets::{self, Ticket};
use super::{Queue, QueueError};
use crate::failure::describe;
use crate::import::ImportError;
use crate::notices::{NoticeOptions, Teller};
use crate::run::Mode;
use crate::{Importer, RetryPolicy};

/// How a worker works.
#[derive(Debug, Clone)]
pub struct WorkerOptions {
    /// Imports at once in this process.
    pub concurrency: usize,
    /// Imports at once in all processes, unless administrators set other limits.
    pub limits: Limits,
    /// When what failed is tried again.
    pub retry: RetryPolicy,
    /// How often the worker looks for tickets.
    pub poll: Duration,
    /// How often what was lost is looked for.
    pub reconcile: Duration,
    /// How long imports that have ended are kept, once others came after them; unset for
    /// ever.
    pub keep_imports: Option<Duration>,
    /// Credentials that are kept; without them, imports are run with the importer's own and
    /// those that name another fail.
    pub clients: Option<Arc<Clients>>,
    /// What is told to those who do not watch, and where.
    pub notices: NoticeOptions,
}

impl Default for WorkerOptions {
    fn default() -> Self {
        Self {
            concurrency: 4,
            limits: Limits::default(),
            retry: RetryPolicy::default(),
            poll: Duration::from_millis(250),
            // With it, an import that was lost is taken up half a minute later at most.
            reconcile: Duration::from_secs(10),
            keep_imports: None,
            clients: None,
            notices: NoticeOptions::default(),
        }
    }
}

/// Runs imports of the queue.
#[derive(Debug)]
pub struct Worker {
    slots: Arc<Slots>,
}

/// What everybody who is woken up works with.
#[derive(Debug)]
pub(super) struct Slots {
    pub(super) importer: Importer,
    pub(super) options: WorkerOptions,
    /// Begin nothing more, and come to an end.
    stop: CancellationToken,
    /// Nobody is left who waits for an end.
    gone: CancellationToken,
    /// Imports that may run at once, whatever the library thinks.
    places: Semaphore,
    /// The runs. They outlive the library's worker.
    runs: TaskTracker,
    /// The schema that a newer program has made of the database, and the newest known here.
    outgrown: OnceLock<(i64, i64)>,
}

/// After an outage of the database; also between two outages.
const RESTART_PAUSE: Duration = Duration::from_secs(1);

/// Tickets that were used are removed so often.
const PRUNE_EVERY: Duration = Duration::from_mins(10);

impl Worker {
    /// A worker. The importer's token stops it: runs end where they are, are handed back,
    /// and nothing more is begun.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn new(importer: Importer, options: WorkerOptions) -> Result<Self, QueueError> {
        Queue::open(importer.archive.clone(), importer.clock.clone()).await?;
        Ok(Self {
            slots: Arc::new(Slots {
                stop: importer.cancel.clone(),
                gone: CancellationToken::new(),
                places: Semaphore::new(options.concurrency),
                runs: TaskTracker::new(),
                outgrown: OnceLock::new(),
                importer,
                options,
            }),
        })
    }

    /// Works until it is stopped, whatever happens to the database meanwhile. Then runs end
    /// where they are and are handed back.
    ///
    /// # Errors
    ///
    /// When it stopped by itself: a newer program has changed the schema of the database.
    pub async fn run(self) -> Result<(), DatabaseError> {
        let slots = &self.slots;
        // Should somebody drop this future, the runs end with it.
        let _gone = slots.gone.clone().drop_guard();
        let reconciler = tokio::spawn(slots.clone().keep_reconciling());
        let teller = tokio::spawn(slots.clone().keep_telling());
        while !slots.stop.is_cancelled() {
            // The library ends its worker when the database does not answer for a while,
            // or has it stand still. Only we say when it is over.
            tokio::select! {
                biased;
                () = slots.stop.cancelled() => break,
                result = slots.listen() => if let Err(error) = result {
                    tracing::error!(%error, "the tickets cannot be read; the worker starts anew");
                    slots.note_problem(QueuePart::Tickets);
                },
            }
            tokio::select! {
                biased;
                () = slots.stop.cancelled() => break,
                () = tokio::time::sleep(RESTART_PAUSE) => {}
            }
        }
        slots.runs.close();
        slots.runs.wait().await;
        for (part, task) in [("reconciler", reconciler), ("teller", teller)] {
            if let Err(error) = task.await {
                tracing::error!(%error, part, "a part of the worker broke off");
            }
        }
        match slots.outgrown.get() {
            Some(&(found, known)) => Err(DatabaseError::Outgrown { found, known }),
            None => Ok(()),
        }
    }
}

impl Slots {
    fn note_problem(&self, part: QueuePart) {
        self.importer.sink.emit(ProgressEvent::QueueProblem(part));
    }

    /// Whoever comes after a newer program ends, and leaves what there is to do to that.
    fn give_way(&self, error: &DatabaseError) {
        if let DatabaseError::Outgrown { found, known } = error {
            let _ = self.outgrown.set((*found, *known));
            self.stop.cancel();
        }
    }

    /// Takes tickets until something goes wrong.
    async fn listen(self: &Arc<Self>) -> Result<(), Box<dyn Error + Send + Sync>> {
        // A name that was used before is either refused, or keeps what its dead bearer
        // had.
        let worker = WorkerBuilder::new(format!("bucketload-{}", LeaseOwner::new()));
        let poll = self.options.poll;
        match self.importer.archive.driver() {
            Driver::Sqlite(pool) => {
                let storage = SqliteStorage::<Ticket>::new(pool)
                    .with_config(tickets::sqlite_config())
                    .poll_with_strategy(Every::new(poll));
                let worker = worker
                    .backend(storage)
                    .concurrency(self.options.concurrency);
                attend(worker.data(self.clone()).build(woken_up).stream()).await
            }
            Driver::Postgres(pool) => {
                let storage = PostgresStorage::<Ticket>::new(pool)
                    .with_config(tickets::postgres_config())
                    .poll_with_strategy(Every::new(poll));
                let worker = worker
                    .backend(storage)
                    .concurrency(self.options.concurrency);
                attend(worker.data(self.clone()).build(woken_up).stream()).await
            }
        }
    }

    async fn keep_reconciling(self: Arc<Self>) {
        let mut rounds = tokio::time::interval(self.options.reconcile);
        rounds.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut pruning = tokio::time::interval(PRUNE_EVERY);
        pruning.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                () = self.stop.cancelled() => return,
                _ = pruning.tick() => {
                    if let Err(error) = self.prune().await {
                        tracing::warn!(%error, "what is old cannot be removed");
                        self.note_problem(QueuePart::Housekeeping);
                    }
                }
                _ = rounds.tick() => {
                    if let Err(error) = self.reconcile().await {
                        let shown = &error as &dyn Error;
                        tracing::warn!(error = shown, "lost imports cannot be looked for");
                        self.note_problem(QueuePart::Reconciler);
                        if let QueueError::Database(error) = &error {
                            self.give_way(error);
                        }
                    }
                }
            }
        }
    }

    /// On a task of its own: a receiver that is slow keeps nobody from an import.
    async fn keep_telling(self: Arc<Self>) {
        let Importer { archive, clock, .. } = &self.importer;
        let teller = Teller::new(archive.clone(), clock.clone(), self.options.notices.clone());
        let failed = || self.note_problem(QueuePart::Notices);
        teller.run(&self.stop, failed).await;
    }

    /// Runs what there is, on a task of its own: the library drops what it does not wait for
    /// any more.
    pub(super) fn wake(self: &Arc<Self>) -> JoinHandle<()> {
        let slots = self.clone();
        self.runs.spawn(async move {
            tokio::select! {
                () = slots.gone.cancelled() => {}
                result = slots.serve() => if let Err(error) = result {
                    let shown = &error as &dyn Error;
                    tracing::error!(error = shown, "nothing can be taken from the queue");
                    slots.note_problem(QueuePart::Claim);
                    if let ImportError::Database(error) = &error {
                        slots.give_way(error);
                    }
                },
            }
        })
    }

    /// Runs one import after the other while there are any, if there is a place.
    async fn serve(&self) -> Result<(), ImportError> {
        let Ok(_place) = self.places.try_acquire() else {
            return Ok(());
        };
        while !self.stop.is_cancelled() {
            let Some((claimed, life)) = self.claim().await? else {
                break;
            };
            let import = claimed.lease.import;
            if claimed.stalled_attempts >= self.options.retry.fruitless_attempts {
                self.importer.give_up(&claimed, life).await?;
                continue;
            }
            let client = match self.client(&claimed).await {
                Ok(client) => client,
                Err(NoClient::Database(error)) => return Err(error.into()),
                Err(error) => {
                    let why = format!("{}. What to do: {}", describe(&error), error.remedy());
                    let refusal = error.refusal(claimed.credential.as_deref());
                    self.importer.refuse(&claimed, life, &why, refusal).await?;
                    continue;
                }
            };
            let repository = claimed.name.clone();
            let mode = Mode::Queue(self.options.retry.clone());
            let importer = Importer {
                client,
                ..self.importer.clone()
            };
            let outcome = importer.run(claimed, life, mode).await;
            match outcome {
                Ok(outcome) => tracing::info!(
                    import.id = %import,
                    %repository,
                    state = %outcome.report.state,
                    error = outcome.report.error,
                    "a run has ended"
                ),
                Err(error) => {
                    tracing::error!(
                        import.id = %import,
                        %repository,
                        error = &error as &dyn Error,
                        "a run has ended, and its end could not be written"
                    );
                    self.note_problem(QueuePart::RunEnd);
                }
            }
        }
        Ok(())
    }

    /// The client to run an import with.
    async fn client(&self, claimed: &Claimed) -> Result<Client, NoClient> {
        let own = &self.importer.client;
        let credential = claimed.credential.as_deref();
        match (&self.options.clients, credential) {
            (Some(clients), _) => {
                let archive = &self.importer.archive;
                clients
                    .client(archive, &claimed.name, credential, own)
                    .await
            }
            (None, None) => Ok(own.clone()),
            (None, Some(id)) => Err(NoClient::Gone(id.to_owned())),
        }
    }

    async fn claim(&self) -> Result<Option<(Claimed, LeaseFile)>, ImportError> {
        let importer = &self.importer;
        let now = importer.clock.now();
        // Asked for each time: what administrators set holds from the next import on.
        let set = importer.archive.service_settings().await?;
        let limits = self.options.limits.or_as_set(&set);
        let mut transaction = importer.archive.begin().await?;
        let next = transaction.next_import(now, limits).await?;
        let Some(import) = next else {
            return Ok(None);
        };
        let owner = LeaseOwner::new();
        let life = importer
            .data_dir
            .show_life(&owner)
            .map_err(ImportError::Life)?;
        let claim = Claim {
            owner: &owner,
            now,
            until: now + importer.times.lease,
            is_foreground: false,
        };
        let claimed = transaction.claim(import, &claim).await?;
        transaction.commit().await?;
        Ok(claimed.map(|claimed| (claimed, life)))
    }
}

/// Has a worker of the library work until something goes wrong.
async fn attend<E>(
    events: impl Stream<Item = Result<Event, E>>,
) -> Result<(), Box<dyn Error + Send + Sync>>
where
    Box<dyn Error + Send + Sync>: From<E>,
{
    let mut events = pin!(events);
    while let Some(event) = events.next().await {
        // After an error it takes no more tickets, and does not end either.
        if let Event::Error(error) = event? {
            return Err(error.to_string().into());
        }
    }
    Ok(())
}

/// Somebody got a ticket. Whatever comes of it, the ticket is used: what is to be tried
/// again gets a new one.
async fn woken_up(_: Ticket, slots: Data<Arc<Slots>>) {
    let _ = slots.wake().await;
}
