//! `POST /api/v1/imports/{id}/{pause, cancel, resume, retry}`.

use std::borrow::Cow;

use axum::Json;
use axum::extract::{Path, State};
use bucketload_model::{ImportId, ImportState};
use bucketload_worker::queue::Ask;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Serialize;

use super::{asker, import_id};
use crate::api::bearer::Script;
use crate::api::document::Operation;
use crate::api::problem::Problem;
use crate::service::App;

/// Where an import stands after something was asked of it.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "ImportStanding")]
pub(crate) struct Standing {
    id: ImportId,
    /// One that runs ends within a second or two: it still is `running` until it has
    /// paused, and `cancelling` until it has stopped.
    state: ImportState,
}

/// The words of [`Ask`], as the document has them.
struct AskWord;

impl JsonSchema for AskWord {
    fn schema_name() -> Cow<'static, str> {
        "Ask".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "enum": Ask::ALL.map(Ask::name) })
    }
}

pub(super) fn operation() -> Operation {
    Operation::answers::<Standing>("ask_import", "Pauses, stops, resumes or retries an import")
        .path::<ImportId>("id", "The import")
        .path::<AskWord>("ask", "What to do")
}

pub(crate) async fn ask(
    State(app): State<App>,
    script: Script,
    Path((id, what)): Path<(String, String)>,
) -> Result<Json<Standing>, Problem> {
    let id = import_id(&id)?;
    let ask = Ask::ALL.into_iter().find(|ask| ask.name() == what);
    let ask = ask.ok_or_else(|| Problem::not_found("action"))?;
    let queue = app.queue.clone().asked_by(asker(&script));
    let state = queue.ask(id, ask).await?;
    app.events.look_now();
    Ok(Json(Standing { id, state }))
}
