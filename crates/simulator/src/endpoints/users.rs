//! `/user`, `/user/workspaces` and `/users/{selected_user}`.

use super::{Answered, Context, Route};
use crate::credentials::{CredentialKind, Identity};
use crate::http::cursor::Paging;
use crate::http::list::{List, Shape};
use crate::http::reply::ApiError;
use serde_json::{Value, json};

pub(super) const ROUTES: &[Route] = &[
    Route::new("/user", "account", user),
    Route::new("/user/workspaces", "account", user_workspaces),
    Route::new("/users/{selected_user}", "", selected_user),
];

/// Access tokens belong to no user.
fn check_user(context: &Context<'_>) -> Result<(), ApiError> {
    match context.identity {
        Identity::Known(credential) if credential.kind != CredentialKind::AccessToken => Ok(()),
        _ => Err(ApiError::unauthorized()),
    }
}

/// Everybody with a credential is the first member.
fn user(context: &Context<'_>) -> Answered {
    check_user(context)?;
    let first = context.world.workspaces.iter().find_map(|workspace| {
        let uuid = workspace.members(context.links).first()?["uuid"]
            .as_str()?
            .to_owned();
        workspace.account(context.links, &uuid)
    });
    context.object(first.unwrap_or_else(|| json!({"type": "user", "display_name": "Nobody"})))
}

fn user_workspaces(context: &Context<'_>) -> Answered {
    check_user(context)?;
    let visible = |slug: &str| match context.identity {
        Identity::Known(credential) => credential.visible.as_ref().is_none_or(|visible| {
            visible
                .iter()
                .any(|name| name.split('/').next() == Some(slug))
        }),
        Identity::Anonymous => false,
    };
    let workspaces: Vec<Value> = context
        .world
        .workspaces
        .iter()
        .filter(|workspace| visible(&workspace.slug))
        .map(|workspace| {
            let full = workspace.short_json(context.links);
            json!({
                "type": "workspace_access",
                "administrator": true,
                "workspace": {
                    "type": "workspace_base",
                    "uuid": full["uuid"],
                    "slug": full["slug"],
                    "links": {"avatar": full["links"]["avatar"], "self": full["links"]["self"]},
                },
            })
        })
        .collect();
    context.list(&List::of(workspaces), Shape::paged(Paging::PAGES))
}

fn selected_user(context: &Context<'_>) -> Answered {
    let selector = context.capture("selected_user");
    let account = context
        .world
        .workspaces
        .iter()
        .find_map(|workspace| workspace.account(context.links, selector));
    match account {
        Some(account) => context.object(account),
        None => Err(ApiError::not_found(format!("No such user: {selector}"))),
    }
}
