//! What Bitbucket shows before an import: credentials, workspaces, repositories.

mod credentials;
mod repositories;
mod workspaces;

use axum::http::StatusCode;
use bucketload_model::TokenScope::ImportsWrite;
use url::form_urlencoded;

use super::bearer::Script;
use super::for_scope;
use super::problem::Problem;
use crate::bitbucket::credentials::{Usable, Which, first_usable};
use crate::routes::Route;
use crate::service::Service;

/// They are for whoever may import: each list is paid for with the quota of imports.
pub(super) fn routes() -> Vec<Route> {
    let write = for_scope(ImportsWrite);
    vec![
        Route::get("/credentials", write, credentials::list).told(credentials::operation()),
        Route::get("/workspaces", write, workspaces::list).told(workspaces::operation()),
        Route::get(
            "/workspaces/{workspace}/repositories",
            write,
            repositories::list,
        )
        .told(repositories::operation()),
    ]
}

/// What is said of the parameter that names a credential.
const CREDENTIAL: &str =
    "An id of `GET /credentials`, or `service`; the first of them unless given";

/// The credential that a query names, or the first that can be used.
async fn named(app: &Service, script: &Script, query: &str) -> Result<Usable, Problem> {
    let mut pairs = form_urlencoded::parse(query.as_bytes());
    if let Some((_, text)) = pairs.find(|(name, _)| name == "credential") {
        return usable(app, script, &text).await;
    }
    let all = app.usable_credentials(script.user.id).await?;
    first_usable(&all).cloned().ok_or_else(|| none("usable"))
}

/// The credential of this name, if the user of the token may use it.
pub(super) async fn usable(app: &Service, script: &Script, text: &str) -> Result<Usable, Problem> {
    let which: Which = text.parse().map_err(|_| none(text))?;
    let usable = app.usable_credential(script.user.id, which).await?;
    usable.ok_or_else(|| none(text))
}

fn none(text: &str) -> Problem {
    Problem::new(
        StatusCode::UNPROCESSABLE_ENTITY,
        format!(
            "There is no credential “{text}” that the user of this token may import with. GET \
             /api/v1/credentials has those that there are."
        ),
    )
}
