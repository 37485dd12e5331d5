//! What Atlassian has removed: the cross-workspace lists in April 2026, issues in August 2026.

use super::{Answered, Context, Route, below_repository};
use crate::http::cursor::Paging;
use crate::http::list::{List, Shape};
use crate::http::reply::ApiError;

pub(super) const ROUTES: &[Route] = &[
    Route::new("/repositories", "", cross_workspace),
    Route::new("/workspaces", "", cross_workspace),
    Route::new("/user/permissions/workspaces", "", cross_workspace),
    Route::new("/user/permissions/repositories", "", cross_workspace),
    Route::new("/repositories/{workspace}/{repo_slug}/issues", "", issues),
    Route::new(
        "/repositories/{workspace}/{repo_slug}/issues/{issue_id}",
        "",
        issues,
    ),
    Route::new(
        "/repositories/{workspace}/{repo_slug}/issues/{issue_id}/comments",
        "",
        issues,
    ),
    Route::new(
        "/repositories/{workspace}/{repo_slug}/issues/{issue_id}/comments/{comment_id}",
        "",
        issues,
    ),
    Route::new(
        "/repositories/{workspace}/{repo_slug}/issues/{issue_id}/changes",
        "",
        issues,
    ),
    Route::new(
        "/repositories/{workspace}/{repo_slug}/issues/{issue_id}/changes/{change_id}",
        "",
        issues,
    ),
    Route::new(
        "/repositories/{workspace}/{repo_slug}/issues/{issue_id}/attachments",
        "",
        issues,
    ),
    Route::new(
        "/repositories/{workspace}/{repo_slug}/issues/{issue_id}/attachments/{path}",
        "",
        attachment,
    ),
    Route::new(
        "/repositories/{workspace}/{repo_slug}/components",
        "",
        issues,
    ),
    Route::new(
        "/repositories/{workspace}/{repo_slug}/milestones",
        "",
        issues,
    ),
    Route::new("/repositories/{workspace}/{repo_slug}/versions", "", issues),
];

fn cross_workspace(_context: &Context<'_>) -> Answered {
    Err(ApiError::removed("CHANGE-2770"))
}

/// Gone like the issues, or a file like a download.
fn attachment(context: &Context<'_>) -> Answered {
    let (_, repository) = context.repository()?;
    let below = below_repository(context.path);
    let list = below.rsplit_once('/').map_or("", |(list, _)| list);
    if repository.content.recorded(context.links, list).is_none() {
        return Err(ApiError::removed("CHANGE-3071"));
    }
    super::repositories::file(context)
}

/// Gone, unless the world is a recording from before and was told to show it.
fn issues(context: &Context<'_>) -> Answered {
    let (_, repository) = context.repository()?;
    let below = below_repository(context.path);
    if let Some(values) = repository.content.recorded(context.links, &below) {
        return context.list(&List::of(values), Shape::paged(Paging::PAGES));
    }
    match repository.content.recorded_object(context.links, &below) {
        Some(value) => context.object(value),
        None => Err(ApiError::removed("CHANGE-3071")),
    }
}
