//! The discussion of every pull request that has one.
//!
//! The activity may have it whole; what it has not, is read in lists of its own.

use std::sync::{Mutex, PoisonError};

use bucketload_archive::{CommentRecord, PendingParent, Transaction};
use bucketload_bitbucket::{Comment, Endpoint, Page, PageUrl};
use bucketload_model::{PullRequestId, Stage};

use super::children::{BATCH, ChildList, read_pending, show_counts};
use super::comment_source::{CommentSource, Probes, decide, whole_discussion};
use super::{StageContext, account_uuid, note_people};
use crate::estimate;
use crate::failure::StageError;

const STAGE: Stage = Stage::PullRequestComments;

pub(super) async fn run(context: &StageContext) -> Result<(), StageError> {
    let work = async {
        if context.importer.whole_lists {
            look_for_lost(context).await?;
        }
        let (source, probes) = decide(context).await?;
        if source == CommentSource::Activity {
            take_from_activity(context).await?;
        } else {
            note_each_is_read(context).await?;
        }
        let discussions = Discussions {
            probes: Mutex::new(probes),
        };
        let result = read_pending(context, &discussions).await;
        count_unused(context, discussions.probes).await?;
        result
    };
    tokio::select! {
        result = work => result,
        error = show_counts(context, STAGE) => Err(error),
    }
}

/// Discussions that lack what was reported or was here once are read again: Bitbucket may
/// have it now, and what an archive has lost comes back.
async fn look_for_lost(context: &StageContext) -> Result<(), StageError> {
    let archive = &context.importer.archive;
    let repository = &context.repository()?.uuid;
    let lacking = archive.pull_requests_with_missing_comments(repository);
    let lacking: Vec<i64> = lacking.await?.iter().map(|(id, _)| id.0).collect();
    let mut transaction = context.begin().await?;
    transaction
        .read_children_again(repository, STAGE, &lacking)
        .await?;
    Ok(transaction.commit().await?)
}

/// Reads what has become pending once more, each discussion in its own list.
pub(super) async fn read_again(context: &StageContext) -> Result<(), StageError> {
    read_pending(context, &Discussions::default()).await
}

/// Every discussion takes a request, if none was read before: what was the most is the
/// least too.
async fn note_each_is_read(context: &StageContext) -> Result<(), StageError> {
    if !estimate::is_first(context).await? {
        return Ok(());
    }
    context
        .listing
        .send_modify(|listing| listing.comments_in_lists = true);
    let mut transaction = context.begin().await?;
    transaction.expect_most(context.import, STAGE).await?;
    Ok(transaction.commit().await?)
}

/// What was read to compare and not needed was paid for all the same.
async fn count_unused(context: &StageContext, probes: Mutex<Probes>) -> Result<(), StageError> {
    let probes = probes.into_inner().unwrap_or_else(PoisonError::into_inner);
    let requests = probes.values().map(|page| page.requests).sum();
    let (endpoint, _) = context
        .importer
        .client
        .pull_request_comments(&context.name, PullRequestId(0));
    let mut transaction = context.begin().await?;
    transaction
        .add_requests(context.import, endpoint.name(), requests)
        .await?;
    Ok(transaction.commit().await?)
}

/// Waits for the end of both lists and takes every discussion that the activity has
/// whole. What it has not is left pending.
async fn take_from_activity(context: &StageContext) -> Result<(), StageError> {
    context.wait_for(LISTS).await?;
    let archive = &context.importer.archive;
    let repository = &context.repository()?.uuid;
    let mut after = i64::MIN;
    loop {
        let pending = archive.pending(repository, STAGE, after, BATCH).await?;
        let Some(last) = pending.last() else {
            return Ok(());
        };
        after = last.id;
        for pull_request in pending {
            take(context, &pull_request).await?;
        }
    }
}

async fn take(context: &StageContext, pull_request: &PendingParent) -> Result<(), StageError> {
    let archive = &context.importer.archive;
    let repository = &context.repository()?.uuid;
    let id = PullRequestId(pull_request.id);
    let comments = archive.comments_in_activity(repository, id).await?;
    let count = archive.comment_count(repository, id).await?;
    let Some(comments) = whole_discussion(&comments, count) else {
        return Ok(());
    };
    let records: Vec<_> = comments
        .iter()
        .map(|(comment, source)| record(comment, source))
        .collect();
    let mut transaction = context.begin_progress().await?;
    // The people in it were met in the activity.
    transaction.put_comments(repository, id, &records).await?;
    transaction
        .finish_pending(repository, STAGE, pull_request)
        .await?;
    Ok(transaction.commit().await?)
}

/// What of a comment the archive's columns repeat.
pub(crate) fn record<'a>(comment: &'a Comment, source: &'a str) -> CommentRecord<'a> {
    let inline = comment.inline.as_ref();
    CommentRecord {
        id: comment.id,
        parent: comment.parent.as_ref().map(|parent| parent.id),
        author: account_uuid(comment.user.as_ref()),
        inline_path: inline.and_then(|inline| inline.path.as_deref()),
        is_deleted: comment.deleted == Some(true),
        created_on: comment.created_on.as_deref(),
        updated_on: comment.updated_on.as_deref(),
        source,
    }
}

/// Both lists name discussions.
const LISTS: &[Stage] = &[Stage::PullRequests, Stage::PullRequestActivity];

/// The discussions, each in its own list.
#[derive(Default)]
struct Discussions {
    probes: Mutex<Probes>,
}

impl ChildList for Discussions {
    type Item = Comment;

    const STAGE: Stage = STAGE;
    const PARENTS: &[Stage] = LISTS;

    fn first(&self, context: &StageContext, parent: i64) -> (Endpoint, PageUrl) {
        let client = &context.importer.client;
        client.pull_request_comments(&context.name, PullRequestId(parent))
    }

    fn object(&self, parent: i64) -> String {
        object(PullRequestId(parent))
    }

    fn probe(&self, parent: i64) -> Option<Page<Comment>> {
        let mut probes = self.probes.lock().unwrap_or_else(PoisonError::into_inner);
        probes.remove(&PullRequestId(parent))
    }

    async fn put(
        &self,
        context: &StageContext,
        transaction: &mut Transaction,
        parent: i64,
        page: &Page<Comment>,
    ) -> Result<(), StageError> {
        let repository = &context.repository()?.uuid;
        let id = PullRequestId(parent);
        let records: Vec<_> = page
            .items
            .iter()
            .map(|item| record(&item.value, item.source.get()))
            .collect();
        let written = transaction.put_comments(repository, id, &records).await?;
        if written > 0 {
            let accounts = page.items.iter().flat_map(|item| item.value.accounts());
            note_people(context, transaction, page, accounts).await?;
        }
        if let Some(size) = page.size {
            transaction
                .set_comments_reported(repository, id, size)
                .await?;
        }
        Ok(())
    }
}

/// What a gap of one discussion is called.
pub(super) fn object(id: PullRequestId) -> String {
    format!("comments of pull request #{id}")
}
