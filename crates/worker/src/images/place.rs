//! Where a text stands.

use bucketload_archive::ImageLink;
use bucketload_model::{RepositoryName, Stage};
use url::Url;

/// For people.
pub(crate) fn in_words(link: &ImageLink) -> String {
    let ImageLink { stage, parent, id } = link;
    match stage {
        Stage::Repository => "the description of the repository".to_owned(),
        Stage::PullRequests => format!("pull request #{id}"),
        Stage::PullRequestComments => format!("pull request #{parent}, comment {id}"),
        Stage::PullRequestActivity => format!("an earlier description of pull request #{parent}"),
        Stage::PullRequestTasks => format!("pull request #{parent}, task {id}"),
        Stage::Issues => format!("issue #{id}"),
        Stage::IssueComments => format!("issue #{parent}, comment {id}"),
        Stage::IssueChanges => format!("issue #{parent}, change {id}"),
        other => other.name().replace('_', " "),
    }
}

/// The page that shows it.
pub(crate) fn page(web_url: &Url, name: &RepositoryName, link: &ImageLink) -> String {
    let root = format!("{}/{name}", web_url.as_str().trim_end_matches('/'));
    let ImageLink { stage, parent, id } = link;
    match stage {
        Stage::PullRequests => format!("{root}/pull-requests/{id}"),
        Stage::PullRequestComments => format!("{root}/pull-requests/{parent}#comment-{id}"),
        Stage::PullRequestActivity | Stage::PullRequestTasks => {
            format!("{root}/pull-requests/{parent}")
        }
        Stage::Issues => format!("{root}/issues/{id}"),
        Stage::IssueComments => format!("{root}/issues/{parent}#comment-{id}"),
        Stage::IssueChanges => format!("{root}/issues/{parent}"),
        _ => root,
    }
}
