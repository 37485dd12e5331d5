//! Imports in the background, for `worker` and `serve`.

use std::sync::Arc;
use std::time::Duration;

use bucketload_archive::{Archive, DataDirLock, DatabaseError};
use bucketload_bitbucket::{ClientOptions, QuotaSettings, WaitPolicy};
use bucketload_model::{Clock as _, SystemClock};
use bucketload_server::Metrics;
use bucketload_worker::queue::{Clients, Worker, WorkerOptions};
use tokio_util::sync::CancellationToken;

use super::import::{check_web_url, client_options, importer_with};
use super::{Session, credentials};
use crate::arguments::{ImportOptions, PlaceOptions};
use crate::messages::{self, Problem};
use crate::output;

/// An import that would wait longer for quota makes room for others.
const LONGEST_WAIT: Duration = Duration::from_secs(10);

/// A worker in this process.
pub(super) struct Background {
    clients: Arc<Clients>,
    worker: Worker,
    concurrency: usize,
    _share: DataDirLock,
}

/// What a process counts.
pub(super) fn metrics(session: &Session) -> Arc<Metrics> {
    let config = &session.config;
    Arc::new(Metrics::new(QuotaSettings {
        rest: config.rest_quota,
        git: config.git_quota,
        raw: config.raw_quota,
        window: config.quota_window,
    }))
}

/// Tells whoever stopped it how much there is left to do.
pub(super) async fn say_what_is_left(archive: &Archive) {
    match archive.queue_depth(SystemClock.now()).await {
        Ok((left, _)) => output::note(&messages::stopped_work(left)),
        Err(error) => tracing::debug!(%error, "what is left in the queue is not known"),
    }
}

impl Background {
    /// Gets everything ready; nothing runs yet. `stop` has it come to an end.
    pub(super) async fn open(
        session: &Session,
        archive: Archive,
        places: PlaceOptions,
        metrics: Arc<Metrics>,
        stop: CancellationToken,
    ) -> Result<Self, Problem> {
        check_web_url(&session.config)?;
        session.config.data_dir.create()?;
        let share = session.config.data_dir.share()?;
        let wait = WaitPolicy::AtMost(LONGEST_WAIT);
        let config = &session.config;
        let options = ClientOptions {
            ledger: Arc::new(archive.clone()),
            ..client_options(session, metrics, wait)
        };
        let clients = Arc::new(Clients::new(
            options.clone(),
            credentials::store(config, &archive)?,
            credentials::oauth_client(config)?,
        ));
        let credential = config.credential.clone().into();
        let own = ImportOptions::default();
        let mut importer = importer_with(session, &own, archive, credential, options)?;
        importer.cancel = stop;
        let concurrency = places.concurrency.unwrap_or(session.config.concurrency);
        let options = WorkerOptions {
            concurrency,
            limits: session.config.limits,
            keep_imports: session.config.keep_imports,
            clients: Some(Arc::clone(&clients)),
            notices: config.notify.clone(),
            ..WorkerOptions::default()
        };
        Ok(Self {
            worker: Worker::new(importer, options).await?,
            clients,
            concurrency,
            _share: share,
        })
    }

    /// Imports that it runs at once.
    pub(super) const fn concurrency(&self) -> usize {
        self.concurrency
    }

    /// Runs imports until it is stopped, and they have come to an end. Fails where it stopped
    /// by itself.
    pub(super) async fn run(self) -> Result<(), DatabaseError> {
        let result = self.worker.run().await;
        self.clients.settle().await;
        result
    }
}
