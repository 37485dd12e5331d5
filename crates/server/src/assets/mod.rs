//! What pages load: one style sheet and one icon, in the binary.

use axum::http::header;
use axum::response::IntoResponse;

/// Another version has another name, so browsers may keep it.
pub(crate) const STYLE_PATH: &str = concat!("/assets/", env!("CARGO_PKG_VERSION"), "/style.css");
pub(crate) const ICON_PATH: &str = concat!("/assets/", env!("CARGO_PKG_VERSION"), "/icon.svg");

const KEPT: &str = "public, max-age=3600";

pub(crate) async fn style() -> impl IntoResponse {
    (
        [
            (header::CONTENT_TYPE, "text/css; charset=utf-8"),
            (header::CACHE_CONTROL, KEPT),
        ],
        include_str!("style.css"),
    )
}

pub(crate) async fn icon() -> impl IntoResponse {
    (
        [
            (header::CONTENT_TYPE, "image/svg+xml"),
            (header::CACHE_CONTROL, KEPT),
        ],
        include_str!("icon.svg"),
    )
}
