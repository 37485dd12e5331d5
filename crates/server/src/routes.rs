//! Every route there is.

use axum::Router;
use axum::extract::State;
use axum::handler::Handler;
use axum::http::Method;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::{MethodRouter, get, post};
use bucketload_model::TokenScope;

use self::Who::{Administrators, Anybody, LocalOrToken, Members, People};
use crate::api::Operation;
use crate::error::PageError;
use crate::pages::upload::{ISSUES, WIKI};
use crate::security::{file_form, forms, headers};
use crate::service::App;
use crate::{
    account, administration, api, assets, events, health, imports, metrics, quota, repositories,
    setup, sign_in,
};

/// Who gets an answer from a route. Handlers of pages see to it, and the list says it, so that
/// a test can hold one against the other; for tokens the list decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Who {
    /// Whoever asks.
    Anybody,
    /// Whoever is signed in and was let in.
    People,
    /// People who may import.
    Members,
    /// People who may decide.
    Administrators,
    /// Scripts with a token, of a scope where one is named.
    Token(Option<TokenScope>),
    /// Whoever is on this machine; others need a token of the scope.
    LocalOrToken(TokenScope),
}

/// A route as it is known to those who do not answer it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RouteLine {
    /// The one method.
    pub method: Method,
    /// The whole path, with `{name}` for what varies.
    pub path: String,
    /// Who gets an answer.
    pub who: Who,
}

/// All routes of the server.
pub fn routes() -> Vec<RouteLine> {
    let line = |prefix: &str, route: Route| RouteLine {
        path: format!("{prefix}{}", route.path),
        method: route.method,
        who: route.who,
    };
    let api = api::open_routes().into_iter().chain(api::routes());
    let plain = bare().into_iter().chain(pages()).chain(uploads());
    plain
        .map(|route| line("", route))
        .chain(api.map(|route| line(API_PREFIX, route)))
        .collect()
}

const API_PREFIX: &str = "/api/v1";

/// One method of one path.
pub(crate) struct Route {
    pub(crate) method: Method,
    pub(crate) path: &'static str,
    pub(crate) who: Who,
    answer: MethodRouter<App>,
    /// What it does, for the OpenAPI document.
    pub(crate) operation: Option<Operation>,
}

impl Route {
    pub(crate) fn get<T: 'static>(
        path: &'static str,
        who: Who,
        handler: impl Handler<T, App>,
    ) -> Self {
        Self {
            method: Method::GET,
            path,
            who,
            answer: get(handler),
            operation: None,
        }
    }

    pub(crate) fn post<T: 'static>(
        path: &'static str,
        who: Who,
        handler: impl Handler<T, App>,
    ) -> Self {
        Self {
            method: Method::POST,
            path,
            who,
            answer: post(handler),
            operation: None,
        }
    }

    /// Says what it does.
    pub(crate) fn told(mut self, operation: Operation) -> Self {
        self.operation = Some(operation);
        self
    }

    /// With something around what answers.
    pub(crate) fn map(
        mut self,
        around: impl FnOnce(MethodRouter<App>) -> MethodRouter<App>,
    ) -> Self {
        self.answer = around(self.answer);
        self
    }
}

/// A router of a list. Lists are the only way for a route to come in.
pub(crate) fn of(routes: Vec<Route>) -> Router<App> {
    let routes = routes.into_iter();
    routes.fold(Router::new(), |router, route| {
        router.route(route.path, route.answer)
    })
}

/// What stands behind no session and no form.
fn bare() -> Vec<Route> {
    vec![
        Route::get("/healthz", Anybody, health::alive),
        Route::get("/readyz", Anybody, health::ready),
        Route::get(
            "/metrics",
            LocalOrToken(TokenScope::ImportsRead),
            metrics::show,
        ),
        Route::get(assets::STYLE_PATH, Anybody, assets::style),
        Route::get(assets::SCRIPT_PATH, Anybody, assets::script),
        Route::get(assets::ICON_PATH, Anybody, assets::icon),
    ]
}

