//! Announced removals: the headers by which an endpoint says that it will go.

use serde::{Deserialize, Serialize};

/// That an endpoint will be removed, as the issue endpoints said of themselves in 2026.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Announcement {
    /// The endpoint, as the OpenAPI document writes its path.
    pub endpoint: String,
    /// Since when not to use it, in seconds since 1970: `Deprecation: @1771545600` (RFC 9745).
    #[serde(default)]
    pub deprecated_since: Option<i64>,
    /// When it goes, as it stands in `Sunset`: `Fri, 21 Aug 2026 00:00:00 UTC` (RFC 8594).
    #[serde(default)]
    pub sunset: Option<String>,
    /// Where to read about it: `Link: <…>; rel="deprecation"`.
    #[serde(default)]
    pub link: Option<String>,
}

impl Announcement {
    /// What was announced for the issue endpoints, for another one.
    pub fn of(endpoint: impl Into<String>) -> Self {
        Self {
            endpoint: endpoint.into(),
            deprecated_since: Some(1_771_545_600),
            sunset: Some("Fri, 21 Aug 2026 00:00:00 UTC".to_owned()),
            link: Some(
                "https://developer.atlassian.com/cloud/bitbucket/changelog#CHANGE-3071".to_owned(),
            ),
        }
    }

    pub(crate) fn headers(&self) -> impl Iterator<Item = (&'static str, String)> {
        let deprecated = self.deprecated_since.map(|since| format!("@{since}"));
        let link = self
            .link
            .as_ref()
            .map(|link| format!("<{link}>; rel=\"deprecation\""));
        [
            ("deprecation", deprecated),
            ("sunset", self.sunset.clone()),
            ("link", link),
        ]
        .into_iter()
        .filter_map(|(name, value)| Some((name, value?)))
    }
}
