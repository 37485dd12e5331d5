//! `GET /api/v1/repositories/{workspace}/{slug}/issues/{id}`: one, with its discussion.

use std::collections::BTreeMap;

use axum::extract::{Path, RawQuery, State};
use axum::http::HeaderMap;
use axum::response::Response;
use bucketload_archive::NamedFile;
use bucketload_model::IssueId;
use schemars::JsonSchema;
use serde::Serialize;

use super::people::PersonName;
use super::said::{DiscussionEntry, TypedText, next, said};
use super::{below_repository, found};
use crate::api::document::Operation;
use crate::api::paging::page;
use crate::api::problem::Problem;
use crate::pages::issue::Whole;
use crate::repositories::issue::whole;
use crate::repositories::part::Behind;
use crate::service::App;

/// An issue with a part of its discussion.
#[derive(Debug, Serialize, JsonSchema)]
struct Issue {
    id: IssueId,
    title: String,
    /// As Bitbucket calls it.
    state: Option<String>,
    reporter: PersonName,
    assignee: Option<PersonName>,
    /// Kind, priority, component, milestone and version, as far as it has them.
    labels: BTreeMap<&'static str, String>,
    /// As it was sent.
    created_on: Option<String>,
    /// As it was sent.
    updated_on: Option<String>,
    content: Option<TypedText>,
    /// Its files; with the first part of the discussion alone.
    attachments: Vec<IssueFile>,
    /// In the order of time.
    discussion: Vec<DiscussionEntry>,
    /// The address of the next part, if there is one; also as `Link` (RFC 8288).
    next: Option<String>,
}

/// A file of an issue.
#[derive(Debug, Serialize, JsonSchema)]
struct IssueFile {
    /// As it was sent: no path.
    name: String,
    /// The SHA-256 of its content; none while that is missing.
    sha256: Option<String>,
    size_bytes: Option<u64>,
}

impl From<NamedFile> for IssueFile {
    fn from(file: NamedFile) -> Self {
        let (sha256, size_bytes) = file.content.unzip();
        Self {
            name: file.name,
            sha256,
            size_bytes,
        }
    }
}

pub(super) fn operation() -> Operation {
    let operation = Operation::answers::<Issue>(
        "get_issue",
        "An issue with its discussion, in parts of 200 comments at most",
    );
    below_repository(operation)
        .path::<IssueId>("id", "Its number")
        .query::<i64>("after", "Where the part before ended: use `next`")
        .tagged()
}

pub(super) async fn show(
    State(app): State<App>,
    Path((workspace, slug, id)): Path<(String, String, String)>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let behind = Behind::read(&query.unwrap_or_default())?;
    let repository = found(&app, &workspace, &slug).await?;
    let unknown = || Problem::not_found("issue");
    let id = IssueId(id.parse().map_err(|_| unknown())?);
    let whole = whole(&app, &repository, id, behind).await?;
    let whole = whole.ok_or_else(unknown)?;
    let next = next(&whole.place, &app);
    let answer = answer(whole, next);
    page(&headers, &answer, answer.next.as_deref())
}

fn answer(whole: Whole, next: Option<String>) -> Issue {
    let (issue, known) = (whole.issue, &whole.known);
    let assignee = issue.assignee.as_ref();
    Issue {
        id: IssueId(whole.id),
        title: issue.title,
        state: issue.state,
        reporter: PersonName::of(issue.reporter.as_ref(), known),
        assignee: assignee.map(|assignee| PersonName::of(Some(assignee), known)),
        labels: issue.labels.into_iter().collect(),
        created_on: issue.created_on,
        updated_on: issue.updated_on,
        content: issue.content.as_ref().map(TypedText::of),
        attachments: whole.files.into_iter().map(IssueFile::from).collect(),
        discussion: said(&whole.entries, known),
        next,
    }
}
