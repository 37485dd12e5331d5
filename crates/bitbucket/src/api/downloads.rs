//! `/repositories/{workspace}/{repo_slug}/downloads`.

use bucketload_model::RepositoryName;

use crate::{Client, Endpoint, PageUrl};

impl Client {
    /// The files that people have put beside the repository, as
    /// [`Download`](crate::Download).
    pub fn downloads(&self, name: &RepositoryName) -> (Endpoint, PageUrl) {
        self.list_below(Endpoint::Downloads, name, &["downloads"])
    }

    /// One of these files, for [`Client::file`]; absent where no address can name it.
    pub fn download(&self, name: &RepositoryName, filename: &str) -> Option<(Endpoint, PageUrl)> {
        self.file_below(Endpoint::Download, name, &["downloads"], filename)
    }
}
