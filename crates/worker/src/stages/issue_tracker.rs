//! What is with a repository's issue tracker, and how its objects are counted.
//!
//! Bitbucket removed its tracker on 20 August 2026. Since then issues come from exports, and
//! online from those alone that still answer.

use bucketload_archive::IssueCounts;
use bucketload_bitbucket::Repository;
use bucketload_model::{Stage, StageState};

use super::{Counts, StageContext};
use crate::failure::StageError;

/// Whether a repository says that it has issues. That of October 2026 says nothing, and one
/// whose tracker is gone may still say that it has.
pub(crate) fn has_issues(source: &str) -> Option<bool> {
    serde_json::from_str::<Repository>(source).ok()?.has_issues
}

/// Whether asking for issues may bring anything: a repository without a tracker is not asked.
pub(super) async fn is_worth_asking(context: &StageContext) -> Result<bool, StageError> {
    let repository = context.repository()?;
    if let Some(says) = has_issues(&repository.source) {
        return Ok(says);
    }
    // It had issues when they were read.
    let archive = &context.importer.archive;
    let tallies = archive.tally_issues(&repository.uuid).await?;
    Ok(tallies.online.issues > 0)
}

/// Waits until it is known whether the tracker answers.
pub(super) async fn answers(context: &StageContext) -> Result<bool, StageError> {
    let mut listing = context.listing.subscribe();
    let listing = listing
        .wait_for(|listing| listing.issues_come || listing.ended.contains(Stage::Issues))
        .await;
    // The sender lives in the context.
    if listing.map_err(|_| StageError::Lost)?.issues_come {
        return Ok(true);
    }
    if context.before.get(&Stage::Issues) == Some(&StageState::Skipped) {
        return Ok(true);
    }
    was_listed(context).await
}

/// Whether this import has got issues from Bitbucket, though it be none.
async fn was_listed(context: &StageContext) -> Result<bool, StageError> {
    let archive = &context.importer.archive;
    let begin = archive.list_begin(context.import, Stage::Issues).await?;
    Ok(begin.is_some())
}

/// How many objects of the exports that were taken in are not in the archive, files apart;
/// absent where no export was taken in.
pub(super) async fn missing_of_exports(context: &StageContext) -> Result<Option<u64>, StageError> {
    let archive = &context.importer.archive;
    let uuid = &context.repository()?.uuid;
    let stored = archive.count_issues(uuid).await?;
    let online = archive.tally_issues(uuid).await?.online;
    let missing = |counts: IssueCounts| {
        // Of Bitbucket's own changes one stands for those of several fields.
        let changes = if online.changes > 0 {
            0
        } else {
            counts.changes
        };
        counts.issues.saturating_sub(stored.issues)
            + counts.comments.saturating_sub(stored.comments)
            + changes.saturating_sub(stored.changes)
    };
    let exports = archive.issue_exports(uuid).await?;
    Ok(exports.iter().map(|export| missing(export.counts)).max())
}

/// The counts of a stage: of what Bitbucket itself reported, and where it did not, of the
/// exports that were taken in.
pub(super) async fn count(
    context: &StageContext,
    stage: Stage,
    reported: Option<u64>,
) -> Result<Counts, StageError> {
    let archive = &context.importer.archive;
    let uuid = &context.repository()?.uuid;
    let tallies = archive.tally_issues(uuid).await?;
    let is_listed = was_listed(context).await?;
    let of = |counts: IssueCounts| match stage {
        Stage::IssueComments => counts.comments,
        Stage::IssueChanges => counts.changes,
        Stage::IssueAttachments => counts.attachments,
        _ => counts.issues,
    };
    if is_listed || tallies.online.issues > 0 {
        let expected = match stage {
            Stage::Issues => reported.filter(|_| is_listed),
            _ => Some(of(tallies.reported)),
        };
        return Ok(Counts::of(expected, of(tallies.online)));
    }
    let exports = archive.issue_exports(uuid).await?;
    let expected = exports.iter().map(|export| of(export.counts)).max();
    let stored = archive.count_issues(uuid).await?;
    Ok(Counts::of(expected, of(stored)))
}
