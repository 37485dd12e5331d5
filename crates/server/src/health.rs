//! For whoever watches over the process.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::service::App;

/// The process answers.
pub(crate) async fn alive() -> &'static str {
    "ok\n"
}

/// Database and storage answer, too.
pub(crate) async fn ready(State(app): State<App>) -> (StatusCode, Json<Value>) {
    let database = app.archive.service_settings().await;
    if let Err(error) = &database {
        tracing::warn!(
            error = error as &dyn std::error::Error,
            "the database does not answer"
        );
    }
    let storage = tokio::fs::metadata(app.data_dir.root()).await;
    let storage = storage.is_ok_and(|metadata| metadata.is_dir());
    let status = if database.is_ok() && storage {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    let word = |is_well| if is_well { "ok" } else { "failed" };
    let body = json!({ "database": word(database.is_ok()), "storage": word(storage) });
    (status, Json(body))
}
