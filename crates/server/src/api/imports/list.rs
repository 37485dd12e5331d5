//! `GET /api/v1/imports`: the latest import of every repository, in pages.

use axum::extract::{RawQuery, State};
use axum::http::HeaderMap;
use axum::response::Response;
use bucketload_model::{ImportId, ImportState, WorkspaceSlug};
use schemars::JsonSchema;
use serde::Serialize;

use super::entry::Entry;
use crate::api::document::Operation;
use crate::api::paging::{check, length, next_page, page};
use crate::api::problem::Problem;
use crate::imports::filter::Chosen;
use crate::service::App;

/// A page of imports, the latest first.
#[derive(Debug, Serialize, JsonSchema)]
struct ImportList {
    imports: Vec<Entry>,
    /// The address of the next page, if there is one; also as `Link` (RFC 8288).
    next: Option<String>,
}

/// What the answer is, and what it can be filtered by.
pub(super) fn operation() -> Operation {
    Operation::answers::<ImportList>(
        "list_imports",
        "The latest import of every repository, the latest first",
    )
    .query::<Vec<ImportState>>("state", "Only those in one of these states")
    .query::<WorkspaceSlug>("workspace", "Only those of a workspace")
    .query::<String>("q", "Only those with this in `workspace/repository`")
    .query::<u32>("limit", "So many on a page, 100 at most")
    .query::<ImportId>("before", "Where the page before ended: use `next`")
    .tagged()
}

/// Filters by `state` (may be given several times), `workspace` and `q`, a part of
/// `workspace/repository`.
pub(crate) async fn list(
    State(app): State<App>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let query = query.unwrap_or_default();
    let known = "state, workspace, q, limit and before";
    check(&query, known, |name, value| match name {
        "state" => value.parse::<ImportState>().is_ok(),
        "workspace" => value.parse::<WorkspaceSlug>().is_ok(),
        "before" => value.parse::<ImportId>().is_ok(),
        name => matches!(name, "q" | "limit"),
    })?;
    let chosen = Chosen::read(query.as_bytes());
    let length = length(&query)?;
    let found = app.lines(chosen.filter(None), length).await?;
    let now = app.now();
    let next = found.next.map(|next| {
        let next = chosen.address("api/v1/imports", Some(next));
        next_page(&app, &next, length)
    });
    let lines = found.lines.into_iter();
    let answer = ImportList {
        imports: lines.map(|line| Entry::of(line, now)).collect(),
        next,
    };
    page(&headers, &answer, answer.next.as_deref())
}
