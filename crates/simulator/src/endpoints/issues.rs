//! The issue tracker: 410 since 20 August 2026, unless the world is one from before.

use super::{Answered, Context, Route, below_repository};
use crate::http::cursor::Paging;
use crate::http::list::{List, Shape};
use crate::http::reply::ApiError;
use crate::world::repository::{Repository, Tracker};

// What is gone is gone whatever a credential may do, so the scope is looked at later.
pub(super) const ROUTES: &[Route] = &[
    Route::new("/repositories/{workspace}/{repo_slug}/issues", "", issues),
    Route::new(
        "/repositories/{workspace}/{repo_slug}/issues/{issue_id}",
        "",
        issue,
    ),
    Route::new(
        "/repositories/{workspace}/{repo_slug}/issues/{issue_id}/comments",
        "",
        comments,
    ),
    Route::new(
        "/repositories/{workspace}/{repo_slug}/issues/{issue_id}/comments/{comment_id}",
        "",
        one_of,
    ),
    Route::new(
        "/repositories/{workspace}/{repo_slug}/issues/{issue_id}/changes",
        "",
        list,
    ),
    Route::new(
        "/repositories/{workspace}/{repo_slug}/issues/{issue_id}/changes/{change_id}",
        "",
        one_of,
    ),
    Route::new(
        "/repositories/{workspace}/{repo_slug}/issues/{issue_id}/attachments",
        "",
        list,
    ),
    Route::new(
        "/repositories/{workspace}/{repo_slug}/issues/{issue_id}/attachments/{path}",
        "",
        attachment,
    ),
    Route::new("/repositories/{workspace}/{repo_slug}/components", "", list),
    Route::new("/repositories/{workspace}/{repo_slug}/milestones", "", list),
    Route::new("/repositories/{workspace}/{repo_slug}/versions", "", list),
];

const SHAPE: Shape = Shape::paged(Paging::PAGES);

/// The repository, where its tracker answers this client.
fn tracker<'a>(context: &'a Context<'_>) -> Result<&'a Repository, ApiError> {
    let (_, repository) = context.repository()?;
    match repository.tracker() {
        Tracker::Answers => {
            context.identity.check_scopes("issue")?;
            Ok(repository)
        }
        Tracker::Never => Err(ApiError::not_found("Repository has no issue tracker.")),
        Tracker::Removed => Err(ApiError::removed("CHANGE-3071")),
    }
}

fn issues(context: &Context<'_>) -> Answered {
    let issues = tracker(context)?.issues(context.links);
    let shape = Shape {
        remembers: true,
        ..SHAPE
    };
    context.list(&issues, shape)
}

fn issue(context: &Context<'_>) -> Answered {
    let id = context.id("issue_id")?;
    let found = tracker(context)?.issue(context.links, id);
    context.object(found.ok_or_else(|| no_issue(id))?)
}

fn no_issue(id: u64) -> ApiError {
    ApiError::not_found(format!("No issue with id {id}."))
}

fn comments(context: &Context<'_>) -> Answered {
    let id = context.id("issue_id")?;
    let comments = tracker(context)?.issue_comments(context.links, id);
    let comments = comments.ok_or_else(|| no_issue(id))?;
    context.list(&List::of(comments), SHAPE)
}

fn list(context: &Context<'_>) -> Answered {
    let repository = tracker(context)?;
    let below = below_repository(context.path);
    let values = repository.issue_list(context.links, &below);
    let values = values.ok_or_else(|| ApiError::not_found(format!("{below} is not there")))?;
    context.list(&List::of(values), SHAPE)
}

/// One comment or change of its list.
fn one_of(context: &Context<'_>) -> Answered {
    let repository = tracker(context)?;
    let below = below_repository(context.path);
    let found = repository
        .content
        .recorded_object(context.links, &below)
        .or_else(|| {
            let (list, id) = below.rsplit_once('/')?;
            let values = repository.issue_list(context.links, list)?;
            let id: u64 = id.parse().ok()?;
            values.into_iter().find(|one| one["id"] == id)
        });
    context.object(found.ok_or_else(|| ApiError::not_found(format!("{below} is not there")))?)
}

fn attachment(context: &Context<'_>) -> Answered {
    tracker(context)?;
    super::repositories::file(context)
}
