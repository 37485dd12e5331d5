//! Texts that people wrote, as our pages show them.

use bucketload_model::{Stage, mentions};
use bucketload_server::fuzzing::show;
use bucketload_worker::fuzzing::linked_images;
use serde_json::json;

use crate::faults;

/// In whatever markup, a page gets nothing from a text but what we write.
///
/// # Panics
///
/// Where that does not hold.
pub fn text(bytes: &[u8]) {
    let raw = String::from_utf8_lossy(bytes);
    for markup in [None, Some("markdown"), Some("creole")] {
        let html = show(&raw, markup);
        let faults = faults(&html);
        assert!(faults.is_empty(), "{faults:?} in {html}");
    }
    images(&raw);
    for (place, _) in mentions(&raw) {
        assert!(raw[place].starts_with('@'));
    }
}

/// An image is looked for on the web and nowhere else, and nobody's password is kept.
fn images(raw: &str) {
    for markup in ["markdown", "creole"] {
        let content = json!({"raw": raw, "html": raw, "markup": markup});
        let object = json!({"content": content, "description": raw});
        for url in linked_images(Stage::PullRequests, &object.to_string()) {
            assert!(matches!(url.scheme(), "http" | "https"), "{url}");
            assert!(url.username().is_empty() && url.password().is_none());
        }
    }
}
