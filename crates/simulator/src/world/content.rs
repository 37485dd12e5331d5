//! The seam between the two kinds of worlds and the endpoints that show them.

use super::links::Links;
use super::repository::Tracker;
use crate::http::list::List;
use serde_json::Value;
use std::fmt::Debug;

/// What is in one repository. Implemented by seeded and by recorded repositories.
///
/// Every object is whole: what an endpoint hides by default is taken away by the endpoint.
pub(crate) trait Content: Debug + Send + Sync {
    fn repository(&self, links: &Links) -> Value;

    /// Every pull request, of all states, in the order of the list. Without `detail` the parts
    /// that the list hides may be missing.
    fn pull_requests<'a>(&'a self, links: &'a Links, detail: bool) -> List<'a>;

    fn pull_request(&self, links: &Links, id: u64) -> Option<Value>;

    /// None: there is no such pull request. So for all the lists below.
    fn comments<'a>(&'a self, links: &'a Links, pull_request: u64) -> Option<List<'a>>;

    fn comment(&self, links: &Links, pull_request: u64, comment: u64) -> Option<Value>;

    /// Newest first, without deleted comments.
    fn activity<'a>(&'a self, links: &'a Links, pull_request: u64) -> Option<List<'a>>;

    /// Newest first over all pull requests.
    fn all_activity<'a>(&'a self, links: &'a Links) -> List<'a>;

    fn tasks<'a>(&'a self, links: &'a Links, pull_request: u64) -> Option<List<'a>>;

    fn statuses<'a>(&'a self, links: &'a Links, pull_request: u64) -> Option<List<'a>>;

    fn commits_of(&self, links: &Links, pull_request: u64) -> Option<Commits>;

    fn tracker(&self) -> Tracker;

    /// Every issue, oldest first.
    fn issues<'a>(&'a self, links: &'a Links) -> List<'a>;

    fn issue(&self, links: &Links, id: u64) -> Option<Value>;

    /// A list that this repository has recorded under `{R}` and this path, such as `forks`,
    /// `refs/tags` or `issues/4/comments`; none when it is to be computed, or is not there.
    fn recorded(&self, links: &Links, path: &str) -> Option<Vec<Value>>;

    /// The same for a single object, such as `issues/4`.
    fn recorded_object(&self, links: &Links, path: &str) -> Option<Value>;

    fn rename_account(&mut self, account: &str, display_name: &str);
}

/// Commits of a pull request, newest first.
#[derive(Debug)]
pub(crate) enum Commits {
    /// To be read from the git repository.
    Hashes(Vec<String>),
    /// As recorded.
    Values(Vec<Value>),
}
