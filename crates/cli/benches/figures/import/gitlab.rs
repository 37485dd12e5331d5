//! How many requests GitLab's importer for Bitbucket Cloud sends for a repository.
//!
//! Read off its code of 2026. It asks for ten pull requests in a page, for the comments of each
//! of them whether there are some or not, and for the repository again at each stage.

use std::collections::BTreeMap;

use bucketload_simulator::Truth;
use serde_json::Value;

/// An object with the id of what it hangs on.
type Object = (u64, Value);

/// The endpoints of the formula that ours asks as well.
pub(crate) const ENDPOINTS: &[&str] = &[
    "/repositories/{workspace}/{repo_slug}",
    "/repositories/{workspace}/{repo_slug}/pullrequests",
    "/repositories/{workspace}/{repo_slug}/pullrequests/{pull_request_id}/comments",
    "/workspaces/{workspace}/members",
];

/// Of its lists without a size of their own.
const PAGE: usize = 10;
/// Of lists of comments.
const COMMENTS: usize = 50;
const MEMBERS: usize = 100;

/// What it would send for what a repository has by the world's own account.
pub(crate) fn requests(truth: &Truth) -> usize {
    let pull_requests = objects(truth, "pullrequests");
    // Those from forks are in the list, and it looks no further at them.
    let from_here = pull_requests.iter().filter(|(_, pull_request)| {
        let of = |end: &str| &pull_request[end]["repository"]["uuid"];
        of("source") == of("destination")
    });
    let repository_and_user = 2;
    let repository_again = 1;
    // It asks until a page is empty.
    let members = truth.members.len().div_ceil(MEMBERS) + 1;
    repository_and_user
        + repository_again
        + members
        + pages(pull_requests.len(), PAGE)
        + discussions(from_here, objects(truth, "pullrequests/comments"))
        + issues(truth)
}

fn issues(truth: &Truth) -> usize {
    let issues = objects(truth, "issues");
    let repository_again = 1;
    if issues.is_empty() {
        return repository_again;
    }
    let newest = 1;
    repository_again
        + pages(issues.len(), PAGE)
        + newest
        + discussions(issues.iter(), objects(truth, "issues/comments"))
}

/// The pages of the comments of each of these.
fn discussions<'a>(parents: impl Iterator<Item = &'a Object>, comments: &[Object]) -> usize {
    let mut counts: BTreeMap<u64, usize> = BTreeMap::new();
    for (parent, _) in comments {
        *counts.entry(*parent).or_default() += 1;
    }
    let ids = parents.filter_map(|(_, object)| object["id"].as_u64());
    ids.map(|id| pages(counts.get(&id).copied().unwrap_or_default(), COMMENTS))
        .sum()
}

fn objects<'a>(truth: &'a Truth, kind: &str) -> &'a [Object] {
    truth.objects.get(kind).map_or(&[], Vec::as_slice)
}

/// A list without anything takes a request as well.
fn pages(objects: usize, page: usize) -> usize {
    objects.div_ceil(page).max(1)
}
