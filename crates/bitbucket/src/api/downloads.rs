//! `/repositories/{workspace}/{repo_slug}/downloads`.

use bucketload_model::RepositoryName;

use crate::{Client, Endpoint, PageUrl};

impl Client {
    /// The files that people have put beside the repository, as
    /// [`Download`](crate::Download).
    pub fn downloads(&self, name: &RepositoryName) -> (Endpoint, PageUrl) {
        self.list_below(Endpoint::Downloads, name, &["downloads"])
    }
}
