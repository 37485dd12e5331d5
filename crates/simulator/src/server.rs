//! The way of a request: log, fault, latency, then REST, git or the file store.

use crate::announcement::Announcement;
use crate::credentials::{CredentialKind, Identity};
use crate::endpoints::{self, Answered, Captures, Context, Route};
use crate::fault::{self, Effect};
use crate::git::GitRepository;
use crate::git::backend::{GitRequest, serve};
use crate::http::params::Params;
use crate::http::reply::{Answer, AnswerBody, ApiError, put};
use crate::images;
use crate::lfs::{self, LfsPath};
use crate::log::{RequestKind, Ticket};
use crate::oauth::SiteRequest;
use crate::state::State;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::http::{HeaderMap, Method, Response, StatusCode, header};
use futures::StreamExt;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// Which of the two hosts a request came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    /// REST and git.
    Bitbucket,
    /// Files.
    Storage,
}

/// Everything goes one way, since Bitbucket's paths are matched more strictly than a router would.
pub(crate) fn router(state: Arc<State>, side: Side, stopped: watch::Receiver<bool>) -> Router {
    Router::new().fallback(move |request: Request| {
        let state = Arc::clone(&state);
        let mut stopped = stopped.clone();
        async move {
            tokio::select! {
                response = answer(state, side, request) => response,
                _ = stopped.wait_for(|stopped| *stopped) => {
                    let mut response = Response::new(Body::empty());
                    *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
                    response
                }
            }
        }
    })
}

async fn answer(state: Arc<State>, side: Side, request: Request) -> Response<Body> {
    let target = request
        .uri()
        .path_and_query()
        .map_or_else(String::new, ToString::to_string);
    if target.starts_with("/_simulator/") {
        return crate::control_http::answer(state, request).await;
    }
    let git = git_service(request.uri().path())
        .filter(|_| side == Side::Bitbucket)
        .map(|(repository, service)| (repository.to_owned(), service.to_owned()));
    let lfs = LfsPath::find(request.uri().path()).filter(|_| side == Side::Bitbucket);
    let kind = match &git {
        _ if side == Side::Storage => RequestKind::Storage,
        _ if lfs.is_some() => RequestKind::Lfs,
        Some(_) => RequestKind::Git,
        None if target.starts_with("/2.0/") || target == "/2.0" => RequestKind::Rest,
        None => RequestKind::Web,
    };
    let _in_flight = state.log.enter();
    let ticket = state.log.arrive(kind, request.method().as_str(), &target);
    let (request, site) = match SiteRequest::read(request).await {
        Ok(read) => read,
        Err(too_large) => return too_large.into_response(None),
    };
    if let Some(site) = &site {
        state.log.update(ticket, |entry| site.log(entry));
    }
    let matched = site.as_ref().map_or(target, SiteRequest::target);
    let (effect, latency) = {
        let mut steering = state.steering();
        (
            fault::take(&mut steering.faults, ticket.number, &matched),
            steering.latency,
        )
    };
    if matches!(effect, Some(Effect::Disconnect)) {
        // An error before the first byte of the body, so that the head is not sent either.
        let broken = futures::stream::iter([Err::<Bytes, _>(cut_off())]);
        return Response::new(Body::from_stream(broken));
    }
    let delay = match &effect {
        Some(Effect::Hang) => {
            std::future::pending::<()>().await;
            latency
        }
        Some(Effect::Delay { milliseconds }) => latency + Duration::from_millis(*milliseconds),
        _ => latency,
    };
    if !delay.is_zero() {
        tokio::time::sleep(delay).await;
    }
    let response = if let Some((answer, headers)) = effect.as_ref().and_then(Effect::instead) {
        let mut response = answer.into_response(None);
        for (name, value) in &headers {
            if name.eq_ignore_ascii_case("content-type") {
                response.headers_mut().remove(header::CONTENT_TYPE);
            }
            put(&mut response, name, value);
        }
        response
    } else if side == Side::Storage && lfs::is_object(request.uri().path()) {
        lfs::store(&state, request).await
    } else if let Some(lfs) = lfs {
        lfs_answer(&state, ticket, request, &lfs).await
    } else if side == Side::Storage {
        let (parts, _) = request.into_parts();
        crate::storage::answer(&state, &parts)
    } else if let Some((repository, service)) = git {
        git_answer(&state, ticket, request, &repository, &service).await
    } else if let Some(site) = site {
        let mut answer = site.answer(&state, &request);
        if let Some(effect) = &effect {
            effect.distort(&mut answer);
        }
        answer.into_response(None)
    } else {
        rest_answer(&state, ticket, request, kind, effect.as_ref()).await
    };
    state.log.update(ticket, |entry| {
        entry.status = Some(response.status().as_u16());
    });
    match effect {
        Some(Effect::Truncate) => truncate(response).await,
        Some(Effect::Stall { after_bytes }) => stall(response, after_bytes).await,
        _ => response,
    }
}

