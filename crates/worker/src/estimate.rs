//! How many requests the parts of an import take, by what the lists say of their
//! own length.

use bucketload_bitbucket::{Endpoint, Page, PullRequest, PullRequestFilter, RequestErrorKind};
use bucketload_model::{RequestEstimate, Stage, StageState};

use crate::failure::StageError;
use crate::stages::{FIELD_LISTS, StageContext, pull_request_activity};

/// Entries of activity for each pull request beside its comments, on average at most.
/// The feed does not say how long it is. Of the lists recorded from six repositories
/// (135 pull requests, 843 such entries) one has 9, the others 5 to 7; over 4,808 pull
/// requests of 33 repositories it is 8.
const MOST_OTHER_ENTRIES: u64 = 10;

/// Comments on a pull request, where nothing is known of them: up to 11 on average in
/// the six repositories, 6 over the 33.
const MOST_COMMENTS: u64 = 11;

/// Later pages of pull requests may be livelier than the first.
const LIVELIER: u64 = 2;

/// Reading the end of the feed anew: one page, and one more where the first is new.
const NEWS_OF_ACTIVITY: RequestEstimate = RequestEstimate { min: 0, max: 2 };

/// A list of so many objects. An empty one takes a request too.
pub(crate) fn list(objects: u64, endpoint: Endpoint) -> RequestEstimate {
    RequestEstimate::exactly(objects.div_ceil(endpoint.page_length()).max(1))
}

/// The discussions of so many pull requests: one page for each; one of more than a
/// hundred comments takes another for every further hundred. They may all be in the
/// activity, or unchanged in the archive.
pub(crate) fn comments(commented: u64, is_each_read: bool) -> RequestEstimate {
    RequestEstimate {
        min: if is_each_read { commented } else { 0 },
        max: commented,
    }
}

/// So many issues, or what belongs to them: a list of each kind for each issue. Nobody asks
/// for the changes of an issue that was never changed; how many files issues have is not known
/// before, so one each is the most that is thought of.
pub(crate) fn issues(stage: Stage, issues: u64) -> RequestEstimate {
    let (min, max) = match stage {
        Stage::IssueComments => (issues, issues),
        Stage::IssueChanges => (0, issues),
        Stage::IssueAttachments => (issues, 2 * issues),
        _ => {
            // What issues refer to is not read where none has changed.
            let pages = list(issues, Endpoint::Issues).max;
            (pages, pages + FIELD_LISTS)
        }
    };
    RequestEstimate { min, max }
}

/// The list of so many files, and each of them that is not there already.
pub(crate) fn files(files: u64, endpoint: Endpoint, is_first: bool) -> RequestEstimate {
    let pages = list(files, endpoint).max;
    let max = pages + files;
    RequestEstimate {
        min: if is_first { max } else { pages },
        max,
    }
}

/// What is known of the length of the activity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ActivityLength {
    /// Only what is new will be read.
    News,
    /// So many entries.
    Entries(u64),
    /// Those of so many pull requests, of which each has an entry at least.
    PullRequests(u64),
    /// The same, where the first of them have so many comments.
    Commented {
        pull_requests: u64,
        first: u64,
        comments_of_first: u64,
    },
}

/// The activity of all pull requests.
pub(crate) fn activity(length: ActivityLength) -> RequestEstimate {
    let pages = |entries| list(entries, Endpoint::PullRequestsActivity).min;
    match length {
        ActivityLength::News => NEWS_OF_ACTIVITY,
        ActivityLength::Entries(entries) => RequestEstimate::exactly(pages(entries)),
        ActivityLength::PullRequests(pull_requests) => RequestEstimate {
            min: pages(pull_requests),
            max: pages(pull_requests * (MOST_OTHER_ENTRIES + MOST_COMMENTS)),
        },
        ActivityLength::Commented {
            pull_requests,
            first,
            comments_of_first,
        } => {
            let others = pull_requests.saturating_sub(first);
            let more = (comments_of_first * others).div_ceil(first.max(1)) * LIVELIER;
            RequestEstimate {
                min: pages(pull_requests + comments_of_first),
                max: pages(pull_requests * MOST_OTHER_ENTRIES + comments_of_first + more),
            }
        }
    }
}

/// What the first page of pull requests tells of the requests to come.
#[derive(Debug, Default)]
pub(crate) struct ByFirstPage {
    /// For each stage that it tells of.
    pub(crate) stages: Vec<(Stage, RequestEstimate)>,
    /// Requests that finding out took.
    pub(crate) requests: u64,
}

