//! Every pull request in all four states, with reviewers and participants.

use std::pin::pin;

use bucketload_archive::PullRequestRecord;
use bucketload_bitbucket::{Page, PullRequest};
use bucketload_model::{Checkpoint, Stage};
use futures::StreamExt as _;

use super::{StageContext, account_records, account_uuid};
use crate::failure::{StageError, gap, gap_reason};

pub(super) async fn run(context: &StageContext) -> Result<(), StageError> {
    let importer = &context.importer;
    let progress = importer
        .archive
        .stage_progress(context.import, Stage::PullRequests)
        .await?;
    let checkpoint = progress.and_then(|progress| progress.checkpoint);
    let (endpoint, first) = importer.client.pull_requests(&context.name);
    let first = match checkpoint {
        Some(Checkpoint::EndOfList) => return Ok(()),
        Some(Checkpoint::NextPage(url)) => super::page_url(context, endpoint, &url)?,
        None => first,
    };
    let mut stored = context.count(Stage::PullRequests).await?.stored;
    let mut pages = pin!(importer.client.pages::<PullRequest>(endpoint, first));
    while let Some(page) = pages.next().await {
        let page = match page {
            Ok(page) => page,
            Err(error) => {
                let Some(reason) = gap_reason(Stage::PullRequests, error.class()) else {
                    return Err(error.into());
                };
                let object = super::stage_object(Stage::PullRequests).to_owned();
                let gap = gap(Stage::PullRequests, object, reason, &error);
                return context
                    .record_gap(gap, endpoint.name(), error.requests)
                    .await;
            }
        };
        stored += store(context, endpoint.name(), &page).await?;
        context.advanced(Stage::PullRequests, stored, page.size);
        context.listing.send_modify(|listing| listing.pages += 1);
    }
    Ok(())
}

/// Stores a page and returns how many pull requests are new.
async fn store(
    context: &StageContext,
    endpoint: &str,
    page: &Page<PullRequest>,
) -> Result<u64, StageError> {
    let repository = &context.repository()?.uuid;
    let records: Vec<_> = page
        .items
        .iter()
        .map(|item| {
            let pull_request = &item.value;
            PullRequestRecord {
                id: pull_request.id,
                title: pull_request.title.as_deref(),
                state: pull_request.state.as_deref(),
                author: account_uuid(pull_request.author.as_ref()),
                source_branch: pull_request.source_branch(),
                destination_branch: pull_request.destination_branch(),
                comment_count: pull_request.comment_count,
                created_on: pull_request.created_on.as_deref(),
                updated_on: pull_request.updated_on.as_deref(),
                source: item.source.get(),
            }
        })
        .collect();
    let mut transaction = context.importer.archive.begin().await?;
    let stored = transaction.put_pull_requests(repository, &records).await?;
    if stored.inserted + stored.updated > 0 {
        let accounts = page.items.iter().flat_map(|item| item.value.accounts());
        transaction
            .put_accounts(repository, context.import, account_records(accounts))
            .await?;
    }
    let gaps = super::unreadable(context, Stage::PullRequests, page, "pull requests");
    super::end_page(
        context,
        transaction,
        Stage::PullRequests,
        endpoint,
        page,
        gaps,
    )
    .await?;
    Ok(stored.inserted)
}