/// Pages and their forms.
#[rustfmt::skip]
fn pages() -> Vec<Route> {
    let callback = bucketload_auth::oauth::CALLBACK_PATH;
    vec![
        Route::get("/", People, imports::list::home),
        Route::get("/imports", People, imports::list::show),
        Route::post("/imports/ask", Members, imports::ask::submit),
        Route::get("/imports/new", Members, imports::new::show::show),
        Route::post("/imports/new", Members, imports::new::review::submit),
        Route::post("/imports/new/start", Members, imports::new::start::submit),
        Route::get("/imports/{id}", People, imports::one::show),
        Route::get("/repositories", People, repositories::list::show),
        Route::get("/repositories/{workspace}/{slug}", People, repositories::one::show),
        Route::get("/quota", People, quota::show::show),
        Route::get("/repositories/{workspace}/{slug}/pull-requests", People, repositories::pull_requests::show),
        Route::get("/repositories/{workspace}/{slug}/pull-requests/{id}", People, repositories::pull_request::show),
        Route::get("/repositories/{workspace}/{slug}/pull-requests/{id}/text", People, repositories::pull_request::text),
        Route::get("/repositories/{workspace}/{slug}/issues", People, repositories::issues::show),
        Route::get("/repositories/{workspace}/{slug}/issues/{id}", People, repositories::issue::show),
        Route::get("/repositories/{workspace}/{slug}/issues/{id}/text", People, repositories::issue::text),
        Route::get("/repositories/{workspace}/{slug}/issues/{id}/files/{sha256}", People, repositories::files::of_issue),
        Route::get("/repositories/{workspace}/{slug}/images/{sha256}", People, repositories::files::image),
        Route::get("/repositories/{workspace}/{slug}/downloads", People, repositories::downloads::show),
        Route::get("/repositories/{workspace}/{slug}/downloads/{sha256}", People, repositories::files::download),
        Route::get("/events", People, events::open),
        Route::get("/setup", Anybody, setup::show),
        Route::post("/setup", Anybody, setup::submit),
        Route::get("/sign-in", Anybody, sign_in::page::show),
        Route::post("/sign-in/code", Anybody, sign_in::code::submit),
        Route::post("/sign-in/bitbucket", Anybody, sign_in::begin::submit),
        Route::get(callback, Anybody, sign_in::callback::answer),
        Route::post("/sign-out", Anybody, sign_in::sign_out::here),
        Route::post("/sign-out/everywhere", Anybody, sign_in::sign_out::everywhere),
        Route::get("/account", People, account::page::show),
        Route::post("/account/identities", People, account::identities::connect),
        Route::post("/account/identities/disconnect", People, account::identities::disconnect),
        Route::post("/account/connections", Members, account::connections::connect),
        Route::post("/account/connections/remove", People, account::connections::remove),
        Route::post("/account/sessions/end", People, account::sessions::end),
        Route::post("/account/tokens", People, account::tokens::create),
        Route::post("/account/tokens/remove", People, account::tokens::remove),
        Route::get("/administration/users", Administrators, administration::users::show),
        Route::post("/administration/users", Administrators, administration::users::change),
        Route::get("/administration/sign-in", Administrators, administration::sign_in::show),
        Route::post("/administration/sign-in", Administrators, administration::sign_in::change),
        Route::get("/administration/credentials", Administrators, administration::credentials::show),
        Route::post("/administration/credentials/remove", Administrators, administration::credentials::remove),
        Route::get("/administration/limits", Administrators, administration::limits::show),
        Route::post("/administration/limits", Administrators, administration::limits::change),
        Route::get("/administration/notices", Administrators, administration::notices::show),
        Route::get("/administration/audit", Administrators, administration::audit::show),
    ]
}

/// Forms with a file, which are guarded piece by piece.
fn uploads() -> Vec<Route> {
    use repositories::upload;
    vec![
        Route::post(ISSUES.path, Members, upload::issues),
        Route::post(WIKI.path, Members, upload::wiki),
    ]
}

/// The router. Forms are guarded as a whole: a page that is added here needs nothing
/// of its own for it.
pub(crate) fn router(app: App) -> Router {
    let pages = of(pages())
        .fallback(nowhere)
        .method_not_allowed_fallback(nowhere)
        .layer(from_fn_with_state(app.clone(), forms::guard));
    let uploads = of(uploads())
        .method_not_allowed_fallback(nowhere)
        .layer(file_form::body_limit(app.uploads))
        .layer(from_fn_with_state(app.clone(), forms::guard_file));
    of(bare())
        .nest(API_PREFIX, api::router(app.clone()))
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