/// Estimates by the first page of pull requests, or of those that changed.
///
/// Where that page is not all of the list, one small request tells how many of the
/// pull requests have comments.
pub(crate) async fn by_first_page(
    context: &StageContext,
    page: &Page<PullRequest>,
) -> Result<ByFirstPage, StageError> {
    let is_skipped = |stage| context.before.get(&stage) == Some(&StageState::Skipped);
    let mut estimated = ByFirstPage::default();
    if let Some(size) = page.size {
        let pages = list(size, Endpoint::PullRequests);
        estimated.stages.push((Stage::PullRequests, pages));
    }
    if !is_skipped(Stage::PullRequestActivity) {
        let activity = activity(activity_length(context, page).await?);
        let stage = Stage::PullRequestActivity;
        estimated.stages.push((stage, activity));
    }
    if !is_skipped(Stage::PullRequestComments) {
        // What did not change is not read again.
        let is_first = is_first(context).await?;
        let commented = if page.next.is_none() {
            Some(commented_on(page))
        } else if is_first {
            match commented(context, &mut estimated.requests).await {
                // The page is worth more than the estimate.
                Err(StageError::Cancelled) => None,
                commented => commented?,
            }
        } else {
            page.size
        };
        if let Some(commented) = commented {
            let is_each_read = is_first && is_skipped(Stage::PullRequestActivity);
            let comments = comments(commented, is_each_read);
            estimated
                .stages
                .push((Stage::PullRequestComments, comments));
        }
    }
    Ok(estimated)
}

/// Whether the pull requests were never read to their end before.
pub(crate) async fn is_first(context: &StageContext) -> Result<bool, StageError> {
    let repository = &context.repository()?.uuid;
    let archive = &context.importer.archive;
    let covered = archive
        .covered_list(repository, Stage::PullRequests)
        .await?;
    Ok(covered.is_none())
}

async fn activity_length(
    context: &StageContext,
    page: &Page<PullRequest>,
) -> Result<ActivityLength, StageError> {
    if pull_request_activity::since(context).await?.is_some() {
        return Ok(ActivityLength::News);
    }
    let counts = page
        .items
        .iter()
        .filter_map(|item| item.value.comment_count);
    let comments: i64 = counts.map(|count| count.max(0)).sum();
    let first = page.items.len() as u64;
    Ok(ActivityLength::Commented {
        pull_requests: page.size.unwrap_or(first),
        first,
        comments_of_first: u64::try_from(comments).unwrap_or_default(),
    })
}

/// Pull requests on a page that have comments, or may have.
fn commented_on(page: &Page<PullRequest>) -> u64 {
    let may_have = |count: Option<i64>| count != Some(0);
    let items = page.items.iter();
    items
        .filter(|item| may_have(item.value.comment_count))
        .count() as u64
}

/// How many pull requests have comments, where Bitbucket says.
async fn commented(context: &StageContext, requests: &mut u64) -> Result<Option<u64>, StageError> {
    let client = &context.importer.client;
    let filter = PullRequestFilter {
        has_comments: true,
        ..PullRequestFilter::default()
    };
    let (endpoint, url) = client.pull_requests_matching(&context.name, &filter);
    match client.size(endpoint, &url).await {
        Ok(size) => {
            *requests += 1;
            Ok(size)
        }
        // A question that is not understood leaves the estimate open; what else can
        // happen would happen to the next page too.
        Err(error) if matches!(error.kind, RequestErrorKind::Status { status: 400, .. }) => {
            *requests += error.requests;
            Ok(None)
        }
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_takes_a_page_at_least() {
        let of = |objects| list(objects, Endpoint::PullRequests).max;
        assert_eq!([of(0), of(1), of(50), of(51)], [1, 1, 1, 2]);
    }

    #[test]
    fn activity_is_a_range_where_the_feed_does_not_say() {
        let range = |length| {
            let estimate = activity(length);
            (estimate.min, estimate.max)
        };
        assert_eq!(range(ActivityLength::News), (0, 2));
        assert_eq!(range(ActivityLength::Entries(647)), (13, 13));
        assert_eq!(range(ActivityLength::PullRequests(65)), (2, 28));
        // A recorded one: 647 entries of 65 pull requests, 193 of them comments.
        let commented = |first, comments_of_first| ActivityLength::Commented {
            pull_requests: 65,
            first,
            comments_of_first,
        };
        assert_eq!(range(commented(65, 193)), (6, 17));
        assert_eq!(range(commented(50, 150)), (5, 18));
        assert_eq!(range(commented(0, 0)), (2, 13));
    }
}
