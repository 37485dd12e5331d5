//! What pages load: one style sheet, one script and one icon, in the binary.

use axum::http::header;
use axum::response::IntoResponse;

/// Another version has another name, so browsers may keep it.
pub(crate) const STYLE_PATH: &str = concat!("/assets/", env!("CARGO_PKG_VERSION"), "/style.css");
pub(crate) const ICON_PATH: &str = concat!("/assets/", env!("CARGO_PKG_VERSION"), "/icon.svg");

pub(crate) const SCRIPT_PATH: &str = concat!("/assets/", env!("CARGO_PKG_VERSION"), "/live.js");

const KEPT: &str = "public, max-age=3600";

pub(crate) async fn style() -> impl IntoResponse {
    asset(
        "text/css; charset=utf-8",
        concat!(
            include_str!("style.css"),
            include_str!("imports.css"),
            include_str!("new_import.css"),
            include_str!("quota.css"),
            include_str!("discussion.css")
        ),
    )
}

pub(crate) async fn script() -> impl IntoResponse {
    asset("text/javascript; charset=utf-8", include_str!("live.js"))
}

pub(crate) async fn icon() -> impl IntoResponse {
    asset("image/svg+xml", include_str!("icon.svg"))
}

fn asset(kind: &'static str, content: &'static str) -> impl IntoResponse {
    let headers = [(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, KEPT)];
    (headers, content)
}
