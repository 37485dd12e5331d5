//! `GET /api/v1/imports/{id}`: one import's report, as `import --json` prints it.

use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::Response;
use bucketload_model::{ImportId, ImportReport};

use super::import_id;
use crate::api::document::Operation;
use crate::api::etag::tagged;
use crate::api::problem::Problem;
use crate::service::App;

pub(super) fn operation() -> Operation {
    Operation::answers::<ImportReport>("get_import", "The report of an import, with its gaps")
        .path::<ImportId>("id", "The import")
        .tagged()
}

pub(crate) async fn show(
    State(app): State<App>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let id = import_id(&id)?;
    let report = app.archive.report(id).await?;
    let mut report = report.ok_or_else(|| Problem::not_found("import"))?;
    let lost = app.archive.lost_imports(&app.health.data_dir, app.now());
    if let Some(lost) = lost.await?.get(&id) {
        lost.tell(&mut report);
    }
    tagged(&headers, &report)
}
