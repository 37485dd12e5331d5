//! The REST endpoints, and how a path finds its own.

mod activity;
mod comments;
mod commits;
mod diffs;
mod issues;
mod pipelines;
mod pull_requests;
mod refs;
mod removed;
mod repositories;
mod settings;
mod users;
mod workspaces;

use crate::credentials::Identity;
use crate::http::list::{Keep, List, Place, Shape, page};
use crate::http::params::Params;
use crate::http::reply::{ApiError, Reply};
use crate::world::World;
use crate::world::links::Links;
use crate::world::repository::Repository;
use crate::world::workspace::Workspace;
use serde_json::Value;

pub(crate) type Answered = Result<Reply, ApiError>;

/// An endpoint.
pub(crate) struct Route {
    /// As the OpenAPI document writes it. `{spec}`, `{name}` and `{revision}` at the end of a
    /// path take slashes too.
    pub(crate) path: &'static str,
    /// The OAuth scopes that it needs, all of them, with a space between; or nothing.
    pub(crate) scope: &'static str,
    pub(crate) handler: fn(&Context<'_>) -> Answered,
    /// Whether it waits for git processes.
    pub(crate) runs_git: bool,
}

impl Route {
    pub(crate) const fn new(
        path: &'static str,
        scope: &'static str,
        handler: fn(&Context<'_>) -> Answered,
    ) -> Self {
        Self {
            path,
            scope,
            handler,
            runs_git: false,
        }
    }

    const fn git(
        path: &'static str,
        scope: &'static str,
        handler: fn(&Context<'_>) -> Answered,
    ) -> Self {
        Self {
            path,
            scope,
            handler,
            runs_git: true,
        }
    }

    /// The endpoint of a path below the REST root, with what its braces stand for.
    pub(crate) fn find(path: &str) -> Option<(&'static Self, Captures)> {
        families().find_map(|route| Some((route, route.matches(path)?)))
    }

    fn matches(&self, path: &str) -> Option<Captures> {
        let mut captures = Captures::new();
        let mut pattern = self.path.split('/').peekable();
        let mut rest = Some(path);
        while let Some(part) = pattern.next() {
            let (segment, after) = match rest?.split_once('/') {
                Some((segment, after)) => (segment, Some(after)),
                None => (rest?, None),
            };
            let Some(name) = part
                .strip_prefix('{')
                .and_then(|part| part.strip_suffix('}'))
            else {
                if part != segment {
                    return None;
                }
                rest = after;
                continue;
            };
            if pattern.peek().is_none() && matches!(name, "spec" | "name" | "revision" | "path") {
                captures.push((name, decode(rest?)));
                return Some(captures);
            }
            if segment.is_empty() {
                return None;
            }
            captures.push((name, decode(segment)));
            rest = after;
        }
        // Bitbucket takes a slash at the end of a path.
        matches!(rest, None | Some("")).then_some(captures)
    }
}

pub(crate) type Captures = Vec<(&'static str, String)>;

/// Every endpoint, one family per file.
pub(crate) fn families() -> impl Iterator<Item = &'static Route> {
    [
        users::ROUTES,
        workspaces::ROUTES,
        repositories::ROUTES,
        refs::ROUTES,
        commits::ROUTES,
        // Before the others, since `activity` stands where an id may.
        activity::ROUTES,
        pull_requests::ROUTES,
        comments::ROUTES,
        diffs::ROUTES,
        settings::ROUTES,
        pipelines::ROUTES,
        issues::ROUTES,
        removed::ROUTES,
    ]
    .into_iter()
    .flatten()
}

/// Undoes percent-encoding; a plus stays a plus, as it should in a path.
pub(crate) fn decode(segment: &str) -> String {
    let encoded = segment
        .replace('+', "%2B")
        .replace('&', "%26")
        .replace('=', "%3D");
    let mut pairs = url::form_urlencoded::parse(encoded.as_bytes());
    pairs
        .next()
        .map_or_else(String::new, |(name, _)| name.into_owned())
}

/// What a handler knows of its request.
pub(crate) struct Context<'a> {
    pub(crate) world: &'a World,
    pub(crate) links: &'a Links,
    pub(crate) identity: &'a Identity,
    pub(crate) params: &'a Params,
    /// Below the REST root, as sent.
    pub(crate) path: &'a str,
    pub(crate) captures: &'a Captures,
}

impl Context<'_> {
    /// What a pair of braces in the route's path stands for.
    pub(crate) fn capture(&self, name: &str) -> &str {
        self.captures
            .iter()
            .find(|(known, _)| *known == name)
            .map_or("", |(_, value)| value)
    }

    /// A numeric id from the path.
    pub(crate) fn id(&self, name: &str) -> Result<u64, ApiError> {
        let text = self.capture(name);
        text.parse()
            .map_err(|_| ApiError::not_found(format!("{text} is not a number")))
    }

    pub(crate) fn workspace(&self) -> Result<&Workspace, ApiError> {
        let selector = self.capture("workspace");
        self.world.workspace(selector).ok_or_else(|| {
            ApiError::not_found(format!("No workspace with identifier '{selector}'."))
        })
    }

    /// The repository of the path, where this client may know of it.
    pub(crate) fn repository(&self) -> Result<(&Workspace, &Repository), ApiError> {
        let (workspace, slug) = (self.capture("workspace"), self.capture("repo_slug"));
        self.world
            .find(workspace, slug)
            .filter(|(workspace, repository)| self.may_see(workspace, repository))
            .ok_or_else(|| {
                ApiError::not_found(format!(
                    "You may not have access to this repository or it no longer exists in this \
                     workspace: {workspace}/{slug}"
                ))
            })
    }

    pub(crate) fn may_see(&self, workspace: &Workspace, repository: &Repository) -> bool {
        !repository.is_private || self.identity.sees(&workspace.slug, &repository.slug)
    }

    /// One object, with `fields` applied.
    pub(crate) fn object(&self, value: Value) -> Answered {
        let fields = crate::http::fields::Fields::parse(self.params.all("fields"))?;
        Ok(Reply::Json(if fields.is_empty() {
            value
        } else {
            fields.apply(value, &[])
        }))
    }

    pub(crate) fn list(&self, list: &List<'_>, shape: Shape) -> Answered {
        page(list, shape, self.place(), None)
    }

    /// The list of only those items.
    pub(crate) fn list_of(&self, list: &List<'_>, shape: Shape, keep: Keep<'_>) -> Answered {
        page(list, shape, self.place(), Some(keep))
    }

    pub(crate) fn place(&self) -> Place<'_> {
        Place {
            api_url: &self.links.api,
            path: self.path,
            params: self.params,
            seed: self.world.seed,
            orders: &self.world.orders,
        }
    }
}

/// What stands below `/repositories/{workspace}/{repo_slug}/` in a path, decoded.
pub(crate) fn below_repository(path: &str) -> String {
    let mut parts = path.trim_matches('/').splitn(4, '/');
    decode(parts.nth(3).unwrap_or_default())
}

/// 404 of a pull request, in Bitbucket's words as far as they are known.
pub(crate) fn no_pull_request(id: u64) -> ApiError {
    ApiError::not_found(format!("No pull request with id {id}."))
}

/// A git process failed: the simulator's own fault.
pub(crate) fn git_failed(error: &crate::SimulatorError) -> ApiError {
    tracing::warn!(%error, "git failed");
    ApiError::new(
        axum::http::StatusCode::INTERNAL_SERVER_ERROR,
        error.to_string(),
    )
}
