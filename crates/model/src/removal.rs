//! What Bitbucket announces to remove.

use serde::{Deserialize, Serialize};

/// An announced removal, as the headers of an answer say it. This is how the
/// next function to go announces itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AnnouncedRemoval {
    /// The kind of request that was answered so.
    pub endpoint: String,
    /// `Deprecation`: since when it is not to be used (RFC 9745).
    pub deprecation: Option<String>,
    /// `Sunset`: when it will stop to answer (RFC 8594).
    pub sunset: Option<String>,
    /// `Link`: where to read about it.
    pub link: Option<String>,
}
