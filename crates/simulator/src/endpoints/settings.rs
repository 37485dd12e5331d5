//! Settings of a repository. Those for administrators need `repository:admin`, which nothing
//! else implies.

use super::{Answered, Context, Route, below_repository};
use crate::http::reply::ApiError;

pub(super) const ROUTES: &[Route] = &[
    Route::new(
        "/repositories/{workspace}/{repo_slug}/default-reviewers",
        "pullrequest",
        super::repositories::recorded,
    ),
    Route::new(
        "/repositories/{workspace}/{repo_slug}/effective-default-reviewers",
        "pullrequest",
        super::repositories::recorded,
    ),
    Route::new(
        "/repositories/{workspace}/{repo_slug}/branch-restrictions",
        "repository:admin",
        super::repositories::recorded,
    ),
    Route::new(
        "/repositories/{workspace}/{repo_slug}/branching-model",
        "repository",
        object,
    ),
    Route::new(
        "/repositories/{workspace}/{repo_slug}/effective-branching-model",
        "repository",
        object,
    ),
    Route::new(
        "/repositories/{workspace}/{repo_slug}/branching-model/settings",
        "repository:admin",
        object,
    ),
    Route::new(
        "/repositories/{workspace}/{repo_slug}/permissions-config/users",
        "repository:admin",
        super::repositories::recorded,
    ),
    Route::new(
        "/repositories/{workspace}/{repo_slug}/permissions-config/groups",
        "repository:admin",
        super::repositories::recorded,
    ),
    Route::new(
        "/repositories/{workspace}/{repo_slug}/hooks",
        "webhook",
        super::repositories::recorded,
    ),
    Route::new(
        "/repositories/{workspace}/{repo_slug}/deploy-keys",
        "repository repository:admin",
        super::repositories::recorded,
    ),
];

/// One object; what was not recorded is not there.
pub(super) fn object(context: &Context<'_>) -> Answered {
    let (_, repository) = context.repository()?;
    let name = below_repository(context.path);
    let found = repository.content.recorded_object(context.links, &name);
    context.object(found.ok_or_else(|| ApiError::not_found(format!("{name} was not recorded")))?)
}
