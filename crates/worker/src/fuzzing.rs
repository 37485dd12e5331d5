//! Doors for tests by chance (`crates/fuzzing`): what reads the files and texts of others.
//! Nobody else needs it, and it may change at any time.

use std::collections::BTreeSet;

use bucketload_model::Stage;
use url::Url;

use crate::images::{Pasted, linked, media_type};
pub use crate::issue_export::{Unpacked, unpack};

/// The images that an object's texts link to.
pub fn linked_images(stage: Stage, source: &str) -> BTreeSet<Url> {
    linked(stage, source)
}

/// The name of a pasted image, where an address is that of one.
pub fn pasted_name(url: &Url) -> Option<String> {
    Pasted::of(url).map(|pasted| pasted.name)
}

/// The media type of an image by its first bytes.
pub fn image_type(head: &[u8]) -> Option<&'static str> {
    media_type(head)
}
