//! Texts that people wrote elsewhere, made fit for our pages.
//!
//! This is the only place of the server that hands out prepared HTML. What people typed is
//! read as the Markdown that it is; what Bitbucket once made of it is neither needed nor
//! trusted. HTML in it is shown as the text that it is. Everything then passes a sanitiser,
//! so that one mistake alone opens nothing.
//!
//! | module | does |
//! |---|---|
//! | `markdown` | takes Markdown apart and leaves out what our pages do not show |
//! | `pieces` | finds mentions and bare addresses in plain text |
//! | `links` | says where a link may lead, and which pictures are shown |
//! | `clean` | lets through what is on its list, whoever made it |

mod clean;
mod links;
mod markdown;
mod pieces;

use std::collections::{BTreeMap, BTreeSet};

use bucketload_model::Mention;
use maud::{Markup, PreEscaped, html};

pub(crate) use links::{image_path, is_hash};

/// A longer text is shown up to here: nobody reads on, and every reader pays for it.
pub(crate) const LONGEST_BYTES: usize = 64 * 1024;

/// A text as somebody typed it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Text {
    /// What is shown of it.
    raw: String,
    is_markdown: bool,
    /// Bytes of the whole, where that is more.
    cut_from: Option<u64>,
}

/// What a text shows beside its own words.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Wanted {
    /// Addresses of pictures, and of what may be one.
    pub(crate) images: BTreeSet<String>,
    pub(crate) people: BTreeSet<Mention>,
}

/// What is known of what texts show.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Surroundings {
    /// Pictures of the archive, by their addresses.
    pub(crate) images: BTreeMap<String, Picture>,
    /// Names of people who are mentioned.
    pub(crate) people: BTreeMap<Mention, String>,
}

/// A picture of the archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Picture {
    /// Where we serve it.
    pub(crate) path: String,
    /// Whether it is of a kind that is shown; others are linked to.
    pub(crate) is_shown: bool,
}

impl Text {
    /// A text in a markup as Bitbucket calls it. None is Markdown, as in exports.
    pub(crate) fn new(raw: &str, markup: Option<&str>) -> Self {
        let end = raw.floor_char_boundary(LONGEST_BYTES);
        Self {
            raw: raw[..end].to_owned(),
            is_markdown: markup.is_none_or(|markup| markup == "markdown"),
            cut_from: (end < raw.len()).then_some(raw.len() as u64),
        }
    }

    /// How long it is, where only its beginning is shown.
    pub(crate) const fn cut_from(&self) -> Option<u64> {
        self.cut_from
    }

    /// What is shown of it, as it was typed.
    pub(crate) fn raw(&self) -> &str {
        &self.raw
    }

    /// Notes what it shows.
    pub(crate) fn want(&self, wanted: &mut Wanted) {
        if self.is_markdown {
            markdown::want(&self.raw, wanted);
        } else {
            pieces::want(&self.raw, wanted);
        }
    }

    /// As our pages show it.
    pub(crate) fn show(&self, surroundings: &Surroundings) -> Markup {
        if self.is_markdown {
            let html = markdown::html(&self.raw, surroundings);
            PreEscaped(clean::clean(&html))
        } else {
            // Nobody reads the other markups any more; as they were typed they can be read.
            html! { p class="typed" { (pieces::show(&self.raw, surroundings)) } }
        }
    }
}

#[cfg(test)]
mod tests;
