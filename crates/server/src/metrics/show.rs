//! `GET /metrics`: who may see the figures, and the figures.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::{ConnectInfo, FromRef, State};
use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use bucketload_archive::Archive;
use bucketload_model::{Clock, TokenScope};

use super::{Metrics, queue};
use crate::api::{Problem, Script};
use crate::service::App;

/// <https://prometheus.io/docs/specs/om/open_metrics_spec/>
const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// What proxies say of those for whom they ask.
const OF_PROXIES: [HeaderName; 2] = [
    header::FORWARDED,
    HeaderName::from_static("x-forwarded-for"),
];

/// Where the figures come from.
#[derive(Debug, Clone)]
pub(crate) struct Figures {
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) archive: Archive,
    pub(crate) clock: Arc<dyn Clock>,
    /// Whether who connects from this machine may be a proxy, who asks for anybody.
    pub(crate) is_behind_proxy: bool,
}

impl FromRef<App> for Figures {
    fn from_ref(app: &App) -> Self {
        app.figures.clone()
    }
}

pub(crate) async fn show(
    State(figures): State<Figures>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    if !figures.is_open_to(peer, &headers) {
        let script = Script::find(&figures.archive, figures.clock.now(), &headers).await?;
        script.needs(TokenScope::ImportsRead)?;
    }
    let quota = &figures.metrics.quota;
    let queue = queue::read(&figures.archive, quota, figures.clock.now()).await?;
    let text = figures.metrics.encode(&queue);
    let text = text.map_err(|_| {
        Problem::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "The figures cannot be written down.",
        )
    })?;
    Ok(([(header::CONTENT_TYPE, CONTENT_TYPE)], text).into_response())
}

impl Figures {
    /// Whoever is on this machine needs no token, unless it may be a proxy.
    fn is_open_to(&self, peer: SocketAddr, headers: &HeaderMap) -> bool {
        let is_forwarded = OF_PROXIES.iter().any(|name| headers.contains_key(name));
        peer.ip().to_canonical().is_loopback() && !self.is_behind_proxy && !is_forwarded
    }
}
