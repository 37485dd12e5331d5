//! Every route there is.

use axum::Router;
use axum::extract::State;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::{get, post};

use crate::error::PageError;
use crate::security::{file_form, forms, headers};
use crate::service::App;
use crate::{
    account, administration, api, assets, events, health, imports, metrics, repositories, setup,
    sign_in,
};

/// The router. Forms are guarded as a whole: a page that is added here needs nothing
/// of its own for it.
pub(crate) fn router(app: App) -> Router {
    let pages = Router::new()
        .route("/", get(imports::list::home))
        .route("/imports", get(imports::list::show))
        .route("/imports/ask", post(imports::ask::submit))
        .route("/imports/{id}", get(imports::one::show))
        .route("/repositories", get(repositories::list::show))
        .route(
            "/repositories/{workspace}/{slug}",
            get(repositories::one::show),
        )
        .route("/events", get(events::open))
        .route("/setup", get(setup::show).post(setup::submit))
        .route("/sign-in", get(sign_in::page::show))
        .route("/sign-in/code", post(sign_in::code::submit))
        .route("/sign-in/bitbucket", post(sign_in::begin::submit))
        .route(
            bucketload_auth::oauth::CALLBACK_PATH,
            get(sign_in::callback::answer),
        )
        .route("/sign-out", post(sign_in::sign_out::here))
        .route("/sign-out/everywhere", post(sign_in::sign_out::everywhere))
        .route("/account", get(account::page::show))
        .route("/account/identities", post(account::identities::connect))
        .route(
            "/account/identities/disconnect",
            post(account::identities::disconnect),
        )
        .route("/account/connections", post(account::connections::connect))
        .route(
            "/account/connections/remove",
            post(account::connections::remove),
        )
        .route("/account/sessions/end", post(account::sessions::end))
        .route("/account/tokens", post(account::tokens::create))
        .route("/account/tokens/remove", post(account::tokens::remove))
        .route(
            "/administration/users",
            get(administration::users::show).post(administration::users::change),
        )
        .route(
            "/administration/sign-in",
            get(administration::sign_in::show).post(administration::sign_in::change),
        )
        .route("/administration/audit", get(administration::audit::show))
        .fallback(nowhere)
        .method_not_allowed_fallback(nowhere)
        .layer(from_fn_with_state(app.clone(), forms::guard));
    let uploads = Router::new()
        .route(
            repositories::upload::PATH,
            post(repositories::upload::submit),
        )
        .method_not_allowed_fallback(nowhere)
        .layer(file_form::body_limit(app.uploads))
        .layer(from_fn_with_state(app.clone(), forms::guard_file));
    Router::new()
        .nest("/api/v1", api::router(app.clone()))
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready))
        .route("/metrics", get(metrics::show))
        .route(assets::STYLE_PATH, get(assets::style))
        .route(assets::SCRIPT_PATH, get(assets::script))
        .route(assets::ICON_PATH, get(assets::icon))
        .merge(pages)
        .merge(uploads)
        .layer(from_fn(log))
        .layer(from_fn_with_state(app.clone(), headers::add))
        .with_state(app)
}

async fn nowhere(State(_): State<App>) -> PageError {
    PageError::not_found()
}

/// One line for each request: the path alone, for a query can hold a code.
async fn log(
    request: axum::extract::Request,
    next: axum::middleware::Next,
) -> axum::response::Response {
    let method = request.method().clone();
    let path = request.uri().path().to_owned();
    let response = next.run(request).await;
    let status = response.status().as_u16();
    tracing::debug!(http.method = %method, http.path = path, http.status = status, "answered");
    response
}
