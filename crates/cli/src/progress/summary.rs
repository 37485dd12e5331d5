//! What is printed when something has ended, or before it begins.

use std::collections::BTreeMap;
use std::path::Path;

use bucketload_archive::Overview;
use bucketload_model::{
    AnnouncedRemoval, Clock as _, GapReason, ImportReport, ImportState, Stage, StageState,
    SystemClock,
};
use bucketload_worker::RepositoryPlan;
use chrono::{DateTime, Local, Utc};

use crate::output::{self, counted, grouped};

/// Gaps shown one by one for each reason; the report has them all.
const GAPS_SHOWN: usize = 5;

/// After an import: what came, where it lies, what is missing.
pub(crate) fn after_import(report: &ImportReport, mirror: &Path) {
    output::line(&format!("{}: {}", report.source, in_words(report)));
    let stored = |stage| stage_stored(report, stage);
    let mut parts = Vec::new();
    if let Some(count) = stored(Stage::PullRequests) {
        parts.push(counted(count, "pull request", "pull requests"));
    }
    if let Some(count) = stored(Stage::PullRequestComments) {
        parts.push(counted(count, "comment", "comments"));
    }
    if let Some(count) = stored(Stage::PullRequestActivity) {
        parts.push(counted(count, "event", "events"));
    }
    // Most repositories have none of these.
    if let Some(count) = stored(Stage::Issues).filter(|count| *count > 0) {
        parts.push(counted(count, "issue", "issues"));
    }
    let files = [Stage::IssueAttachments, Stage::Downloads];
    let files: u64 = files.into_iter().filter_map(stored).sum();
    if files > 0 {
        parts.push(counted(files, "file", "files"));
    }
    if let Some(count) = stored(Stage::Images).filter(|count| *count > 0) {
        parts.push(counted(count, "image", "images"));
    }
    if let Some(count) = stored(Stage::Users) {
        parts.push(counted(count, "person", "people"));
    }
    if stored(Stage::Git).is_some() {
        parts.push(counted(report.git.refs, "ref", "refs"));
    }
    if !parts.is_empty() {
        output::line(&format!("  {}", parts.join(", ")));
    }
    let has_mirror = report.stages.iter().any(|stage| {
        stage.name == Stage::Git && stage.state == StageState::Complete && mirror.exists()
    });
    if has_mirror {
        output::line(&format!("  git clone {}", mirror.display()));
    }
    output::line(&format!("  {} in {}", requests(report), took(report)));
    left_out(report);
    gaps(report);
}

/// What was met and is not wanted, which is no gap.
fn left_out(report: &ImportReport) {
    let images = report.stages.iter().find(|one| one.name == Stage::Images);
    let left_out = images.map_or(0, |images| images.left_out);
    if left_out > 0 {
        output::line(&format!(
            "  {} on hosts that nobody allowed, left where they are (image_hosts)",
            counted(left_out, "image", "images")
        ));
    }
}

/// What an import cost, beside what it was expected to cost.
fn requests(report: &ImportReport) -> String {
    let spent = counted(report.requests.total, "request", "requests");
    match report.requests.estimated {
        Some(estimate) => format!("{spent} (estimated {estimate})"),
        None => spent,
    }
}

/// How many imports stand how, and whether all were shown.
pub(crate) fn counts(overview: &Overview) {
    let shown = overview.imports.len() as u64;
    if shown < overview.total {
        output::line(&format!(
            "and {} more: “bucketload status --all” shows all",
            grouped(overview.total - shown)
        ));
    }
    if overview.total > 1 {
        let counts = overview.by_state.iter();
        let counts: Vec<String> = counts
            .map(|(state, count)| format!("{} {}", grouped(*count), state.name().replace('_', " ")))
            .collect();
        output::line(&format!(
            "{}: {}",
            counted(overview.total, "repository", "repositories"),
            counts.join(", ")
        ));
    }
}

