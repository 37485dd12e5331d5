//! `/user` and what is below it, and `/users/{selected_user}`.

use super::{Answered, Context, Route};
use crate::credentials::{Credential, CredentialKind, Identity};
use crate::http::cursor::Paging;
use crate::http::list::{List, Shape};
use crate::http::reply::ApiError;
use crate::seeded::dice::Dice;
use crate::world::person::Person;
use crate::world::workspace::Workspace;
use axum::http::StatusCode;
use serde_json::{Value, json};

pub(super) const ROUTES: &[Route] = &[
    Route::new("/user", "account", user),
    Route::new("/user/emails", "email", emails),
    Route::new("/user/emails/{email}", "email", email),
    Route::new("/user/workspaces", "account", workspaces),
    Route::new(
        "/user/workspaces/{workspace}/permission",
        "account",
        permission,
    ),
    Route::new("/users/{selected_user}", "", selected_user),
];

/// Whose token it is.
struct Asker<'a> {
    credential: &'a Credential,
    /// None for an application that acts for itself.
    person: Option<Person>,
}

impl<'a> Asker<'a> {
    /// Access tokens belong to no user, and neither do those without any token.
    fn of(context: &Context<'a>) -> Result<Self, ApiError> {
        let credential = match context.identity {
            Identity::Known(credential) if credential.has_user() => credential,
            _ => return Err(ApiError::unauthorized()),
        };
        let people = context.world.people(context.links);
        let position = match (&credential.user, &credential.kind) {
            (Some(selector), _) => people.iter().position(|person| person.is(selector)),
            (None, CredentialKind::ApiToken { email }) => people
                .iter()
                .position(|person| person.emails.iter().any(|known| known.address == *email)),
            (None, _) => None,
        };
        let unnamed = credential.user.is_none() && credential.consumer.is_none();
        let person = match position {
            Some(position) => people.into_iter().nth(position),
            // Tokens that name nobody are the first member's.
            None if unnamed => people.into_iter().next(),
            None => None,
        };
        Ok(Self { credential, person })
    }

    fn json(&self, context: &Context<'_>) -> Value {
        let account = self.person.as_ref().and_then(|person| {
            let mut workspaces = context.world.workspaces.iter();
            workspaces.find_map(|workspace| workspace.account(context.links, &person.uuid))
        });
        account.unwrap_or_else(|| match &self.credential.consumer {
            Some(client_id) => app_user(client_id, context),
            None => json!({"type": "user", "display_name": "Nobody"}),
        })
    }

    fn may_enter(&self, workspace: &Workspace) -> bool {
        let is_visible = self.credential.visible.as_ref().is_none_or(|visible| {
            visible
                .iter()
                .any(|name| name.split('/').next() == Some(&workspace.slug))
        });
        let is_member = match (&self.credential.user, &self.person) {
            (Some(_), Some(person)) => person.workspaces.contains(&workspace.slug),
            _ => true,
        };
        is_visible && is_member
    }

    /// The first member owns a workspace; so does who comes with a token that names nobody.
    fn owns(&self, workspace: &Workspace, context: &Context<'_>) -> bool {
        let members = workspace.members(context.links);
        let owner = members.first().map(|member| &member["uuid"]);
        match &self.person {
            Some(person) => self.credential.user.is_none() || owner == Some(&json!(person.uuid)),
            None => false,
        }
    }
}

/// The account of an application, which is what client credentials act as.
fn app_user(client_id: &str, context: &Context<'_>) -> Value {
    let dice = Dice::new(context.world.seed).named(client_id);
    let uuid = dice.uuid("app user");
    json!({
        "type": "app_user",
        "uuid": uuid,
        "account_id": format!("712020:{}", dice.bare_uuid("account id")),
        "account_status": "active",
        "display_name": client_id,
        "created_on": "2026-01-05T09:00:00.000000+00:00",
        "links": {"self": {"href": format!(
            "{}/users/{}", context.links.api, crate::world::links::braces(&uuid))}},
    })
}

fn user(context: &Context<'_>) -> Answered {
    context.object(Asker::of(context)?.json(context))
}

fn email_values(context: &Context<'_>) -> Result<Vec<Value>, ApiError> {
    let emails = Asker::of(context)?.person.map(|person| person.emails);
    let emails = emails.unwrap_or_default();
    Ok(emails
        .iter()
        .map(|email| email.json(context.links))
        .collect())
}

fn emails(context: &Context<'_>) -> Answered {
    let emails = List::of(email_values(context)?);
    context.list(&emails, Shape::paged(Paging::PAGES))
}

fn email(context: &Context<'_>) -> Answered {
    let address = context.capture("email");
    let found = email_values(context)?
        .into_iter()
        .find(|email| email["email"] == address);
    context.object(found.ok_or_else(|| ApiError::not_found(format!("No address {address}.")))?)
}

fn workspaces(context: &Context<'_>) -> Answered {
    let asker = Asker::of(context)?;
    let workspaces: Vec<Value> = context
        .world
        .workspaces
        .iter()
        .filter(|workspace| asker.may_enter(workspace))
        .map(|workspace| {
            let full = workspace.short_json(context.links);
            json!({
                "type": "workspace_access",
                "administrator": asker.owns(workspace, context),
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

fn permission(context: &Context<'_>) -> Answered {
    let asker = Asker::of(context)?;
    let workspace = context.workspace()?;
    if !asker.may_enter(workspace) {
        return Err(ApiError::new(
            StatusCode::FORBIDDEN,
            "You do not have access to this workspace.",
        ));
    }
    let owns = asker.owns(workspace, context);
    let user = asker.json(context);
    let uuid = crate::world::links::braces(user["uuid"].as_str().unwrap_or_default());
    context.object(json!({
        "type": "workspace_membership",
        "permission": if owns { "owner" } else { "member" },
        "user": user,
        "workspace": workspace.short_json(context.links),
        "links": {"self": {"href": format!(
            "{}/workspaces/{}/members/{uuid}", context.links.api, workspace.slug)}},
    }))
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
