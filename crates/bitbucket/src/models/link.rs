//! Links, whose address may be a text or a list of texts.

use serde::Deserialize;

use crate::lenient::scalar;

/// A link to something else of the API.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Link {
    #[serde(default, deserialize_with = "scalar")]
    href: Option<Href>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
enum Href {
    One(String),
    /// As on all of 325 recorded issue attachments.
    Many(Vec<String>),
}

/// The `links` of an object that has one to itself.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct SelfLink {
    #[serde(rename = "self", default, deserialize_with = "scalar")]
    itself: Option<Link>,
}

impl Link {
    /// The address, the first where there are several.
    pub(crate) fn href(&self) -> Option<&str> {
        match self.href.as_ref()? {
            Href::One(href) => Some(href),
            Href::Many(hrefs) => hrefs.first().map(String::as_str),
        }
    }
}

impl SelfLink {
    pub(crate) fn href(&self) -> Option<&str> {
        self.itself.as_ref()?.href()
    }
}