async fn rest_answer(
    state: &Arc<State>,
    ticket: Ticket,
    request: Request,
    kind: RequestKind,
    effect: Option<&Effect>,
) -> Response<Body> {
    let (parts, _) = request.into_parts();
    let if_none_match = parts
        .headers
        .get(header::IF_NONE_MATCH)
        .and_then(|value| value.to_str().ok());
    if kind == RequestKind::Web {
        if let Some(image) = images::pasted(&parts) {
            return image;
        }
        let result = Err(ApiError::not_found(
            "There is no page here, only the API and git.",
        ));
        return Answer::from_result(result).into_response(None);
    }
    let path = parts
        .uri
        .path()
        .strip_prefix("/2.0")
        .unwrap_or_default()
        .to_owned();
    let params = Params::parse(parts.uri.query());
    let identity = {
        let steering = state.steering();
        Identity::of_rest(&parts.headers, &params, |token| steering.credential(token))
    };
    let route = Route::find(&path);
    let credential = identity.as_ref().map_or("invalid", Identity::kind);
    state.log.update(ticket, |entry| {
        entry.endpoint = route.as_ref().map(|(route, _)| route.path.to_owned());
        entry.credential = Some(credential.to_owned());
    });
    let mut headers = vec![("x-credential-type", credential.to_owned())];
    if let Ok(Identity::Known(credential)) = &identity {
        headers.push(("x-oauth-scopes", credential.scopes.join(", ")));
    }
    if let Some((route, _)) = route.as_ref().filter(|(route, _)| !route.scope.is_empty()) {
        headers.push(("x-accepted-oauth-scopes", route.scope.replace(' ', ", ")));
    }
    if let Some((route, _)) = &route {
        let steering = state.steering();
        let announced = steering.announcements.iter();
        headers.extend(
            announced
                .filter(|announcement| announcement.endpoint == route.path)
                .flat_map(Announcement::headers),
        );
    }
    if let Ok(identity) = &identity {
        let tells = match identity {
            Identity::Anonymous => true,
            Identity::Known(credential) => credential.kind == CredentialKind::AccessToken,
        };
        // The content of downloads is counted by itself: 5,000 requests an hour, which is out
        // of reach here.
        let is_file = route
            .as_ref()
            .is_some_and(|(route, _)| route.path.ends_with("/downloads/{filename}"));
        let taken = if is_file {
            None
        } else {
            let mut steering = state.steering();
            let now = steering.clock.now();
            steering.buckets.take(identity.bucket(), tells, now)
        };
        if let Some(taken) = taken {
            if !taken.allowed {
                let mut answer = crate::rate_limit::too_many(taken.hint, taken.reset_seconds);
                answer.headers.append(&mut headers);
                return answer.into_response(None);
            }
            headers.extend(taken.headers);
        }
    }
    let result = match (identity, route) {
        (Err(error), _) => Err(error),
        (Ok(_), None) => Err(ApiError::not_found("Resource not found")),
        (Ok(_), Some(_)) if parts.method != Method::GET && parts.method != Method::HEAD => Err(
            ApiError::new(StatusCode::METHOD_NOT_ALLOWED, "Method not allowed"),
        ),
        (Ok(identity), Some((route, captures))) => {
            let asked = Asked {
                route,
                captures,
                identity,
                params,
                path,
            };
            asked.answer(Arc::clone(state)).await
        }
    };
    let mut answer = Answer::from_result(result);
    answer.headers.append(&mut headers);
    if let Some(effect) = effect {
        effect.distort(&mut answer);
    }
    answer.into_response(if_none_match)
}

