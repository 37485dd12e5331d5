//! `GET /api/v1/imports/{id}/log`: what happened to one import.

use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::Response;
use bucketload_model::{ImportId, Stage};
use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::Serialize;

use super::import_id;
use crate::api::document::Operation;
use crate::api::etag::tagged;
use crate::api::problem::Problem;
use crate::service::App;

/// More than an import keeps when it is begun again.
const MOST: u32 = 1_000;

/// What happened to an import, the latest first.
#[derive(Debug, Serialize, JsonSchema)]
struct ImportLog {
    entries: Vec<LogLine>,
}

/// Something that happened to an import.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "ImportLogLine")]
struct LogLine {
    happened_at: DateTime<Utc>,
    /// What: `asked`, `began`, `stage_ended`, `gap_found`, …
    what: &'static str,
    /// The stage, where it was about one.
    stage: Option<Stage>,
    /// More about it, in words; often empty.
    detail: String,
}

pub(super) fn operation() -> Operation {
    Operation::answers::<ImportLog>("get_import_log", "What happened to an import")
        .path::<ImportId>("id", "The import")
        .tagged()
}

pub(crate) async fn log(
    State(app): State<App>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let id = import_id(&id)?;
    if app.archive.import(id).await?.is_none() {
        return Err(Problem::not_found("import"));
    }
    let entries = app.archive.import_log(id, None, MOST).await?.into_iter();
    let entries = entries.map(|entry| LogLine {
        happened_at: entry.happened_at,
        what: entry.what.name(),
        stage: entry.stage,
        detail: entry.detail,
    });
    let answer = ImportLog {
        entries: entries.collect(),
    };
    tagged(&headers, &answer)
}
