//! What is served of a process that has no dashboard: health and figures, and nothing else.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::routing::get;
use bucketload_archive::{Archive, DataDir};
use bucketload_model::Clock;
use tokio_util::sync::CancellationToken;

use crate::health::{self, Health};
use crate::listen::Listening;
use crate::metrics::{self, Figures, Metrics};
use crate::security::patience::Patience;
use crate::server::ServerError;

/// What is watched.
#[derive(Debug, Clone)]
pub struct MonitorOptions {
    /// Port 0 takes a free one.
    pub listen: SocketAddr,
    /// The archive.
    pub archive: Archive,
    /// Where the mirrors lie.
    pub data_dir: DataDir,
    /// What the process counts.
    pub metrics: Arc<Metrics>,
    /// Cancelled once the process comes to an end: it is no longer ready then.
    pub stopping: CancellationToken,
    /// The time.
    pub clock: Arc<dyn Clock>,
}

/// Listens, and answers nobody yet.
#[derive(Debug)]
pub struct Monitor {
    listening: Listening,
    router: Router,
}

impl Monitor {
    /// Listens.
    ///
    /// # Errors
    ///
    /// When the address is taken.
    pub async fn bind(options: MonitorOptions) -> Result<Self, ServerError> {
        let health = Health {
            archive: options.archive.clone(),
            data_dir: options.data_dir,
            stopping: options.stopping,
        };
        let figures = Figures {
            metrics: options.metrics,
            archive: options.archive,
            clock: options.clock,
            is_behind_proxy: false,
        };
        let health = Router::new()
            .route("/healthz", get(health::alive))
            .route("/readyz", get(health::ready))
            .with_state(health);
        let figures = Router::new()
            .route("/metrics", get(metrics::show))
            .with_state(figures);
        Ok(Self {
            listening: Listening::at(options.listen).await?,
            router: health.merge(figures),
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.listening.address
    }

    /// Answers until `stop`; then answers under way are finished, for a while.
    ///
    /// # Errors
    ///
    /// When the listener fails.
    pub async fn run(self, stop: CancellationToken) -> Result<(), ServerError> {
        let patience = Patience::default();
        self.listening.serve(self.router, patience, stop).await
    }
}
