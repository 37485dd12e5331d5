//! Where the service stands below its host: at the root, or under a path prefix that it
//! shares the host with others by.
//!
//! Nothing else knows of the prefix. Handlers see paths without it, links in pages are
//! relative to the `<base>` that the frame writes, and addresses that answers lead to are
//! completed on their way out.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::uri::PathAndQuery;
use axum::http::{HeaderValue, Uri, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use url::Url;

tokio::task_local! {
    /// Where the page stands that is being made.
    static PLACE: Place;
}

/// Where a page stands.
#[derive(Debug, Clone)]
struct Place {
    mount: Mount,
    /// Its path and query below the prefix, without a slash before it.
    page: Arc<str>,
}

/// A path prefix: `/` and whole segments, or nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mount(Arc<str>);

impl Mount {
    /// The prefix of the address that people use; none if its path is not plain segments.
    pub(crate) fn of(public_url: &Url) -> Option<Self> {
        let path = public_url.path().trim_end_matches('/');
        let is_plain = |segment: &str| {
            let mut chars = segment.chars();
            !segment.is_empty()
                && chars.all(|one| one.is_ascii_alphanumeric() || "-._~".contains(one))
        };
        match path.strip_prefix('/') {
            None => Some(Self("".into())),
            Some(segments) => segments.split('/').all(is_plain).then(|| Self(path.into())),
        }
    }

    /// What relative links of every page are relative to.
    pub(crate) fn base(&self) -> String {
        format!("{}/", self.0)
    }

    /// The path that the cookie is for.
    pub(crate) fn cookie_path(&self) -> &str {
        if self.0.is_empty() { "/" } else { &self.0 }
    }

    /// The path and query of a request, without the prefix if a proxy left it there.
    fn inside<'a>(&self, asked: &'a str) -> &'a str {
        match asked.strip_prefix(&*self.0) {
            Some("") => "/",
            Some(rest) if rest.starts_with(['/', '?']) => rest,
            _ => asked,
        }
    }

    /// Where an answer of ours leads, as a browser has to see it.
    fn outside(&self, location: &HeaderValue) -> Option<HeaderValue> {
        let location = location.to_str().ok()?;
        let is_ours = location.starts_with('/') && !location.starts_with("//");
        let whole = is_ours.then(|| format!("{}{location}", self.0))?;
        HeaderValue::from_str(&whole).ok()
    }
}

/// The router below its prefix. Paths without the prefix are answered as well: some proxies
/// take it away, and whoever looks after the process asks it past them.
pub(crate) fn mounted(mount: Mount, router: Router) -> Router {
    // Around a router as a whole, so that the path it sees is the one without the prefix.
    Router::new()
        .fallback_service(router)
        .layer(from_fn_with_state(mount, pass))
}

async fn pass(State(mount): State<Mount>, mut request: Request, next: Next) -> Response {
    let asked = request.uri().path_and_query();
    let asked = asked.map_or("/", PathAndQuery::as_str);
    let inside = mount.inside(asked).to_owned();
    if inside != asked
        && let Ok(uri) = with_path(request.uri(), &inside)
    {
        *request.uri_mut() = uri;
    }
    let place = Place {
        mount: mount.clone(),
        page: inside.trim_start_matches('/').into(),
    };
    let mut response = PLACE.scope(place, next.run(request)).await;
    let location = response.headers().get(header::LOCATION);
    if let Some(whole) = location.and_then(|location| mount.outside(location)) {
        response.headers_mut().insert(header::LOCATION, whole);
    }
    response
}

fn with_path(uri: &Uri, path_and_query: &str) -> Result<Uri, axum::http::Error> {
    let slash = if path_and_query.starts_with('?') {
        "/"
    } else {
        ""
    };
    let path_and_query = format!("{slash}{path_and_query}");
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(path_and_query.parse()?);
    Ok(Uri::from_parts(parts)?)
}

/// What links of the page that is being made are relative to.
pub(crate) fn base() -> String {
    PLACE
        .try_with(|place| place.mount.base())
        .unwrap_or_else(|_| "/".to_owned())
}

/// A place in the page that is being made: a fragment alone would be one of the base.
///
/// The path begins with a dot, so that nothing in it is taken for a scheme or a host.
pub(crate) fn here(fragment: &str) -> String {
    let page = PLACE.try_with(|place| Arc::clone(&place.page));
    format!("./{}#{fragment}", page.unwrap_or_else(|_| "".into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mount(url: &str) -> Mount {
        Mount::of(&url.parse().unwrap()).unwrap()
    }

    #[test]
    fn a_prefix_is_plain_segments() {
        assert_eq!(mount("https://example.org").base(), "/");
        assert_eq!(mount("https://example.org/").cookie_path(), "/");
        let loads = mount("https://example.org/it/loads/");
        assert_eq!(
            (loads.base().as_str(), loads.cookie_path()),
            ("/it/loads/", "/it/loads")
        );
        for bad in [
            "https://example.org/a//b",
            "https://example.org/a%20b",
            "https://example.org/a;b",
        ] {
            assert_eq!(Mount::of(&bad.parse().unwrap()), None, "{bad}");
        }
    }

    #[test]
    fn whole_segments_alone_are_taken_away() {
        let loads = mount("https://example.org/loads");
        for (asked, inside) in [
            ("/loads", "/"),
            ("/loads/", "/"),
            ("/loads/imports?q=a", "/imports?q=a"),
            ("/loads?q=a", "?q=a"),
            ("/loadstone", "/loadstone"),
            ("/imports", "/imports"),
        ] {
            assert_eq!(loads.inside(asked), inside, "{asked}");
        }
    }

    #[test]
    fn answers_lead_below_the_prefix_or_elsewhere() {
        let loads = mount("https://example.org/loads");
        let outside = |text| loads.outside(&HeaderValue::from_static(text));
        assert_eq!(outside("/imports").unwrap(), "/loads/imports");
        assert_eq!(outside("https://bitbucket.org/x"), None);
        assert_eq!(outside("//evil.example"), None);
    }

    #[tokio::test]
    async fn no_path_makes_a_link_that_leaves_the_page() {
        for (asked, link) in [
            ("imports?q=a", "./imports?q=a#content"),
            ("javascript:alert(1)", "./javascript:alert(1)#content"),
        ] {
            let place = Place {
                mount: mount("http://a"),
                page: asked.into(),
            };
            let made = PLACE.scope(place, async { here("content") }).await;
            assert_eq!(made, link);
        }
    }
}
