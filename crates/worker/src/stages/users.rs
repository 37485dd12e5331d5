//! The members of the workspace.
//!
//! Texts mention people who never wrote anything themselves; the member list is
//! what gives their account ids a name.

use std::pin::pin;

use bucketload_archive::{MemberRecord, Tagged};
use bucketload_bitbucket::{Endpoint, EntityTag, Membership, Page, PageUrl, Unless};
use bucketload_model::{Checkpoint, RequestEstimate, Stage};
use chrono::Duration;
use futures::StreamExt as _;

use super::{StageContext, account_records};
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
    let is_resumed = checkpoint.is_some();
    let first = match checkpoint {
        Some(Checkpoint::EndOfList) => return Ok(()),
        Some(Checkpoint::NextPage(url)) => super::page_url(context, endpoint, &url)?,
        None if is_fresh(context).await? => return keep_known(context, None).await,
        None => first,
    };
    let next = match ask(context, endpoint, &first).await {
        Ok(Unless::Changed(page)) => {
            let is_whole = page.url == first && page.next.is_none() && !is_resumed;
            store(context, endpoint.name(), &page, is_whole).await?;
            page.next
        }
        Ok(Unless::Same { requests }) => return keep_known(context, Some(requests)).await,
        Err(error) => return refused(context, error).await,
    };
    let Some(next) = next else { return Ok(()) };
    let mut pages = pin!(importer.client.pages::<Membership>(endpoint, next));
    while let Some(page) = pages.next().await {
        match page {
            Ok(page) => store(context, endpoint.name(), &page, false).await?,
            Err(error) => return refused(context, error.into()).await,
        }
    }
    Ok(())
}

/// Asks for a page, which may be what is stored: then the list is as it was.
async fn ask(
    context: &StageContext,
    endpoint: Endpoint,
    page: &PageUrl,
) -> Result<Unless<Page<Membership>>, StageError> {
    let importer = &context.importer;
    let of = Tagged::Members(&context.name.workspace);
    let tag = importer.entity_tag(&page.to_string(), of).await?;
    let answer = importer.client.page_unless(endpoint, page, tag.as_ref());
    Ok(answer.await?)
}

async fn refused(context: &StageContext, error: StageError) -> Result<(), StageError> {
    let StageError::Request(error) = error else {
        return Err(error);
    };
    let Some(reason) = gap_reason(Stage::Users, error.class()) else {
        return Err(StageError::Request(error));
    };
    let object = super::stage_object(Stage::Users).to_owned();
    let gap = gap(Stage::Users, object, reason, &error);
    context
        .record_gap(gap, error.endpoint.name(), error.requests)
        .await
}

async fn is_fresh(context: &StageContext) -> Result<bool, StageError> {
    let importer = &context.importer;
    let read_at = importer
        .archive
        .members_read_at(&context.name.workspace)
        .await?;
    Ok(read_at.is_some_and(|read_at| importer.clock.now() - read_at < FRESH_FOR))
}

/// Ends the stage with the members that are stored. `asked` is what it took to learn
/// that they are still the ones; nothing, if that was just now.
async fn keep_known(context: &StageContext, asked: Option<u64>) -> Result<(), StageError> {
    let importer = &context.importer;
    let workspace = &context.name.workspace;
    let known = importer.archive.count_members(workspace).await?;
    let mut transaction = context.begin().await?;
    let mut estimate = RequestEstimate::default();
    if let Some(requests) = asked {
        estimate = RequestEstimate::exactly(1);
        transaction
            .set_members_read_at(workspace, importer.clock.now())
            .await?;
        transaction
            .add_requests(context.import, Endpoint::Members.name(), requests)
            .await?;
    }
    transaction
        .set_estimate(context.import, Stage::Users, estimate)
        .await?;
    transaction
        .save_checkpoint(
            context.import,
            Stage::Users,
            &Checkpoint::EndOfList,
            Some(known),
        )
        .await?;
    transaction
        .clear_gap(
            context.import,
            Stage::Users,
            super::stage_object(Stage::Users),
        )
        .await?;
    Ok(transaction.commit().await?)
}

/// Stores a page. `is_whole` if it is the whole list, and its tag the list's.
async fn store(
    context: &StageContext,
    endpoint: &str,
    page: &Page<Membership>,
    is_whole: bool,
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
    let mut transaction = context.begin().await?;
    let stored = transaction.put_members(workspace, &records).await?;
    if stored.inserted + stored.updated > 0 {
        let accounts = page.items.iter().map(|item| &item.value.user);
        let accounts: Vec<_> = account_records(accounts).collect();
        transaction
            .put_member_names(workspace, context.import, accounts)
            .await?;
    }
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
    if is_whole {
        // What could not be read has to be told again the next time.
        let tag = page.entity_tag.as_ref().filter(|_| gaps.is_empty());
        let of = Tagged::Members(workspace);
        let tag = tag.map(EntityTag::as_str);
        transaction
            .put_entity_tag(&page.url.to_string(), tag, of)
            .await?;
    }
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