/// A REST request that has found its endpoint.
struct Asked {
    route: &'static Route,
    captures: Captures,
    identity: Identity,
    params: Params,
    path: String,
}

impl Asked {
    /// On this thread, or where it waits for git on one that may wait.
    async fn answer(self, state: Arc<State>) -> Answered {
        if !self.route.runs_git {
            return self.answer_now(&state);
        }
        let answered = tokio::task::spawn_blocking(move || self.answer_now(&state)).await;
        answered.unwrap_or_else(|error| {
            Err(ApiError::new(
                StatusCode::INTERNAL_SERVER_ERROR,
                error.to_string(),
            ))
        })
    }

    fn answer_now(&self, state: &State) -> Answered {
        self.identity.check_scopes(self.route.scope)?;
        (self.route.handler)(&Context {
            world: &state.world(),
            links: &state.links,
            identity: &self.identity,
            params: &self.params,
            path: &self.path,
            captures: &self.captures,
        })
    }
}

/// Splits `/workspace/slug.git/info/refs` into repository and service.
fn git_service(path: &str) -> Option<(&str, &str)> {
    ["info/refs", "git-upload-pack", "git-receive-pack"]
        .into_iter()
        .find_map(|service| {
            let repository = path
                .strip_suffix(service)?
                .strip_suffix('/')?
                .strip_prefix('/')?;
            Some((repository, service))
        })
}

async fn git_answer(
    state: &State,
    ticket: Ticket,
    request: Request,
    repository: &str,
    service: &str,
) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let query = parts.uri.query().unwrap_or_default();
    let pushes = service == "git-receive-pack" || query.contains("git-receive-pack");
    let git = match git_repository(state, ticket, &parts.headers, repository, pushes) {
        Ok(git) => git,
        Err((status, message)) => return refuse(status, message),
    };
    // A repository that nobody has asked for yet is built now.
    let path = tokio::task::spawn_blocking(move || git.path().to_owned()).await;
    let Ok(path) = path else {
        return refuse(
            StatusCode::INTERNAL_SERVER_ERROR,
            "the repository was not built",
        );
    };
    let request = GitRequest {
        repository: &path,
        service_path: service,
        method: &parts.method,
        query,
        headers: &parts.headers,
        body,
    };
    serve(request).await.unwrap_or_else(|error| {
        tracing::warn!(%error, "git did not answer");
        refuse(StatusCode::INTERNAL_SERVER_ERROR, "git did not answer")
    })
}

/// Answers a question about LFS objects, to those who may fetch.
async fn lfs_answer(
    state: &State,
    ticket: Ticket,
    request: Request,
    asked: &LfsPath,
) -> Response<Body> {
    let headers = request.headers();
    if let Err((status, message)) = git_repository(state, ticket, headers, &asked.repository, false)
    {
        return lfs::refuse(status, message);
    }
    let identity = {
        let steering = state.steering();
        Identity::of_git(headers, |token| steering.credential(token))
    };
    // It was let through, so it is known.
    let identity = identity.unwrap_or(Identity::Anonymous);
    lfs::answer(state, asked, &identity, request).await
}