/// One import on one line.
pub(crate) fn one_line(report: &ImportReport) -> String {
    let missing = report.missing();
    let missing = if missing > 0 {
        format!(", {} missing", grouped(missing))
    } else {
        String::new()
    };
    let why = match (report.state, &report.error) {
        // Why it does not run. Those that ended say more in full.
        (ImportState::Waiting | ImportState::Queued, Some(error)) => {
            format!(": {}", output::printable(error))
        }
        _ => String::new(),
    };
    format!(
        "{}  {:<40} {}{missing}{why}",
        report.id,
        report.source,
        in_words(report)
    )
}

/// One import with its stages and gaps.
pub(crate) fn in_full(report: &ImportReport) {
    output::line(&format!("import {}", report.id));
    output::line(&format!("  {}: {}", report.source, in_words(report)));
    if let Some(error) = &report.error {
        output::line(&format!("  {}", output::printable(error)));
    }
    for stage in &report.stages {
        let expected = stage
            .expected
            .map_or_else(String::new, |expected| format!(" of {}", grouped(expected)));
        output::line(&format!(
            "  {:<24} {:<20} {:>9}{expected:<13} {:>8.1} s",
            stage.name,
            stage.state,
            grouped(stage.stored),
            stage.seconds
        ));
    }
    output::line(&format!(
        "  {}, {} received by git",
        requests(report),
        indicatif::HumanBytes(report.git.bytes_received)
    ));
    left_out(report);
    gaps(report);
}

/// After several imports.
pub(crate) fn of_many(reports: &[ImportReport], wanted: usize) {
    let count = |state| {
        reports
            .iter()
            .filter(|report| report.state == state)
            .count()
    };
    let requests: u64 = reports.iter().map(|report| report.requests.total).sum();
    output::line("");
    output::line(&format!(
        "{} of {wanted} repositories complete, {} with gaps, {} not finished, {}",
        count(ImportState::Complete),
        count(ImportState::CompleteWithGaps),
        wanted - count(ImportState::Complete) - count(ImportState::CompleteWithGaps),
        counted(requests, "request", "requests"),
    ));
}

/// What Bitbucket announces to remove: whoever reads this still has time.
pub(crate) fn removals(removals: &[AnnouncedRemoval]) {
    for removal in removals {
        let sunset = removal
            .sunset
            .as_deref()
            .map_or_else(String::new, |sunset| {
                format!(" It ends on {}.", output::printable(sunset))
            });
        let link = removal
            .link
            .as_deref()
            .map_or_else(String::new, |link| format!(" {}", output::printable(link)));
        output::line(&format!(
            "Bitbucket announces to remove “{}”.{sunset}{link}",
            removal.endpoint
        ));
    }
}

/// What an import would do.
pub(crate) fn plan(plan: &RepositoryPlan) {
    let resumes = if plan.resumes {
        " (an interrupted import goes on)"
    } else {
        ""
    };
    output::line(&format!("{}{resumes}", plan.source));
    for stage in &plan.stages {
        let objects = stage.objects.map_or_else(|| "-".to_owned(), grouped);
        output::line(&format!(
            "  {:<24} {objects:>9} objects  {:>13} requests",
            stage.name.name(),
            range(stage.requests_min, stage.requests_max)
        ));
    }
    let hours = plan.hours_max.map_or_else(String::new, |hours| {
        format!(", up to {hours:.1} hours at the known quota")
    });
    output::line(&format!(
        "  {} requests{hours}",
        range(plan.requests_min, plan.requests_max)
    ));
}

/// What several imports would cost together.
pub(crate) fn plans(plans: &[RepositoryPlan], hourly_quota: Option<u32>) {
    let min = plans.iter().map(|plan| plan.requests_min).sum();
    let max: u64 = plans.iter().map(|plan| plan.requests_max).sum();
    #[expect(clippy::cast_precision_loss, reason = "an estimate of hours")]
    let hours = hourly_quota.map_or_else(String::new, |quota| {
        format!(
            ", up to {:.1} hours at {} requests an hour",
            max as f64 / f64::from(quota),
            grouped(u64::from(quota))
        )
    });
    output::line(&format!(
        "{}: {} requests{hours}",
        counted(plans.len() as u64, "repository", "repositories"),
        range(min, max)
    ));
}

fn range(min: u64, max: u64) -> String {
    if min == max {
        grouped(min)
    } else {
        format!("{} to {}", grouped(min), grouped(max))
    }
}

