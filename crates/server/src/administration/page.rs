//! Lists that are read page by page, the latest first.

use serde::Deserialize;

/// Entries on a page.
const LENGTH: u32 = 50;

/// How many are asked for: one more than is shown, to know whether there are more.
pub(super) const ASKED: u32 = LENGTH + 1;

/// The entry before which a page begins.
#[derive(Deserialize)]
pub(crate) struct Before {
    pub(super) before: Option<String>,
}

/// What is shown of what was asked for, and whether there is more.
pub(super) fn shown<T>(mut entries: Vec<T>) -> (Vec<T>, bool) {
    let has_more = entries.len() > LENGTH as usize;
    entries.truncate(LENGTH as usize);
    (entries, has_more)
}
