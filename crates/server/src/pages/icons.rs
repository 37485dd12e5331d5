//! Icons, drawn for this house. They say nothing that the text beside them does not.

use maud::{Markup, PreEscaped, html};

/// The shapes of an icon in a square of 24.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Icon(&'static str);

pub(crate) const BUCKET: Icon = Icon(
    r#"<path d="M4 8h16l-2 12H6L4 8z"/><path d="M5 8a7 4 0 0 1 14 0"/><path d="M12 11v5m-2.5-2.5L12 16l2.5-2.5"/>"#,
);
pub(crate) const ARROW: Icon = Icon(r#"<path d="M5 12h14m-6-6 6 6-6 6"/>"#);
pub(crate) const KEY: Icon =
    Icon(r#"<circle cx="8" cy="15" r="4"/><path d="m11 12 8-8m-3 3 3 3m-6 0 2 2"/>"#);
pub(crate) const DOOR: Icon = Icon(r#"<path d="M10 4H5v16h5"/><path d="M9 12h11m-4-4 4 4-4 4"/>"#);
pub(crate) const CHECK: Icon =
    Icon(r#"<circle cx="12" cy="12" r="9"/><path d="m8 12.5 2.7 2.7L16 9.5"/>"#);
pub(crate) const WARNING: Icon =
    Icon(r#"<path d="M12 3.5 22 20H2L12 3.5z"/><path d="M12 10v4.5m0 2.6v.2"/>"#);
pub(crate) const STOP: Icon =
    Icon(r#"<circle cx="12" cy="12" r="9"/><path d="m9 9 6 6m0-6-6 6"/>"#);
pub(crate) const CLOCK: Icon = Icon(r#"<circle cx="12" cy="12" r="9"/><path d="M12 7v5l3.5 2"/>"#);
pub(crate) const RUN: Icon =
    Icon(r#"<path d="M20 12a8 8 0 1 1-2.6-5.9"/><path d="M20 3v4.5h-4.5"/>"#);
pub(crate) const SCREEN: Icon =
    Icon(r#"<rect x="3" y="5" width="18" height="12" rx="1.5"/><path d="M8 21h8m-4-4v4"/>"#);
pub(crate) const PERSON: Icon =
    Icon(r#"<circle cx="12" cy="8" r="4"/><path d="M4 20.5c1-4 4-6 8-6s7 2 8 6"/>"#);

pub(crate) const BACK: Icon = Icon(r#"<path d="M19 12H5m6-6-6 6 6 6"/>"#);
pub(crate) const PAUSE: Icon = Icon(r#"<path d="M9 6v12M15 6v12"/>"#);
pub(crate) const PLAY: Icon = Icon(r#"<path d="M8 5.5v13l10-6.5-10-6.5z"/>"#);
pub(crate) const SEARCH: Icon =
    Icon(r#"<circle cx="11" cy="11" r="6.5"/><path d="m16 16 4.5 4.5"/>"#);
pub(crate) const OUT: Icon = Icon(r#"<path d="M14 5h5v5m0-5-9 9M11 6H5v13h13v-6"/>"#);

impl Icon {
    pub(crate) fn show(self) -> Markup {
        html! {
            svg class="icon" viewBox="0 0 24 24" aria-hidden="true" focusable="false" {
                (PreEscaped(self.0))
            }
        }
    }
}
