//! One issue with its discussion.

use axum::extract::{Path, Query, State};
use axum::response::Response;
use bucketload_archive::{DatabaseError, StoredRepository};
use bucketload_model::{CommentId, IssueId};
use maud::Markup;

use super::files::plain_text;
use super::found::{found, number};
use super::part::{Behind, COMMENTS, EVENTS, MOST, Which, want_said};
use crate::discussion::{Comment, Issue, changes, in_order, known, text_at};
use crate::error::PageError;
use crate::pages::discussion::Place;
use crate::pages::issue::{self, Whole};
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
    let id = IssueId(number(&id)?);
    let whole = whole(&app, &repository, id, behind).await?;
    let whole = whole.ok_or_else(PageError::not_found)?;
    Ok(issue::page(&person, &whole))
}

/// An issue and a part of its discussion, if it is in the archive.
pub(crate) async fn whole(
    service: &Service,
    repository: &StoredRepository,
    id: IssueId,
    behind: Behind,
) -> Result<Option<Whole>, DatabaseError> {
    let (archive, uuid) = (&service.archive, &repository.uuid);
    let Some(source) = archive.issue_source(uuid, id).await? else {
        return Ok(None);
    };
    let issue = Issue::read(&source);
    let after = behind.after.map(CommentId);
    let page = archive.issue_comments(uuid, id, after, COMMENTS).await?;
    let last = page.comments.last().map(|last| last.id);
    let next = last.filter(|_| page.has_more);
    // A change has the number of the comment that goes with it.
    let events = archive
        .issue_changes(uuid, id, (after, next), EVENTS)
        .await?;
    let events = changes(&events);
    let files = match after {
        None => archive.issue_files(uuid, id, MOST).await?,
        Some(_) => Vec::new(),
    };
    let comments = page.comments.iter().map(Comment::read);
    let comments: Vec<Comment> = comments.filter(|comment| !comment.is_silent()).collect();
    let mut wanted = Wanted::default();
    issue.want(&mut wanted);
    want_said(&comments, &events, &mut wanted);
    Ok(Some(Whole {
        known: known(service, repository, &wanted).await?,
        place: Place {
            path: format!("repositories/{}/issues/{}", repository.name, id.0),
            is_first: after.is_none(),
            next: next.map(|next| next.0),
        },
        id: id.0,
        name: repository.name.clone(),
        issue,
        entries: in_order(comments, events),
        files,
    }))
}

/// A text of it as it was typed.
pub(crate) async fn text(
    State(app): State<App>,
    _person: Person,
    Path((workspace, slug, id)): Path<(String, String, String)>,
    Query(which): Query<Which>,
) -> Result<Response, PageError> {
    let repository = found(&app, &workspace, &slug).await?;
    let id = IssueId(number(&id)?);
    let (archive, uuid) = (&app.archive, &repository.uuid);
    let source = match which.comment {
        None => archive.issue_source(uuid, id).await?,
        Some(comment) => {
            let comment = CommentId(comment);
            archive.issue_comment_source(uuid, id, comment).await?
        }
    };
    let source = source.ok_or_else(PageError::not_found)?;
    let source: serde_json::Value = serde_json::from_str(&source).unwrap_or_default();
    let text = text_at(&source, &["content", "raw"]).or_else(|| text_at(&source, &["content"]));
    Ok(plain_text(text.unwrap_or_default()))
}
