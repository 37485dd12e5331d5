//! `GET /api/v1/repositories/{workspace}/{slug}/pull-requests/{id}`: one, with its discussion.

use axum::extract::{Path, RawQuery, State};
use axum::http::HeaderMap;
use axum::response::Response;
use bucketload_model::PullRequestId;
use schemars::JsonSchema;
use serde::Serialize;

use super::people::PersonName;
use super::said::{DiscussionEntry, TypedText, next, said};
use super::{below_repository, found};
use crate::api::document::Operation;
use crate::api::paging::page;
use crate::api::problem::Problem;
use crate::discussion::{Known, Participant, Side, Task};
use crate::pages::pull_request::Whole;
use crate::repositories::part::Behind;
use crate::repositories::pull_request::whole;
use crate::service::App;

/// A pull request with a part of its discussion.
#[derive(Debug, Serialize, JsonSchema)]
struct PullRequest {
    id: PullRequestId,
    title: String,
    /// As Bitbucket calls it.
    state: Option<String>,
    is_draft: bool,
    author: PersonName,
    closed_by: Option<PersonName>,
    /// Why it was declined.
    reason: Option<String>,
    source: ChangeSide,
    destination: ChangeSide,
    merge_commit: Option<String>,
    /// As Bitbucket wrote it.
    created_on: Option<String>,
    /// As Bitbucket wrote it.
    updated_on: Option<String>,
    description: Option<TypedText>,
    participants: Vec<PullRequestParticipant>,
    /// Its tasks; with the first part of the discussion alone.
    tasks: Vec<PullRequestTask>,
    /// In the order of time.
    discussion: Vec<DiscussionEntry>,
    /// The address of the next part, if there is one; also as `Link` (RFC 8288).
    next: Option<String>,
}

/// Where a change comes from, or goes to.
#[derive(Debug, Serialize, JsonSchema)]
struct ChangeSide {
    branch: Option<String>,
    commit: Option<String>,
    /// `workspace/repository`; none where a fork is gone.
    repository: Option<String>,
}

/// Somebody who takes part.
#[derive(Debug, Serialize, JsonSchema)]
struct PullRequestParticipant {
    person: PersonName,
    is_reviewer: bool,
    has_approved: bool,
    wants_changes: bool,
}

/// Something to be done before it is merged.
#[derive(Debug, Serialize, JsonSchema)]
struct PullRequestTask {
    is_done: bool,
    text: Option<TypedText>,
    creator: PersonName,
}

impl ChangeSide {
    fn of(side: Side) -> Self {
        Self {
            branch: side.branch,
            commit: side.commit,
            repository: side.repository,
        }
    }
}

impl PullRequestParticipant {
    fn of(one: &Participant, known: &Known) -> Self {
        Self {
            person: PersonName::of(Some(&one.account), known),
            is_reviewer: one.is_reviewer,
            has_approved: one.has_approved,
            wants_changes: one.wants_changes,
        }
    }
}

impl PullRequestTask {
    fn of(task: &Task, known: &Known) -> Self {
        Self {
            is_done: task.is_done,
            text: task.text.as_ref().map(TypedText::of),
            creator: PersonName::of(task.creator.as_ref(), known),
        }
    }
}

pub(super) fn operation() -> Operation {
    let operation = Operation::answers::<PullRequest>(
        "get_pull_request",
        "A pull request with its discussion, in parts of 200 comments at most",
    );
    below_repository(operation)
        .path::<PullRequestId>("id", "Its number")
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
    let unknown = || Problem::not_found("pull request");
    let id = PullRequestId(id.parse().map_err(|_| unknown())?);
    let whole = whole(&app, &repository, id, behind).await?;
    let whole = whole.ok_or_else(unknown)?;
    let next = next(&whole.place, &app);
    let answer = answer(whole, next);
    page(&headers, &answer, answer.next.as_deref())
}

fn answer(whole: Whole, next: Option<String>) -> PullRequest {
    let (it, known) = (whole.pull_request, &whole.known);
    let person = |account| PersonName::of(account, known);
    PullRequest {
        id: PullRequestId(whole.id),
        title: it.title,
        state: it.state,
        is_draft: it.is_draft,
        author: person(it.author.as_ref()),
        closed_by: it.closed_by.as_ref().map(|closer| person(Some(closer))),
        reason: it.reason,
        source: ChangeSide::of(it.source),
        destination: ChangeSide::of(it.destination),
        merge_commit: it.merge_commit,
        created_on: it.created_on,
        updated_on: it.updated_on,
        description: it.description.as_ref().map(TypedText::of),
        participants: it
            .participants
            .iter()
            .map(|one| PullRequestParticipant::of(one, known))
            .collect(),
        tasks: whole
            .tasks
            .iter()
            .map(|task| PullRequestTask::of(task, known))
            .collect(),
        discussion: said(&whole.entries, known),
        next,
    }
}
