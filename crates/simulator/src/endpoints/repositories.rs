//! Repositories and the small lists that hang on them.

use super::{Answered, Context, Route};
use crate::credentials::Identity;
use crate::http::cursor::Paging;
use crate::http::list::{List, Shape};
use crate::http::reply::ApiError;

pub(super) const ROUTES: &[Route] = &[
    Route::new("/repositories/{workspace}", "repository", repositories),
    Route::new(
        "/repositories/{workspace}/{repo_slug}",
        "repository",
        repository,
    ),
    Route::new(
        "/repositories/{workspace}/{repo_slug}/forks",
        "repository",
        forks,
    ),
    Route::new(
        "/repositories/{workspace}/{repo_slug}/watchers",
        "repository",
        watchers,
    ),
    Route::new(
        "/repositories/{workspace}/{repo_slug}/downloads",
        "repository",
        downloads,
    ),
    Route::new(
        "/repositories/{workspace}/{repo_slug}/default-reviewers",
        "pullrequest",
        default_reviewers,
    ),
];

const SHAPE: Shape = Shape::paged(Paging::PAGES);

fn repositories(context: &Context<'_>) -> Answered {
    let workspace = context.workspace()?;
    // Everybody with a credential is taken for a member of what that credential sees.
    let member_only = match context.params.get("role") {
        None => false,
        Some("member" | "contributor" | "admin" | "owner") => true,
        Some(role) => return Err(ApiError::bad_request(format!("Invalid role: {role}"))),
    };
    let shown: Vec<_> = workspace
        .repositories
        .iter()
        .filter(|repository| !repository.gone && context.may_see(workspace, repository))
        .filter(|repository| {
            !member_only
                || !matches!(context.identity, Identity::Anonymous)
                    && context.identity.sees(&workspace.slug, &repository.slug)
        })
        .collect();
    let list = List::new(shown.len(), |index| shown[index].json(context.links));
    context.list(&list, SHAPE)
}

fn repository(context: &Context<'_>) -> Answered {
    let (_, repository) = context.repository()?;
    context.object(repository.json(context.links))
}

fn forks(context: &Context<'_>) -> Answered {
    recorded(context, "forks")
}

fn watchers(context: &Context<'_>) -> Answered {
    recorded(context, "watchers")
}

fn downloads(context: &Context<'_>) -> Answered {
    recorded(context, "downloads")
}

fn default_reviewers(context: &Context<'_>) -> Answered {
    recorded(context, "default-reviewers")
}

fn recorded(context: &Context<'_>, name: &str) -> Answered {
    let (_, repository) = context.repository()?;
    let values = repository.content.recorded(context.links, name);
    let values = values.ok_or_else(|| ApiError::not_found(format!("{name} was not recorded")))?;
    context.list(&List::of(values), SHAPE)
}
