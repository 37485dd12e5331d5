//! Files beside a repository.

use serde::Deserialize;

use crate::lenient::{Loose, scalar};
use crate::models::Account;
use crate::models::link::SelfLink;

/// A file that somebody has put beside the repository.
#[derive(Debug, Clone, Deserialize)]
pub struct Download {
    /// Its name, as somebody typed it: never a path to write to.
    pub name: String,
    /// Its size, in bytes.
    #[serde(default, deserialize_with = "scalar")]
    pub size: Option<i64>,
    /// When it was put there.
    #[serde(default, deserialize_with = "scalar")]
    pub created_on: Option<String>,
    /// Who put it there.
    pub user: Option<Loose<Account>>,
    #[serde(default, deserialize_with = "scalar")]
    links: Option<SelfLink>,
}

impl Download {
    /// The address of its content, which redirects to a storage host.
    pub fn content_link(&self) -> Option<&str> {
        self.links.as_ref()?.href()
    }
}
