//! Commits of a repository and of its pull requests.

use super::{Answered, Context, Route, git_failed, no_pull_request};
use crate::git::read::Commit;
use crate::http::cursor::{Paging, Window};
use crate::http::list::{List, Shape};
use crate::http::reply::ApiError;
use crate::seeded::text;
use crate::world::content::Commits;
use crate::world::repository::Repository;
use crate::world::workspace::Workspace;
use serde_json::{Value, json};

pub(super) const ROUTES: &[Route] = &[
    Route::git(
        "/repositories/{workspace}/{repo_slug}/commits",
        "repository",
        commits,
    ),
    Route::git(
        "/repositories/{workspace}/{repo_slug}/commits/{revision}",
        "repository",
        commits,
    ),
    Route::git(
        "/repositories/{workspace}/{repo_slug}/commit/{commit}",
        "repository",
        commit,
    ),
    Route::git(
        "/repositories/{workspace}/{repo_slug}/pullrequests/{pull_request_id}/commits",
        "pullrequest",
        of_pull_request,
    ),
];

/// Commits take neither `q` nor `sort`.
const SHAPE: Shape = Shape {
    paging: Paging::OPAQUE,
    filters: false,
    hidden: &[],
    remembers: false,
};

fn no_commit(name: &str) -> ApiError {
    let mut error = ApiError::not_found("Commit not found");
    let data = json!({"shas": [name]});
    error.body["error"]["data"] = data.clone();
    error.body["data"] = data;
    error
}

fn commits(context: &Context<'_>) -> Answered {
    let (workspace, repository) = context.repository()?;
    let revision = context.capture("revision");
    let recorded = || repository.content.recorded(context.links, "commits");
    if let Some(values) = revision.is_empty().then(recorded).flatten() {
        return context.list(&List::of(values), SHAPE);
    }
    let resolve = |name: &str| repository.git.resolve(name).ok_or_else(|| no_commit(name));
    let mut include = context
        .params
        .all("include")
        .map(resolve)
        .collect::<Result<Vec<_>, _>>()?;
    if !revision.is_empty() {
        include.push(resolve(revision)?);
    }
    let exclude = context
        .params
        .all("exclude")
        .map(resolve)
        .collect::<Result<Vec<_>, _>>()?;
    let git = &repository.git;
    let len = git
        .commit_count(&include, &exclude)
        .map_err(|error| git_failed(&error))?;
    // One git process reads the page; asking per commit would start a hundred.
    let place = context.place();
    let window = Window::parse(SHAPE.paging, place.params, place.path, place.seed)?;
    let read = window.end(len).saturating_sub(window.start());
    let page = git
        .commits(&include, &exclude, window.start(), read)
        .map_err(|error| git_failed(&error))?;
    let list = List::new(len, |index| {
        page.get(index - window.start())
            .map_or(Value::Null, |commit| {
                commit_json(context, workspace, repository, commit, true)
            })
    });
    context.list(&list, SHAPE)
}

fn commit(context: &Context<'_>) -> Answered {
    let (workspace, repository) = context.repository()?;
    let name = context.capture("commit");
    let recorded = repository
        .content
        .recorded(context.links, "commits")
        .into_iter()
        .flatten();
    let is_hash = name.len() >= 7 && name.bytes().all(|byte| byte.is_ascii_hexdigit());
    let found = recorded.into_iter().find(|commit| {
        is_hash
            && commit["hash"]
                .as_str()
                .is_some_and(|hash| hash.starts_with(name))
    });
    if let Some(found) = found {
        return context.object(found);
    }
    let hash = repository
        .git
        .resolve(name)
        .ok_or_else(|| no_commit(name))?;
    let commits = repository.git.commits_by_hash(&[hash]);
    let commit = commits.first().ok_or_else(|| no_commit(name))?;
    context.object(commit_json(context, workspace, repository, commit, true))
}

fn of_pull_request(context: &Context<'_>) -> Answered {
    let (workspace, repository) = context.repository()?;
    let id = context.id("pull_request_id")?;
    let commits = repository
        .commits_of(context.links, id)
        .ok_or_else(|| no_pull_request(id))?;
    let values = match commits {
        Commits::Values(values) => values,
        Commits::Hashes(hashes) => repository
            .git
            .commits_by_hash(&hashes)
            .iter()
            .map(|commit| commit_json(context, workspace, repository, commit, true))
            .collect(),
    };
    context.list(&List::of(values), SHAPE)
}

/// A commit; `full` adds what targets of refs do not show.
pub(super) fn commit_json(
    context: &Context<'_>,
    workspace: &Workspace,
    repository: &Repository,
    commit: &Commit,
    full: bool,
) -> Value {
    let (api, web) = (&context.links.api, &context.links.web);
    let path = format!("{}/{}", workspace.slug, repository.slug);
    let hash = &commit.hash;
    let url = format!("{api}/repositories/{path}/commit/{hash}");
    let rendered = json!({
        "type": "rendered", "raw": commit.message, "markup": "markdown",
        "html": text::html(&commit.message),
    });
    let parents: Vec<Value> = commit
        .parents
        .iter()
        .map(|parent| {
            json!({
                "hash": parent, "type": "commit",
                "links": {
                    "self": {"href": format!("{api}/repositories/{path}/commit/{parent}")},
                    "html": {"href": format!("{web}/{path}/commits/{parent}")},
                },
            })
        })
        .collect();
    let mut value = json!({
        "type": "commit",
        "hash": hash,
        "date": commit.date,
        "author": {"type": "author", "raw": commit.author},
        "message": commit.message,
        "parents": parents,
        "repository": {
            "type": "repository", "full_name": path, "name": repository.slug,
            "uuid": repository.uuid,
            "links": {
                "self": {"href": format!("{api}/repositories/{path}")},
                "html": {"href": format!("{web}/{path}")},
                "avatar": {"href": format!("https://bytebucket.org/ravatar/{}?ts=default",
                    crate::world::links::braces(&repository.uuid))},
            },
        },
        "links": {
            "self": {"href": url},
            "html": {"href": format!("{web}/{path}/commits/{hash}")},
            "diff": {"href": format!("{api}/repositories/{path}/diff/{hash}")},
            "comments": {"href": format!("{url}/comments")},
            "statuses": {"href": format!("{url}/statuses")},
            "approve": {"href": format!("{url}/approve")},
            "patch": {"href": format!("{api}/repositories/{path}/patch/{hash}")},
        },
    });
    if let Some(user) = workspace.committer(context.links, &commit.author) {
        value["author"]["user"] = user;
    }
    if full {
        value["summary"] = rendered.clone();
        value["rendered"] = json!({"message": rendered});
        value["participants"] = json!([]);
    }
    value
}
