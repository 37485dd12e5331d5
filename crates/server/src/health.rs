//! For whoever watches over the process.

use axum::Json;
use axum::extract::{FromRef, State};
use axum::http::StatusCode;
use bucketload_archive::{Archive, DataDir};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::service::App;

/// What is looked at.
#[derive(Debug, Clone)]
pub(crate) struct Health {
    pub(crate) archive: Archive,
    pub(crate) data_dir: DataDir,
    /// Cancelled once the process comes to an end.
    pub(crate) stopping: CancellationToken,
}

impl FromRef<App> for Health {
    fn from_ref(app: &App) -> Self {
        app.health.clone()
    }
}

/// The process answers.
pub(crate) async fn alive() -> &'static str {
    "ok\n"
}

/// Database and storage answer, too, and it is not about to end.
pub(crate) async fn ready(State(health): State<Health>) -> (StatusCode, Json<Value>) {
    if health.stopping.is_cancelled() {
        // Whoever sends it work should send it elsewhere; what it has comes to an end.
        let body = json!({ "service": "stopping" });
        return (StatusCode::SERVICE_UNAVAILABLE, Json(body));
    }
    let database = health.archive.service_settings().await;
    if let Err(error) = &database {
        tracing::warn!(
            error = error as &dyn std::error::Error,
            "the database does not answer"
        );
    }
    let storage = tokio::fs::metadata(health.data_dir.root()).await;
    let storage = storage.is_ok_and(|metadata| metadata.is_dir());
    let status = if database.is_ok() && storage {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    let word = |is_well| if is_well { "ok" } else { "failed" };
    let body = json!({
        "service": "running",
        "database": word(database.is_ok()),
        "storage": word(storage),
    });
    (status, Json(body))
}
