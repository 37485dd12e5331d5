//! Lists of which nothing but the version of each object is wanted.

use serde::Deserialize;

use crate::PageUrl;
use crate::lenient::scalar;

/// What is asked for. A list of names leaves out everything else, so the way to the next page
/// stands in it, too.
const FIELDS: &str = "next,size,values.id,values.updated_on,values.comment_count";

/// Which version of a pull request or an issue Bitbucket has.
#[derive(Debug, Clone, Deserialize)]
pub struct ObjectVersion {
    /// Its number.
    pub id: i64,
    /// When it last changed.
    #[serde(default, deserialize_with = "scalar")]
    pub updated_on: Option<String>,
    /// Comments that are not deleted; absent of an issue.
    #[serde(default, deserialize_with = "scalar")]
    pub comment_count: Option<u64>,
}

impl PageUrl {
    /// The same list of [`ObjectVersion`]s alone: answers of a few kilobytes.
    #[must_use]
    pub fn of_versions(&self) -> Self {
        let mut url = self.0.clone();
        let kept: Vec<(String, String)> = url
            .query_pairs()
            .filter(|(name, _)| name != "fields")
            .map(|(name, value)| (name.into_owned(), value.into_owned()))
            .collect();
        url.query_pairs_mut()
            .clear()
            .extend_pairs(kept)
            .append_pair("fields", FIELDS);
        Self(url)
    }
}
