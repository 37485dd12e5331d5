//! Counts what is stored against what Bitbucket reported, and names what is missing.

use bucketload_archive::Tally;
use bucketload_model::{Gap, GapReason, Stage, StageReport, StageState};

use super::pull_request_comments::object;
use super::{
    StageContext, downloads, images, issue_attachments, issue_children, issues,
    pull_request_activity, pull_request_comments, pull_request_diffs, pull_request_statuses,
    pull_request_tasks, pull_requests, settings,
};
use crate::failure::StageError;

/// Stages whose objects can each fail by themselves.
const TRIED_AGAIN: [Stage; 10] = [
    Stage::PullRequestComments,
    Stage::PullRequestTasks,
    Stage::PullRequestStatuses,
    Stage::PullRequestDiffs,
    Stage::IssueComments,
    Stage::IssueChanges,
    Stage::IssueAttachments,
    Stage::Downloads,
    Stage::Images,
    Stage::Settings,
];

/// Stages that read a list of each issue.
const OF_ISSUES: [Stage; 3] = [
    Stage::IssueComments,
    Stage::IssueChanges,
    Stage::IssueAttachments,
];

pub(super) async fn run(context: &StageContext) -> Result<(), StageError> {
    let archive = &context.importer.archive;
    let states = archive.stage_states(context.import).await?;
    let was_run = |stage| states.get(&stage) != Some(&StageState::Skipped);
    bring_news(context, was_run).await?;
    for stage in TRIED_AGAIN {
        if was_run(stage) {
            try_once_more(context, stage).await?;
        }
    }
    if was_run(Stage::Images) {
        // Of all texts that came since.
        images::bring_news(context).await?;
    }
    // An earlier attempt may have found less.
    let mut transaction = context.begin().await?;
    transaction
        .clear_gaps(context.import, GapReason::CountMismatch)
        .await?;
    transaction.commit().await?;
    name_missing_comments(context).await?;
    name_missing(context, Stage::PullRequestTasks, pull_request_tasks::object).await?;
    name_missing(
        context,
        Stage::PullRequestStatuses,
        pull_request_statuses::object,
    )
    .await?;
    for stage in OF_ISSUES {
        if was_run(stage) {
            name_missing_of_issues(context, stage).await?;
        }
    }
    let report = archive.report(context.import).await?;
    let Some(report) = report else { return Ok(()) };
    for stage in report.stages {
        if stage.name == Stage::Finish || stage.state == StageState::Skipped {
            continue;
        }
        // Objects of one stage arrive while another is at work (people are met in
        // comments), so every count is taken once more at the end.
        let counts = context.count(stage.name).await?;
        let missing = counts.missing();
        let is_named = report.gaps.iter().any(|gap| gap.stage == stage.name);
        if missing > 0 && !is_named && stage.name != Stage::PullRequestComments {
            let gap = Gap {
                stage: stage.name,
                object: super::stage_object(stage.name).to_owned(),
                reason: GapReason::CountMismatch,
                detail: format!(
                    "Bitbucket reported {} and delivered {}",
                    counts.expected.unwrap_or_default(),
                    counts.stored
                ),
                url: None,
            };
            context.record_gap(gap, "", 0).await?;
        }
        let has_gaps = missing > 0 || is_named;
        let state = match stage.state {
            StageState::Complete if has_gaps => StageState::CompleteWithGaps,
            StageState::CompleteWithGaps if !has_gaps => StageState::Complete,
            state => state,
        };
        let report = StageReport {
            state,
            expected: counts.expected,
            stored: counts.stored,
            missing,
            left_out: counts.left_out,
            ..stage
        };
        let mut transaction = context.begin().await?;
        transaction
            .finish_stage(context.import, &report, std::time::Duration::ZERO)
            .await?;
        transaction.commit().await?;
    }
    pull_request_activity::note_covered(context).await?;
    pull_requests::note_covered(context).await?;
    issues::note_covered(context).await?;
    downloads::note_covered(context).await
}

/// Brings what came or changed while the stages were at work.
async fn bring_news(
    context: &StageContext,
    was_run: impl Fn(Stage) -> bool,
) -> Result<(), StageError> {
    if was_run(Stage::PullRequests) && pull_requests::sweep(context).await? {
        if was_run(Stage::PullRequestActivity) {
            pull_request_activity::sweep(context).await?;
        }
        if was_run(Stage::PullRequestComments) {
            pull_request_comments::read_again(context).await?;
        }
        if was_run(Stage::PullRequestTasks) {
            pull_request_tasks::read_again(context).await?;
        }
        if was_run(Stage::PullRequestDiffs) {
            pull_request_diffs::run(context).await?;
        }
        if was_run(Stage::PullRequestStatuses) {
            pull_request_statuses::read_again(context).await?;
        }
    }
    if was_run(Stage::Issues) && issues::sweep(context).await? {
        for stage in OF_ISSUES {
            if was_run(stage) {
                read_of_issues(context, stage).await?;
            }
        }
    }
    Ok(())
}

