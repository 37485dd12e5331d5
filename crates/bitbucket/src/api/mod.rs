//! One file per endpoint family: where each list begins.

mod pull_requests;
mod repositories;
mod workspaces;

use url::Url;

use crate::Client;

impl Client {
    /// The address below the API root with `segments`, each percent-encoded.
    fn address(&self, segments: &[&str]) -> Url {
        let mut url = self.api_url().clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(segments);
        }
        url
    }
}
