//! The REST API, `/api/v1`.

mod bearer;
mod body;
mod etag;
mod imports;
mod problem;
mod user;

use axum::Router;
use axum::middleware::from_fn_with_state;
use bucketload_model::TokenScope::{ImportsRead, ImportsWrite};

pub(crate) use bearer::Script;
pub(crate) use problem::Problem;

use crate::routes::Who::Token;
use crate::routes::{self, Route};
use crate::service::App;

/// What scripts may ask for, below the prefix.
pub(crate) fn routes() -> Vec<Route> {
    let (read, write) = (Token(Some(ImportsRead)), Token(Some(ImportsWrite)));
    vec![
        Route::get("/user", Token(None), user::show),
        Route::get("/imports", read, imports::list),
        Route::post("/imports", write, imports::enqueue),
        Route::get("/imports/{id}", read, imports::show),
        Route::get("/imports/{id}/log", read, imports::log),
        Route::post("/imports/{id}/{ask}", write, imports::ask),
    ]
}

pub(crate) fn router(app: App) -> Router<App> {
    routes::of(routes())
        .fallback(problem::nowhere)
        .method_not_allowed_fallback(problem::not_so)
        .layer(from_fn_with_state(app, bearer::authenticate))
}
