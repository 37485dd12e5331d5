//! `GET /api/v1/repositories/{workspace}/{slug}/issues`, in pages.

use axum::extract::{Path, RawQuery, State};
use axum::http::HeaderMap;
use axum::response::Response;
use bucketload_archive::IssueEntry;
use bucketload_model::IssueId;
use schemars::JsonSchema;
use serde::Serialize;

use super::{below_repository, check_filter, filtered, found};
use crate::api::document::Operation;
use crate::api::paging::{length, next_page, page};
use crate::api::problem::Problem;
use crate::repositories::filter::Chosen;
use crate::service::App;

/// A page of issues, the newest first.
#[derive(Debug, Serialize, JsonSchema)]
struct IssueList {
    issues: Vec<IssueLine>,
    /// The address of the next page, if there is one; also as `Link` (RFC 8288). A search goes
    /// some way at a time: a page may be empty and have a next one.
    next: Option<String>,
}

/// An issue in a list.
#[derive(Debug, Serialize, JsonSchema)]
struct IssueLine {
    id: IssueId,
    title: Option<String>,
    /// As Bitbucket calls it.
    state: Option<String>,
    kind: Option<String>,
    priority: Option<String>,
    /// The name of who reported it, as it was then.
    reporter: Option<String>,
    /// As it was sent.
    created_on: Option<String>,
    /// As it was sent.
    updated_on: Option<String>,
}

impl From<IssueEntry> for IssueLine {
    fn from(entry: IssueEntry) -> Self {
        Self {
            id: entry.id,
            title: entry.title,
            state: entry.state,
            kind: entry.kind,
            priority: entry.priority,
            reporter: entry.reporter,
            created_on: entry.created_on,
            updated_on: entry.updated_on,
        }
    }
}

pub(super) fn operation() -> Operation {
    let operation = Operation::answers::<IssueList>(
        "list_issues",
        "The issues of a repository, the newest first",
    );
    filtered(below_repository(operation))
}

pub(super) async fn list(
    State(app): State<App>,
    Path((workspace, slug)): Path<(String, String)>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let query = query.unwrap_or_default();
    check_filter(&query)?;
    let repository = found(&app, &workspace, &slug).await?;
    let (chosen, length) = (Chosen::read(query.as_bytes()), length(&query)?);
    let filter = chosen.filter(length);
    let found = app.archive.issue_page(&repository.uuid, &filter).await?;
    let next = found.next.map(|next| {
        let path = format!("api/v1/repositories/{}/issues", repository.name);
        let next = chosen.address(&path, Some(next));
        next_page(&app, &next, length)
    });
    let answer = IssueList {
        issues: found.entries.into_iter().map(IssueLine::from).collect(),
        next,
    };
    page(&headers, &answer, answer.next.as_deref())
}
