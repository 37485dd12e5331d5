//! One file per endpoint family: where each list begins, and single objects.

mod activity;
mod commits;
mod diffs;
mod downloads;
mod identity;
mod issues;
mod pipelines;
mod pull_requests;
mod refs;
mod repositories;
mod settings;
mod versions;
mod workspaces;

pub use pull_requests::PullRequestFilter;
pub use repositories::{RepositoriesOptions, Role};
pub use versions::ObjectVersion;

use bucketload_model::{PullRequestId, RepositoryName};
use url::Url;
use url::form_urlencoded::byte_serialize;

use crate::{Client, Endpoint, PageUrl};

impl Client {
    /// The address below the API root with `segments`, each percent-encoded.
    fn address(&self, segments: &[&str]) -> Url {
        let mut url = self.api_url().clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(segments);
        }
        url
    }

    /// The address of `segments` below a repository.
    fn below(&self, name: &RepositoryName, segments: &[&str]) -> Url {
        let repository = ["repositories", name.workspace.as_str(), name.slug.as_str()];
        self.address(&[&repository, segments].concat())
    }

    /// A list of a repository, in its largest pages.
    fn list_below(
        &self,
        endpoint: Endpoint,
        name: &RepositoryName,
        segments: &[&str],
    ) -> (Endpoint, PageUrl) {
        largest_pages(endpoint, self.below(name, segments))
    }

    /// A file of a list. A name that is a step in a path (`..`) has no address: it
    /// would be another one's.
    fn file_below(
        &self,
        endpoint: Endpoint,
        name: &RepositoryName,
        list: &[&str],
        filename: &str,
    ) -> Option<(Endpoint, PageUrl)> {
        if matches!(filename, "" | "." | "..") {
            return None;
        }
        let mut url = self.below(name, list);
        // Whatever is in it: addresses that are put together lose the ends of lines.
        let encoded: String = byte_serialize(filename.as_bytes()).collect();
        let encoded = encoded.replace('+', "%20");
        url.set_path(&format!("{}/{encoded}", url.path()));
        Some((endpoint, PageUrl(url)))
    }

    /// A list of a pull request, in its largest pages.
    fn list_of_pull_request(
        &self,
        endpoint: Endpoint,
        name: &RepositoryName,
        id: PullRequestId,
        list: &str,
    ) -> (Endpoint, PageUrl) {
        self.list_below(endpoint, name, &["pullrequests", &id.to_string(), list])
    }
}

/// The first page, as large as Bitbucket allows. It never says `page=1`, which is
/// an error where the cursor is opaque.
fn largest_pages(endpoint: Endpoint, mut url: Url) -> (Endpoint, PageUrl) {
    url.query_pairs_mut()
        .append_pair("pagelen", &endpoint.page_length().to_string());
    (endpoint, PageUrl(url))
}

/// The same list without a field of its objects.
fn without((endpoint, PageUrl(mut url)): (Endpoint, PageUrl), field: &str) -> (Endpoint, PageUrl) {
    let fields = format!("-values.{field}");
    url.query_pairs_mut().append_pair("fields", &fields);
    (endpoint, PageUrl(url))
}