/// What Bitbucket could not answer a while ago, it may be able to now. What fails again is
/// tried by the next import.
async fn try_once_more(context: &StageContext, stage: Stage) -> Result<(), StageError> {
    let gaps = context.importer.archive.gaps(context.import).await?;
    let may_pass = |gap: &Gap| gap.stage == stage && gap.reason == GapReason::SourceError;
    if !gaps.iter().any(may_pass) {
        return Ok(());
    }
    tracing::info!(repository = %context.name, %stage, "what failed is tried once more");
    match stage {
        Stage::PullRequestComments => pull_request_comments::read_again(context).await,
        Stage::PullRequestTasks => pull_request_tasks::read_again(context).await,
        Stage::PullRequestStatuses => pull_request_statuses::read_again(context).await,
        Stage::PullRequestDiffs => pull_request_diffs::run(context).await,
        Stage::Settings => settings::read_pending(context).await,
        Stage::Downloads => downloads::run(context).await,
        Stage::Images => images::run(context).await,
        stage => read_of_issues(context, stage).await,
    }
}

/// Reads what is pending of issues once more.
async fn read_of_issues(context: &StageContext, stage: Stage) -> Result<(), StageError> {
    match stage {
        Stage::IssueComments => issue_children::run(context, &issue_children::Comments).await,
        Stage::IssueChanges => issue_children::run(context, &issue_children::Changes).await,
        Stage::IssueAttachments => issue_attachments::run(context).await,
        _ => Ok(()),
    }
}

async fn name_missing_comments(context: &StageContext) -> Result<(), StageError> {
    let repository = &context.repository()?.uuid;
    let archive = &context.importer.archive;
    let missing = archive.pull_requests_with_missing_comments(repository);
    let missing = missing.await?.into_iter();
    let missing = missing.map(|(id, tally)| (object(id), tally));
    name_each(context, Stage::PullRequestComments, missing).await
}

/// The same of the lists of a stage whose objects lie in one table.
async fn name_missing(
    context: &StageContext,
    stage: Stage,
    object: fn(i64) -> String,
) -> Result<(), StageError> {
    let repository = &context.repository()?.uuid;
    let archive = &context.importer.archive;
    let missing = archive.parents_with_missing_children(repository, stage);
    let missing = missing.await?.into_iter();
    let missing = missing.map(|(parent, tally)| (object(parent), tally));
    name_each(context, stage, missing).await
}

/// The same for what belongs to issues.
async fn name_missing_of_issues(context: &StageContext, stage: Stage) -> Result<(), StageError> {
    let repository = &context.repository()?.uuid;
    let archive = &context.importer.archive;
    let missing = archive.issues_with_missing_children(repository, stage);
    let missing = missing.await?.into_iter();
    let missing = missing.map(|(issue, tally)| (issue_children::object(stage, issue), tally));
    name_each(context, stage, missing).await
}

/// Names each list of which less was delivered than reported, unless the stage was left out
/// or the list's gap has a better reason already.
async fn name_each(
    context: &StageContext,
    stage: Stage,
    missing: impl Iterator<Item = (String, Tally)>,
) -> Result<(), StageError> {
    let archive = &context.importer.archive;
    let progress = archive.stage_progress(context.import, stage).await?;
    if progress.is_none_or(|progress| progress.state == StageState::Skipped) {
        return Ok(());
    }
    let known = archive.gaps(context.import).await?;
    for (object, tally) in missing {
        let mut of_stage = known.iter().filter(|gap| gap.stage == stage);
        if of_stage.any(|gap| is_of(&gap.object, &object)) {
            continue;
        }
        let gap = Gap {
            stage,
            object,
            reason: GapReason::CountMismatch,
            detail: format!(
                "Bitbucket reported {} and delivered {}",
                tally.expected, tally.stored
            ),
            url: None,
        };
        context.record_gap(gap, "", 0).await?;
    }
    Ok(())
}

/// Whether a gap is of this discussion: of all of it, or of one object in it.
fn is_of(gap: &str, object: &str) -> bool {
    let rest = gap.strip_prefix(object);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(','))
}
