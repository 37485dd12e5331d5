//! Comments of pull requests.

use super::{Answered, Context, Route, no_pull_request};
use crate::http::cursor::Paging;
use crate::http::list::Shape;
use crate::http::reply::ApiError;

pub(super) const ROUTES: &[Route] = &[
    Route::new(
        "/repositories/{workspace}/{repo_slug}/pullrequests/{pull_request_id}/comments",
        "pullrequest",
        list,
    ),
    Route::new(
        "/repositories/{workspace}/{repo_slug}/pullrequests/{pull_request_id}/comments/{comment_id}",
        "pullrequest",
        one,
    ),
];

/// Deleted ones too, without their text.
fn list(context: &Context<'_>) -> Answered {
    let (_, repository) = context.repository()?;
    let id = context.id("pull_request_id")?;
    let comments = repository
        .comments(context.links, id)
        .ok_or_else(|| no_pull_request(id))?;
    context.list(&comments, Shape::paged(Paging::PAGES))
}

fn one(context: &Context<'_>) -> Answered {
    let (_, repository) = context.repository()?;
    let (id, comment) = (context.id("pull_request_id")?, context.id("comment_id")?);
    let found = repository.comment(context.links, id, comment);
    context.object(found.ok_or_else(|| ApiError::not_found(format!("No comment {comment}.")))?)
}
