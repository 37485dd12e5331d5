//! What every issue may have: comments, changes, and the list of its files.

use bucketload_archive::{
    AttachmentRecord, ChangeRecord, IssueCommentRecord, IssueOrigin, Parents, Transaction,
};
use bucketload_bitbucket::{
    Account, Endpoint, IssueAttachment, IssueChange, IssueComment, Loose, Page, PageUrl,
};
use bucketload_model::{IssueId, Stage};

use super::children::{ChildList, read_pending, show_counts};
use super::issues::display_name;
use super::{StageContext, issue_tracker, note_people};
use crate::failure::StageError;

const ORIGIN: IssueOrigin = IssueOrigin::Bitbucket;

/// Reads a kind of children at the heels of the list of issues, if there is one.
pub(super) async fn run<L: ChildList>(context: &StageContext, list: &L) -> Result<(), StageError> {
    if !issue_tracker::answers(context).await? {
        return Ok(());
    }
    let repository = &context.repository()?.uuid;
    let mut transaction = context.begin().await?;
    transaction
        .add_pending_without_list(repository, L::STAGE, Parents::Issues)
        .await?;
    transaction.commit().await?;
    tokio::select! {
        result = read_pending(context, list) => result,
        error = show_counts(context, L::STAGE) => Err(error),
    }
}

/// What a gap of an issue's children is called.
pub(super) fn object(stage: Stage, issue: IssueId) -> String {
    let what = match stage {
        Stage::IssueChanges => "changes",
        Stage::IssueAttachments => "attachments",
        _ => "comments",
    };
    format!("{what} of issue #{issue}")
}

/// Its parents.
const ISSUES: &[Stage] = &[Stage::Issues];

/// Notes how many there are, and who was met in those that are news.
async fn note<T: Sync>(
    context: &StageContext,
    transaction: &mut Transaction,
    (stage, issue): (Stage, i64),
    page: &Page<T>,
    written: u64,
    user: impl Fn(&T) -> Option<&Loose<Account>> + Send,
) -> Result<(), StageError> {
    let repository = &context.repository()?.uuid;
    if written > 0 {
        let accounts = page.items.iter().filter_map(|item| user(&item.value));
        let accounts: Vec<_> = accounts.collect();
        note_people(context, transaction, page, accounts.into_iter()).await?;
    }
    transaction
        .set_reported(repository, stage, issue, page.size)
        .await?;
    Ok(())
}

/// The discussions, those comments included that only carry a change.
pub(super) struct Comments;

impl ChildList for Comments {
    type Item = IssueComment;

    const STAGE: Stage = Stage::IssueComments;
    const PARENTS: &[Stage] = ISSUES;

    fn first(&self, context: &StageContext, issue: i64) -> (Endpoint, PageUrl) {
        let client = &context.importer.client;
        client.issue_comments(&context.name, IssueId(issue))
    }

    fn object(&self, issue: i64) -> String {
        object(Self::STAGE, IssueId(issue))
    }

    async fn put(
        &self,
        context: &StageContext,
        transaction: &mut Transaction,
        issue: i64,
        page: &Page<IssueComment>,
    ) -> Result<(), StageError> {
        let repository = &context.repository()?.uuid;
        let records = page.items.iter().map(|item| IssueCommentRecord {
            id: item.value.id,
            issue: IssueId(issue),
            author: display_name(item.value.user.as_ref()),
            created_on: item.value.created_on.as_deref(),
            updated_on: item.value.updated_on.as_deref(),
            source: item.source.get(),
        });
        let records: Vec<_> = records.collect();
        let written = transaction
            .put_issue_comments(repository, ORIGIN, &records)
            .await?;
        let of = (Self::STAGE, issue);
        note(context, transaction, of, page, written, |one| {
            one.user.as_ref()
        })
        .await
    }
}

/// What was changed.
pub(super) struct Changes;

impl ChildList for Changes {
    type Item = IssueChange;

    const STAGE: Stage = Stage::IssueChanges;
    const PARENTS: &[Stage] = ISSUES;

    fn first(&self, context: &StageContext, issue: i64) -> (Endpoint, PageUrl) {
        let client = &context.importer.client;
        client.issue_changes(&context.name, IssueId(issue))
    }

    fn object(&self, issue: i64) -> String {
        object(Self::STAGE, IssueId(issue))
    }

    async fn put(
        &self,
        context: &StageContext,
        transaction: &mut Transaction,
        issue: i64,
        page: &Page<IssueChange>,
    ) -> Result<(), StageError> {
        let repository = &context.repository()?.uuid;
        let records = page.items.iter().map(|item| ChangeRecord {
            id: item.value.id,
            issue: IssueId(issue),
            // All fields of a change stand in one object.
            field: "",
            created_on: item.value.created_on.as_deref(),
            source: item.source.get(),
        });
        let records: Vec<_> = records.collect();
        let written = transaction
            .put_issue_changes(repository, ORIGIN, &records)
            .await?;
        let of = (Self::STAGE, issue);
        note(context, transaction, of, page, written, |one| {
            one.user.as_ref()
        })
        .await
    }
}

/// The files by name; what is in them comes after.
pub(super) struct Attachments;

impl ChildList for Attachments {
    type Item = IssueAttachment;

    const STAGE: Stage = Stage::IssueAttachments;
    const PARENTS: &[Stage] = ISSUES;

    fn first(&self, context: &StageContext, issue: i64) -> (Endpoint, PageUrl) {
        let client = &context.importer.client;
        client.issue_attachments(&context.name, IssueId(issue))
    }

    fn object(&self, issue: i64) -> String {
        object(Self::STAGE, IssueId(issue))
    }

    async fn put(
        &self,
        context: &StageContext,
        transaction: &mut Transaction,
        issue: i64,
        page: &Page<IssueAttachment>,
    ) -> Result<(), StageError> {
        let repository = &context.repository()?.uuid;
        let records = page.items.iter().map(|item| AttachmentRecord {
            issue: IssueId(issue),
            name: &item.value.name,
            blob: None,
            source: item.source.get(),
        });
        let records: Vec<_> = records.collect();
        let written = transaction
            .put_issue_attachments(repository, ORIGIN, &records)
            .await?;
        let of = (Self::STAGE, issue);
        note(context, transaction, of, page, written, |_| None).await
    }
}
