//! Repositories and the small lists that hang on them.

use super::{Answered, Context, Route, below_repository};
use crate::credentials::Identity;
use crate::http::cursor::Paging;
use crate::http::list::{List, Shape};
use crate::http::reply::{ApiError, Reply};
use crate::storage;

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
        recorded,
    ),
    Route::new(
        "/repositories/{workspace}/{repo_slug}/watchers",
        "repository",
        recorded,
    ),
    Route::new(
        "/repositories/{workspace}/{repo_slug}/downloads",
        "repository",
        recorded,
    ),
    Route::new(
        "/repositories/{workspace}/{repo_slug}/downloads/{filename}",
        "repository",
        file,
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

/// A file leads to the store, under an address that is signed and meant for one use.
pub(super) fn file(context: &Context<'_>) -> Answered {
    let (workspace, repository) = context.repository()?;
    let below = below_repository(context.path);
    let (list, name) = storage::list_and_name(&below).unwrap_or_default();
    let files = repository.content.recorded(context.links, list);
    let is_there = files.is_some_and(|files| files.iter().any(|file| file["name"] == name));
    if !is_there {
        return Err(ApiError::not_found(format!("No file {name}.")));
    }
    let path = storage::path(&workspace.slug, &repository.slug, list, name);
    Ok(Reply::Redirect(storage::signed(context.links, &path)))
}

/// A list as it was recorded or seeded; what was not recorded is not there.
pub(super) fn recorded(context: &Context<'_>) -> Answered {
    let (_, repository) = context.repository()?;
    let name = below_repository(context.path);
    let values = repository.content.recorded(context.links, &name);
    let values = values.ok_or_else(|| ApiError::not_found(format!("{name} was not recorded")))?;
    context.list(&List::of(values), SHAPE)
}
