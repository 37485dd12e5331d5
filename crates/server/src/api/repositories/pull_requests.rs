//! `GET /api/v1/repositories/{workspace}/{slug}/pull-requests`, in pages.

use axum::extract::{Path, RawQuery, State};
use axum::http::HeaderMap;
use axum::response::Response;
use bucketload_model::PullRequestId;
use schemars::JsonSchema;
use serde::Serialize;

use super::people::PersonName;
use super::{below_repository, check_filter, filtered, found};
use crate::api::document::Operation;
use crate::api::paging::{length, next_page, page};
use crate::api::problem::Problem;
use crate::repositories::filter::Chosen;
use crate::repositories::pull_requests::{author, known_authors};
use crate::service::App;

/// A page of pull requests, the newest first.
#[derive(Debug, Serialize, JsonSchema)]
struct PullRequestList {
    pull_requests: Vec<PullRequestLine>,
    /// The address of the next page, if there is one; also as `Link` (RFC 8288). A search goes
    /// some way at a time: a page may be empty and have a next one.
    next: Option<String>,
}

/// A pull request in a list.
#[derive(Debug, Serialize, JsonSchema)]
struct PullRequestLine {
    id: PullRequestId,
    title: Option<String>,
    /// As Bitbucket calls it.
    state: Option<String>,
    author: PersonName,
    source_branch: Option<String>,
    destination_branch: Option<String>,
    /// Comments that are not deleted; absent where Bitbucket did not say.
    comments: Option<u64>,
    /// As Bitbucket wrote it.
    created_on: Option<String>,
    /// As Bitbucket wrote it.
    updated_on: Option<String>,
}

pub(super) fn operation() -> Operation {
    let operation = Operation::answers::<PullRequestList>(
        "list_pull_requests",
        "The pull requests of a repository, the newest first",
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
    let found = app
        .archive
        .pull_request_page(&repository.uuid, &filter)
        .await?;
    let known = known_authors(&app, &repository, &found.entries).await?;
    let next = found.next.map(|next| {
        let path = format!("api/v1/repositories/{}/pull-requests", repository.name);
        let next = chosen.address(&path, Some(next));
        next_page(&app, &next, length)
    });
    let lines = found.entries.into_iter().map(|entry| PullRequestLine {
        id: entry.id,
        author: PersonName::of(author(&entry).as_ref(), &known),
        title: entry.title,
        state: entry.state,
        source_branch: entry.source_branch,
        destination_branch: entry.destination_branch,
        comments: entry.comments,
        created_on: entry.created_on,
        updated_on: entry.updated_on,
    });
    let answer = PullRequestList {
        pull_requests: lines.collect(),
        next,
    };
    page(&headers, &answer, answer.next.as_deref())
}
