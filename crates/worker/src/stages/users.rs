//! The members of the workspace.
//!
//! Texts mention people who never wrote anything themselves; the member list is
//! what gives their account ids a name.

use std::pin::pin;

use bucketload_archive::MemberRecord;
use bucketload_bitbucket::{Endpoint, Membership, Page};
use bucketload_model::{Checkpoint, RequestEstimate, Stage};
use chrono::Duration;
use futures::StreamExt as _;

use super::StageContext;
use crate::estimate;
use crate::failure::{StageError, gap, gap_reason};

/// The list belongs to the workspace: four hundred repositories of it need it
/// once, not four hundred times.
const FRESH_FOR: Duration = Duration::hours(1);

pub(super) async fn run(context: &StageContext) -> Result<(), StageError> {
    let importer = &context.importer;
    let workspace = &context.name.workspace;
    // Members are shown to those with an account only. That is no gap of this
    // repository: everybody who took part in it is met in its objects.
    if importer.client.credential().is_anonymous() {
        tracing::debug!(%workspace, "members are not asked for without a credential");
        return Ok(());
    }
    let progress = importer
        .archive
        .stage_progress(context.import, Stage::Users)
        .await?;
    let checkpoint = progress.and_then(|progress| progress.checkpoint);
    let (endpoint, first) = importer.client.members(workspace);
    let first = match checkpoint {
        Some(Checkpoint::EndOfList) => return Ok(()),
        Some(Checkpoint::NextPage(url)) => super::page_url(context, endpoint, &url)?,
        None if is_fresh(context).await? => return keep_known(context).await,
        None => first,
    };
    let mut pages = pin!(importer.client.pages::<Membership>(endpoint, first));
    while let Some(page) = pages.next().await {
        let page = match page {
            Ok(page) => page,
            Err(error) => {
                let Some(reason) = gap_reason(Stage::Users, error.class()) else {
                    return Err(error.into());
                };
                let object = super::stage_object(Stage::Users).to_owned();
                let gap = gap(Stage::Users, object, reason, &error);
                return context
                    .record_gap(gap, endpoint.name(), error.requests)
                    .await;
            }
        };
        store(context, endpoint.name(), &page).await?;
    }
    Ok(())
}

async fn is_fresh(context: &StageContext) -> Result<bool, StageError> {
    let importer = &context.importer;
    let read_at = importer
        .archive
        .members_read_at(&context.name.workspace)
        .await?;
    Ok(read_at.is_some_and(|read_at| importer.clock.now() - read_at < FRESH_FOR))
}

async fn keep_known(context: &StageContext) -> Result<(), StageError> {
    let archive = &context.importer.archive;
    let known = archive.count_members(&context.name.workspace).await?;
    let mut transaction = archive.begin().await?;
    transaction
        .set_estimate(context.import, Stage::Users, RequestEstimate::default())
        .await?;
    transaction
        .save_checkpoint(
            context.import,
            Stage::Users,
            &Checkpoint::EndOfList,
            Some(known),
        )
        .await?;
    Ok(transaction.commit().await?)
}

async fn store(
    context: &StageContext,
    endpoint: &str,
    page: &Page<Membership>,
) -> Result<(), StageError> {
    let importer = &context.importer;
    let workspace = &context.name.workspace;
    let records: Vec<_> = page
        .items
        .iter()
        .filter_map(|item| {
            let account = item.value.user.value.as_ref()?;
            Some(MemberRecord {
                account: &account.uuid,
                account_source: item.value.user.source.get(),
                source: item.source.get(),
            })
        })
        .collect();
    let mut transaction = importer.archive.begin().await?;
    transaction.put_members(workspace, &records).await?;
    if page.next.is_none() {
        transaction
            .set_members_read_at(workspace, importer.clock.now())
            .await?;
    }
    if let Some(size) = page.size {
        let pages = estimate::list(size, Endpoint::Members);
        transaction
            .set_estimate(context.import, Stage::Users, pages)
            .await?;
    }
    let gaps = super::unreadable(context, Stage::Users, page, "members");
    super::end_page(
        context,
        transaction,
        Stage::Users,
        endpoint,
        page,
        page.size,
        gaps,
    )
    .await
}
