//! `GET /api/v1/imports` and `GET /api/v1/imports/{id}`.

use axum::Json;
use axum::extract::{Path, State};
use bucketload_model::{ImportId, ImportReport, TokenScope};
use serde_json::{Value, json};

use super::bearer::Script;
use super::problem::Problem;
use crate::service::App;

/// The latest import of every repository, in short.
pub(crate) async fn list(State(app): State<App>, script: Script) -> Result<Json<Value>, Problem> {
    script.needs(TokenScope::ImportsRead)?;
    let data_dir = &app.health.data_dir;
    let lost = app.archive.lost_imports(data_dir, app.now()).await?;
    let imports = app.archive.latest_imports().await?.into_iter();
    let imports: Vec<Value> = imports
        .map(|import| {
            let state = lost.get(&import.id).map_or(import.state, |lost| lost.state);
            json!({ "id": import.id, "source": import.name, "state": state })
        })
        .collect();
    Ok(Json(json!({ "imports": imports })))
}

/// One import's report, as `import --json` prints it.
pub(crate) async fn show(
    State(app): State<App>,
    script: Script,
    Path(id): Path<String>,
) -> Result<Json<ImportReport>, Problem> {
    script.needs(TokenScope::ImportsRead)?;
    let id: ImportId = id.parse().map_err(|_| Problem::not_found("import"))?;
    let report = app.archive.report(id).await?;
    let mut report = report.ok_or_else(|| Problem::not_found("import"))?;
    let data_dir = &app.health.data_dir;
    if let Some(lost) = app
        .archive
        .lost_imports(data_dir, app.now())
        .await?
        .get(&id)
    {
        lost.tell(&mut report);
    }
    Ok(Json(report))
}
