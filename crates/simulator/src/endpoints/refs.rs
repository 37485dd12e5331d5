//! Branches and tags.

use super::commits::commit_json;
use super::{Answered, Context, Route, git_failed};
use crate::git::read::{Commit, Ref};
use crate::http::cursor::Paging;
use crate::http::list::{List, Shape};
use crate::http::reply::ApiError;
use crate::world::links::ref_name;
use crate::world::repository::Repository;
use crate::world::workspace::Workspace;
use serde_json::{Value, json};

pub(super) const ROUTES: &[Route] = &[
    Route::git(
        "/repositories/{workspace}/{repo_slug}/refs",
        "repository",
        refs,
    ),
    Route::git(
        "/repositories/{workspace}/{repo_slug}/refs/branches",
        "repository",
        branches,
    ),
    Route::git(
        "/repositories/{workspace}/{repo_slug}/refs/branches/{name}",
        "repository",
        branch,
    ),
    Route::git(
        "/repositories/{workspace}/{repo_slug}/refs/tags",
        "repository",
        tags,
    ),
    Route::git(
        "/repositories/{workspace}/{repo_slug}/refs/tags/{name}",
        "repository",
        tag,
    ),
];

fn refs(context: &Context<'_>) -> Answered {
    list(context, None)
}

fn branches(context: &Context<'_>) -> Answered {
    list(context, Some(false))
}

fn tags(context: &Context<'_>) -> Answered {
    list(context, Some(true))
}

fn branch(context: &Context<'_>) -> Answered {
    one(context, false)
}

fn tag(context: &Context<'_>) -> Answered {
    one(context, true)
}

fn list(context: &Context<'_>, tags: Option<bool>) -> Answered {
    context.list(
        &List::of(values(context, tags)?),
        Shape::paged(Paging::PAGES),
    )
}

fn one(context: &Context<'_>, tag: bool) -> Answered {
    let name = context.capture("name");
    let found = values(context, Some(tag))?
        .into_iter()
        .find(|value| value["name"] == name);
    let kind = if tag { "tag" } else { "branch" };
    context.object(found.ok_or_else(|| ApiError::not_found(format!("No such {kind}: {name}")))?)
}

fn values(context: &Context<'_>, tags: Option<bool>) -> Result<Vec<Value>, ApiError> {
    let (workspace, repository) = context.repository()?;
    let recorded = match tags {
        Some(true) => "refs/tags",
        Some(false) => "refs/branches",
        None => "refs",
    };
    if let Some(values) = repository.content.recorded(context.links, recorded) {
        return Ok(values);
    }
    let refs = repository
        .git
        .refs(tags)
        .map_err(|error| git_failed(&error))?;
    let hashes: Vec<String> = refs.iter().map(|found| found.target.clone()).collect();
    let commits = repository.git.commits_by_hash(&hashes);
    Ok(refs
        .iter()
        .map(|found| {
            let target = commits.iter().find(|commit| commit.hash == found.target);
            ref_json(context, workspace, repository, found, target)
        })
        .collect())
}

fn ref_json(
    context: &Context<'_>,
    workspace: &Workspace,
    repository: &Repository,
    found: &Ref,
    target: Option<&Commit>,
) -> Value {
    let (kind, folder) = if found.is_tag {
        ("tag", "tags")
    } else {
        ("branch", "branches")
    };
    let path = format!("{}/{}", workspace.slug, repository.slug);
    let api = format!("{}/repositories/{path}", context.links.api);
    let name = ref_name(&found.name);
    let mut value = json!({
        "name": found.name,
        "type": kind,
        "target": target.map(|commit| commit_json(context, workspace, repository, commit, false)),
        "links": {
            "self": {"href": format!("{api}/refs/{folder}/{name}")},
            "commits": {"href": format!("{api}/commits/{name}")},
            "html": {"href": format!("{}/{path}/{kind}/{name}", context.links.web)},
        },
    });
    if found.is_tag {
        value["message"] = json!(found.tagger.as_ref().map(|(_, _, message)| message));
        value["date"] = json!(found.tagger.as_ref().map(|(_, date, _)| date));
        value["tagger"] = json!(
            found
                .tagger
                .as_ref()
                .map(|(raw, _, _)| json!({"type": "author", "raw": raw}))
        );
    } else {
        value["merge_strategies"] = json!(["merge_commit", "squash", "fast_forward"]);
        value["default_merge_strategy"] = json!("merge_commit");
    }
    value
}
