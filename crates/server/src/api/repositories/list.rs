//! `GET /api/v1/repositories`: what is in the archive, in pages.

use axum::extract::{RawQuery, State};
use axum::http::HeaderMap;
use axum::response::Response;
use bucketload_archive::RepositoryEntry;
use bucketload_model::{ImportId, RepositoryName, WorkspaceSlug};
use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::Serialize;

use crate::api::document::Operation;
use crate::api::paging::{check, length, next_page, page};
use crate::api::problem::Problem;
use crate::repositories::list::Chosen;
use crate::service::App;

/// A page of repositories, by name.
#[derive(Debug, Serialize, JsonSchema)]
struct RepositoryList {
    repositories: Vec<RepositoryLine>,
    /// The address of the next page, if there is one; also as `Link` (RFC 8288).
    next: Option<String>,
}

/// A repository in a list.
#[derive(Debug, Serialize, JsonSchema)]
struct RepositoryLine {
    /// `workspace/repository`.
    name: String,
    /// The import that was asked for last; none where all is from an export.
    latest_import: Option<ImportId>,
    /// When an import last came to its end.
    imported_at: Option<DateTime<Utc>>,
    /// When all was last found right.
    proven_at: Option<DateTime<Utc>>,
}

impl From<RepositoryEntry> for RepositoryLine {
    fn from(entry: RepositoryEntry) -> Self {
        Self {
            name: entry.name.to_string(),
            latest_import: entry.latest_import,
            imported_at: entry.imported_at,
            proven_at: entry.proven_at,
        }
    }
}

pub(super) fn operation() -> Operation {
    Operation::answers::<RepositoryList>(
        "list_repositories",
        "The repositories that are in the archive, by name",
    )
    .query::<WorkspaceSlug>("workspace", "Only those of a workspace")
    .query::<String>("q", "Only those with this in `workspace/repository`")
    .query::<u32>("limit", "So many on a page, 100 at most")
    .query::<String>("after", "Where the page before ended: use `next`")
    .tagged()
}

pub(super) async fn list(
    State(app): State<App>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let query = query.unwrap_or_default();
    check(
        &query,
        "workspace, q, limit and after",
        |name, value| match name {
            "workspace" => value.parse::<WorkspaceSlug>().is_ok(),
            "after" => value.parse::<RepositoryName>().is_ok(),
            name => matches!(name, "q" | "limit"),
        },
    )?;
    let (chosen, length) = (Chosen::read(query.as_bytes()), length(&query)?);
    let mut entries = app
        .archive
        .repository_page(&chosen.filter(length + 1))
        .await?;
    let has_more = entries.len() > length as usize;
    entries.truncate(length as usize);
    let last = entries.last().filter(|_| has_more);
    let next = last.map(|last| {
        let next = chosen.behind("api/v1/repositories", &last.name);
        next_page(&app, &next, length)
    });
    let answer = RepositoryList {
        repositories: entries.into_iter().map(RepositoryLine::from).collect(),
        next,
    };
    page(&headers, &answer, answer.next.as_deref())
}
