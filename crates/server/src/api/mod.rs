//! The REST API, `/api/v1`.

mod bearer;
mod bitbucket;
mod body;
mod document;
mod etag;
mod imports;
mod paging;
mod problem;
mod quota;
mod repositories;
mod user;

use axum::Router;
use axum::middleware::{from_fn, from_fn_with_state};
use bucketload_model::TokenScope;

pub(crate) use bearer::Script;
pub(crate) use document::Operation;
pub(crate) use problem::Problem;

use crate::routes::{self, Route, Who};
use crate::service::App;

/// What scripts may ask for, below the prefix. Each says what it does: the OpenAPI document
/// is made of it.
pub(crate) fn routes() -> Vec<Route> {
    let user = Route::get("/user", Who::Token(None), user::show);
    let mut routes = vec![user.told(user::operation())];
    routes.extend(imports::routes());
    routes.extend(repositories::routes());
    routes.extend(bitbucket::routes());
    routes.push(quota::route());
    routes
}

/// What tools may read without a token.
pub(crate) fn open_routes() -> Vec<Route> {
    vec![Route::get("/openapi.json", Who::Anybody, document::show)]
}

/// A route that a token of this scope may ask for.
fn for_scope(scope: TokenScope) -> Who {
    Who::Token(Some(scope))
}

pub(crate) fn router(app: App) -> Router<App> {
    let guarded = routes().into_iter().map(|route| match route.who {
        Who::Token(Some(scope)) => route.map(|answer| {
            answer.route_layer(from_fn(move |request, next| {
                bearer::authorise(scope, request, next)
            }))
        }),
        _ => route,
    });
    let for_tokens = routes::of(guarded.collect())
        .fallback(problem::nowhere)
        .method_not_allowed_fallback(problem::not_so)
        .layer(from_fn_with_state(app, bearer::authenticate));
    routes::of(open_routes()).merge(for_tokens)
}