fn in_words(report: &ImportReport) -> String {
    // One whose time has come waits for a place only.
    let waits_until = report
        .waits_until
        .filter(|until| *until > SystemClock.now());
    let words = match report.state {
        ImportState::Complete => "complete",
        ImportState::CompleteWithGaps => "finished, but not everything could be brought home",
        ImportState::Failed => "failed; what came is kept, and it can go on",
        ImportState::Cancelled => "interrupted; what came is kept, and it can go on",
        ImportState::Waiting => match waits_until {
            Some(until) => return format!("waits for quota until {}", clock(until)),
            None => "waited for quota; what came is kept, and it can go on",
        },
        ImportState::Running => "running",
        ImportState::Queued => match waits_until {
            Some(until) => return format!("is tried again at {}", clock(until)),
            None => "waits for its turn",
        },
        ImportState::Paused => "halted; “bucketload resume” lets it go on",
        ImportState::Cancelling => "about to stop",
    };
    words.to_owned()
}

/// A time here: of the day where it is near, with its date where it is not.
fn clock(time: DateTime<Utc>) -> String {
    let here = time.with_timezone(&Local);
    let is_near = (time - SystemClock.now()).abs() < chrono::Duration::hours(12);
    let form = if is_near { "%H:%M" } else { "%Y-%m-%d %H:%M" };
    here.format(form).to_string()
}

fn stage_stored(report: &ImportReport, stage: Stage) -> Option<u64> {
    let stage = report.stages.iter().find(|one| one.name == stage)?;
    let was_run = !matches!(stage.state, StageState::Skipped | StageState::Pending);
    was_run.then_some(stage.stored)
}

fn took(report: &ImportReport) -> String {
    let end = report.finished_at.unwrap_or(report.started_at);
    let seconds = (end - report.started_at).num_milliseconds().max(0);
    let duration = std::time::Duration::from_millis(u64::try_from(seconds).unwrap_or_default());
    if duration.as_secs() < 60 {
        format!("{:.1} s", duration.as_secs_f64())
    } else {
        indicatif::HumanDuration(duration).to_string()
    }
}

/// What is missing, by reason, with the remedy.
fn gaps(report: &ImportReport) {
    let mut by_reason: BTreeMap<GapReason, Vec<_>> = BTreeMap::new();
    for gap in &report.gaps {
        by_reason.entry(gap.reason).or_default().push(gap);
    }
    for (reason, gaps) in by_reason {
        output::line(&format!(
            "  missing: {} {} ({})",
            counted(gaps.len() as u64, "thing", "things"),
            why(reason),
            remedy(reason)
        ));
        for gap in gaps.iter().take(GAPS_SHOWN) {
            output::line(&format!(
                "    {}: {}",
                output::printable(&gap.object),
                output::printable(&gap.detail)
            ));
        }
        if gaps.len() > GAPS_SHOWN {
            output::line(&format!(
                "    and {} more: bucketload status {}",
                grouped((gaps.len() - GAPS_SHOWN) as u64),
                report.id
            ));
        }
    }
}

const fn why(reason: GapReason) -> &'static str {
    match reason {
        GapReason::RemovedByAtlassian => "that Atlassian has switched off",
        GapReason::NotPermitted => "that the credential may not read",
        GapReason::NotFound => "that Bitbucket does not have",
        GapReason::SourceError => "for which Bitbucket answered with errors",
        GapReason::Unreadable => "that could not be read",
        GapReason::CountMismatch => "of which less came than was reported",
        GapReason::UnsupportedScm => "that is not kept in git",
        GapReason::NotArchivable => "that cannot be kept as it is",
    }
}

const fn remedy(reason: GapReason) -> &'static str {
    match reason {
        GapReason::RemovedByAtlassian => "nothing can be done",
        GapReason::NotPermitted => "give a token with the scope that is named, and import again",
        GapReason::NotFound => "it may have been deleted while the import ran; import again",
        GapReason::SourceError | GapReason::CountMismatch => "import again",
        GapReason::Unreadable => "import again; if it stays, please report it",
        GapReason::UnsupportedScm | GapReason::NotArchivable => "see the detail",
    }
}