/// The bare repository, if this client may fetch from it.
fn git_repository(
    state: &State,
    ticket: Ticket,
    headers: &HeaderMap,
    repository: &str,
    pushes: bool,
) -> Result<Arc<GitRepository>, (StatusCode, &'static str)> {
    let unauthorized = (StatusCode::UNAUTHORIZED, "Authentication failed");
    let identity = {
        let steering = state.steering();
        Identity::of_git(headers, |token| steering.credential(token)).ok_or(unauthorized)?
    };
    state.log.update(ticket, |entry| {
        entry.credential = Some(identity.kind().to_owned());
    });
    let decoded = endpoints::decode(repository);
    let (workspace, slug) = decoded
        .split_once('/')
        .ok_or((StatusCode::NOT_FOUND, "Not Found"))?;
    let (slug, is_wiki) = match slug.strip_suffix("/wiki") {
        Some(slug) => (slug, true),
        None => (slug, false),
    };
    let slug = slug.strip_suffix(".git").unwrap_or(slug);
    let world = state.world();
    let found = world.find(workspace, slug);
    let hidden = found.as_ref().is_none_or(|(workspace, repository)| {
        repository.is_private && !identity.sees(&workspace.slug, &repository.slug)
    });
    match (&identity, found) {
        // Whether it is missing or private is nobody's business.
        (Identity::Anonymous, _) if hidden => Err(unauthorized),
        (Identity::Known(credential), _) if !credential.grants("repository") => Err((
            StatusCode::FORBIDDEN,
            "Your credentials lack the repository scope",
        )),
        (_, Some((_, repository))) if !hidden => {
            if pushes {
                return Err((StatusCode::FORBIDDEN, "The simulator is read-only"));
            }
            if is_wiki {
                let wiki = repository.wiki.as_ref();
                let gone = (StatusCode::NOT_FOUND, "There is no wiki");
                return wiki.map(Arc::clone).ok_or(gone);
            }
            Ok(Arc::clone(&repository.git))
        }
        _ => Err((StatusCode::NOT_FOUND, "Repository not found")),
    }
}

fn refuse(status: StatusCode, message: &'static str) -> Response<Body> {
    let mut headers = Vec::new();
    if status == StatusCode::UNAUTHORIZED {
        headers.push((
            "www-authenticate",
            "Basic realm=\"Bitbucket.org HTTP\"".to_owned(),
        ));
    }
    let body = AnswerBody::Bytes("text/plain", message.as_bytes().to_vec());
    Answer {
        status,
        headers,
        body,
    }
    .into_response(None)
}

fn cut_off() -> std::io::Error {
    std::io::Error::other("cut off by a fault")
}

/// The whole body, and a head that says how long it is.
async fn collect(response: Response<Body>) -> (axum::http::response::Parts, Bytes) {
    let (mut parts, body) = response.into_parts();
    let bytes = axum::body::to_bytes(body, usize::MAX)
        .await
        .unwrap_or_default();
    parts
        .headers
        .insert(header::CONTENT_LENGTH, bytes.len().into());
    (parts, bytes)
}

/// The first bytes of the body under the length of the whole; then nothing more.
async fn stall(response: Response<Body>, after_bytes: usize) -> Response<Body> {
    let (parts, bytes) = collect(response).await;
    if bytes.len() <= after_bytes {
        return Response::from_parts(parts, bytes.into());
    }
    let first = bytes.slice(..after_bytes);
    let endless = futures::stream::once(async { Ok::<Bytes, std::io::Error>(first) })
        .chain(futures::stream::pending());
    Response::from_parts(parts, Body::from_stream(endless))
}

/// Half of the body under the length of the whole; then the connection breaks.
async fn truncate(response: Response<Body>) -> Response<Body> {
    let (parts, bytes) = collect(response).await;
    let half = bytes.slice(..bytes.len() / 2);
    let broken = futures::stream::once(async { Ok::<Bytes, std::io::Error>(half) }).chain(
        futures::stream::once(async {
            // Hyper sends what it has while it waits; an error at once would take the head with it.
            tokio::task::yield_now().await;
            Err(cut_off())
        }),
    );
    Response::from_parts(parts, Body::from_stream(broken))
}
