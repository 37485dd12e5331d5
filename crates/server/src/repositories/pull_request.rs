//! One pull request with its discussion.

use axum::extract::{Path, Query, State};
use axum::response::Response;
use bucketload_archive::{CommentPage, DatabaseError, StoredRepository};
use bucketload_model::{CommentId, PullRequestId};
use maud::Markup;

use super::files::plain_text;
use super::found::{found, number};
use super::part::{Behind, COMMENTS, EVENTS, MOST, Which, want_said};
use crate::discussion::{Comment, PullRequest, Task, in_order, known, text_at, updates};
use crate::error::PageError;
use crate::pages::discussion::Place;
use crate::pages::pull_request::{self, Whole};
use crate::service::{App, Service};
use crate::session::Person;
use crate::text::Wanted;

pub(crate) async fn show(
    State(app): State<App>,
    person: Person,
    Path((workspace, slug, id)): Path<(String, String, String)>,
    Query(behind): Query<Behind>,
) -> Result<Markup, PageError> {
    let repository = found(&app, &workspace, &slug).await?;
    let id = PullRequestId(number(&id)?);
    let whole = whole(&app, &repository, id, behind).await?;
    let whole = whole.ok_or_else(PageError::not_found)?;
    Ok(pull_request::page(&person, &whole))
}

/// A pull request and a part of its discussion, if it is in the archive.
pub(crate) async fn whole(
    service: &Service,
    repository: &StoredRepository,
    id: PullRequestId,
    behind: Behind,
) -> Result<Option<Whole>, DatabaseError> {
    let (archive, uuid) = (&service.archive, &repository.uuid);
    let Some(source) = archive.pull_request_source(uuid, id).await? else {
        return Ok(None);
    };
    let pull_request = PullRequest::read(&source);
    let after = behind.after.map(CommentId);
    let page = archive
        .pull_request_comments(uuid, id, after, COMMENTS)
        .await?;
    let range = (page.earlier_until.as_deref(), until(&page));
    let events = archive.pull_request_events(uuid, id, range, EVENTS).await?;
    let events = updates(&events, after.is_none());
    let tasks = match after {
        None => archive.task_sources(uuid, id, MOST).await?,
        Some(_) => Vec::new(),
    };
    let tasks: Vec<Task> = tasks.iter().filter_map(|task| Task::read(task)).collect();
    let comments: Vec<Comment> = page.comments.iter().map(Comment::read).collect();
    let mut wanted = Wanted::default();
    pull_request.want(&mut wanted);
    want_said(&comments, &events, &mut wanted);
    for task in &tasks {
        task.want(&mut wanted);
    }
    let last = page.comments.last().map(|last| last.id.0);
    Ok(Some(Whole {
        known: known(service, repository, &wanted).await?,
        place: Place {
            path: format!("repositories/{}/pull-requests/{}", repository.name, id.0),
            is_first: after.is_none(),
            next: last.filter(|_| page.has_more),
        },
        id: id.0,
        name: repository.name.clone(),
        pull_request,
        entries: in_order(comments, events),
        tasks,
    }))
}

/// Up to when a page goes; without an end where it is the last.
fn until(page: &CommentPage) -> Option<&str> {
    let last = page.comments.last().filter(|_| page.has_more)?;
    last.created_on.as_deref()
}

/// A text of it as it was typed.
pub(crate) async fn text(
    State(app): State<App>,
    _person: Person,
    Path((workspace, slug, id)): Path<(String, String, String)>,
    Query(which): Query<Which>,
) -> Result<Response, PageError> {
    let repository = found(&app, &workspace, &slug).await?;
    let id = PullRequestId(number(&id)?);
    let (archive, uuid) = (&app.archive, &repository.uuid);
    let source = match which.comment {
        None => archive.pull_request_source(uuid, id).await?,
        Some(comment) => {
            let comment = CommentId(comment);
            archive
                .pull_request_comment_source(uuid, id, comment)
                .await?
        }
    };
    let source = source.ok_or_else(PageError::not_found)?;
    let source: serde_json::Value = serde_json::from_str(&source).unwrap_or_default();
    let paths: [&[&str]; 3] = [&["content", "raw"], &["summary", "raw"], &["description"]];
    let text = paths.into_iter().find_map(|path| text_at(&source, path));
    Ok(plain_text(text.unwrap_or_default()))
}
