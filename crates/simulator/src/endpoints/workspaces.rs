//! Workspaces, their members and their projects.

use super::{Answered, Context, Route};
use crate::http::cursor::Paging;
use crate::http::list::{List, Shape};
use crate::http::reply::ApiError;
use serde_json::{Value, json};

pub(super) const ROUTES: &[Route] = &[
    Route::new("/workspaces/{workspace}", "", workspace),
    Route::new("/workspaces/{workspace}/members", "account", members),
    Route::new("/workspaces/{workspace}/projects", "project", projects),
    Route::new(
        "/workspaces/{workspace}/projects/{project_key}",
        "project",
        project,
    ),
];

fn workspace(context: &Context<'_>) -> Answered {
    context.object(context.workspace()?.json(context.links))
}

fn members(context: &Context<'_>) -> Answered {
    let workspace = context.workspace()?;
    let people = workspace.members(context.links);
    let short = workspace.short_json(context.links);
    let memberships = List::new(people.len(), |index| {
        let person = &people[index];
        let uuid = person["uuid"].as_str().unwrap_or_default();
        let uuid = crate::world::links::braces(uuid);
        json!({
            "type": "workspace_membership",
            "user": person,
            "workspace": short,
            "links": {"self": {"href": format!(
                "{}/workspaces/{}/members/{uuid}", context.links.api, workspace.slug)}},
        })
    });
    context.list(&memberships, Shape::paged(Paging::PAGES))
}

fn visible_projects(context: &Context<'_>) -> Result<Vec<Value>, ApiError> {
    Ok(context.workspace()?.projects(context.links))
}

fn projects(context: &Context<'_>) -> Answered {
    context.list(
        &List::of(visible_projects(context)?),
        Shape::paged(Paging::PAGES),
    )
}

fn project(context: &Context<'_>) -> Answered {
    let key = context.capture("project_key");
    let found = visible_projects(context)?
        .into_iter()
        .find(|project| project["key"] == key);
    context.object(found.ok_or_else(|| ApiError::not_found(format!("No project {key}.")))?)
}
