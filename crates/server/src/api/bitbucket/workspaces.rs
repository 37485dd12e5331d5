//! `GET /api/v1/workspaces`: the workspaces that a credential sees at Bitbucket.

use axum::Json;
use axum::extract::{RawQuery, State};
use bucketload_model::WorkspaceSlug;
use schemars::JsonSchema;
use serde::Serialize;

use super::{CREDENTIAL, named};
use crate::api::bearer::Script;
use crate::api::document::Operation;
use crate::api::problem::Problem;
use crate::service::App;

/// Workspaces at Bitbucket.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct WorkspaceList {
    /// The credential that was used.
    credential: String,
    /// By name.
    workspaces: Vec<WorkspaceSlug>,
}

pub(super) fn operation() -> Operation {
    Operation::answers::<WorkspaceList>(
        "list_workspaces",
        "The workspaces that a credential sees at Bitbucket, as of two minutes ago at most",
    )
    .query::<String>("credential", CREDENTIAL)
}

pub(crate) async fn list(
    State(app): State<App>,
    script: Script,
    RawQuery(query): RawQuery,
) -> Result<Json<WorkspaceList>, Problem> {
    let credential = named(&app, &script, &query.unwrap_or_default()).await?;
    let workspaces = app.workspaces_of(script.user.id, &credential).await?;
    Ok(Json(WorkspaceList {
        credential: credential.which.to_string(),
        workspaces: workspaces.to_vec(),
    }))
}
