//! The REST API, `/api/v1`.

mod bearer;
mod body;
mod etag;
mod imports;
mod problem;
mod user;

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::{get, post};

pub(crate) use bearer::Script;
pub(crate) use problem::Problem;

use crate::service::App;

pub(crate) fn router(app: App) -> Router<App> {
    Router::new()
        .route("/user", get(user::show))
        .route("/imports", get(imports::list).post(imports::enqueue))
        .route("/imports/{id}", get(imports::show))
        .route("/imports/{id}/log", get(imports::log))
        .route("/imports/{id}/{ask}", post(imports::ask))
        .fallback(problem::nowhere)
        .method_not_allowed_fallback(problem::not_so)
        .layer(from_fn_with_state(app, bearer::authenticate))
}
