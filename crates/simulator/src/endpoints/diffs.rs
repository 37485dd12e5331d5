//! Diffs, patches and diffstats.

use super::{Answered, Context, Route, git_failed, no_pull_request};
use crate::http::cursor::Paging;
use crate::http::list::{List, Shape};
use crate::http::reply::{ApiError, Reply};
use serde_json::Value;

pub(super) const ROUTES: &[Route] = &[
    Route::git(
        "/repositories/{workspace}/{repo_slug}/diff/{spec}",
        "repository",
        diff,
    ),
    Route::git(
        "/repositories/{workspace}/{repo_slug}/patch/{spec}",
        "repository",
        patch,
    ),
    Route::git(
        "/repositories/{workspace}/{repo_slug}/diffstat/{spec}",
        "repository",
        diffstat,
    ),
    Route::new(
        "/repositories/{workspace}/{repo_slug}/pullrequests/{pull_request_id}/diff",
        "pullrequest",
        pull_request_diff,
    ),
    Route::new(
        "/repositories/{workspace}/{repo_slug}/pullrequests/{pull_request_id}/patch",
        "pullrequest",
        pull_request_patch,
    ),
    Route::new(
        "/repositories/{workspace}/{repo_slug}/pullrequests/{pull_request_id}/diffstat",
        "pullrequest",
        pull_request_diffstat,
    ),
];

fn diff(context: &Context<'_>) -> Answered {
    let (_, repository) = context.repository()?;
    let sides = sides(context)?;
    repository
        .git
        .diff(&sides)
        .map(Reply::Text)
        .map_err(|error| git_failed(&error))
}

fn patch(context: &Context<'_>) -> Answered {
    let (_, repository) = context.repository()?;
    let sides = sides(context)?;
    repository
        .git
        .patch(&sides)
        .map(Reply::Text)
        .map_err(|error| git_failed(&error))
}

fn diffstat(context: &Context<'_>) -> Answered {
    let (_, repository) = context.repository()?;
    let sides = sides(context)?;
    let entries = repository
        .git
        .diffstat(&sides)
        .map_err(|error| git_failed(&error))?;
    context.list(&List::of(entries), Shape::paged(Paging::PAGES))
}

fn sides(context: &Context<'_>) -> Result<crate::git::diff::Sides, ApiError> {
    let (_, repository) = context.repository()?;
    let spec = context.capture("spec");
    repository
        .git
        .sides(spec)
        .ok_or_else(|| ApiError::not_found(format!("Commit not found: {spec}")))
}

fn pull_request_diff(context: &Context<'_>) -> Answered {
    redirect(context, "diff")
}

fn pull_request_patch(context: &Context<'_>) -> Answered {
    redirect(context, "patch")
}

fn pull_request_diffstat(context: &Context<'_>) -> Answered {
    redirect(context, "diffstat")
}

/// To where the pull request's own link leads; there is none for patches, which are at the same
/// place under another name.
fn redirect(context: &Context<'_>, what: &str) -> Answered {
    let (_, repository) = context.repository()?;
    let id = context.id("pull_request_id")?;
    let found = repository
        .pull_request(context.links, id)
        .ok_or_else(|| no_pull_request(id))?;
    match &found["links"]["diff"]["href"] {
        Value::String(href) => Ok(Reply::Redirect(href.replacen(
            "/diff/",
            &format!("/{what}/"),
            1,
        ))),
        _ => Err(ApiError::not_found("The pull request has no diff.")),
    }
}
