//! How far an import is, how fast it goes and how long it will take, from what the database
//! says of its stages. Pure: every process comes to the same numbers.

use bucketload_archive::{ImportLine, StageLine};
use bucketload_model::{ImportState, Stage, StageState};
use chrono::{DateTime, Duration, Utc};

/// Before that a pace is chance.
const KNOWN_AFTER: Duration = Duration::seconds(3);

/// How an import goes.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Pace {
    /// Objects in the archive.
    pub(crate) stored: u64,
    /// Objects that there should be, as far as that is known.
    pub(crate) expected: u64,
    /// How much of its stages is done, of 100. It never promises an end that is not there.
    pub(crate) percent: u64,
    /// Objects a minute, while it runs.
    pub(crate) per_minute: Option<u64>,
    /// How long the stages at work will take at their pace.
    pub(crate) left: Option<Duration>,
    /// The stages at work.
    pub(crate) at_work: Vec<Stage>,
}

/// Whether a stage belongs to the import and brings something.
fn counts(stage: &StageLine) -> bool {
    stage.report.state != StageState::Skipped && stage.report.name != Stage::Finish
}

/// How an import goes now.
pub(crate) fn pace(line: &ImportLine, now: DateTime<Utc>) -> Pace {
    let stages: Vec<&StageLine> = line.stages.iter().filter(|stage| counts(stage)).collect();
    let is_running = line.summary.state == ImportState::Running;
    let at_work: Vec<&StageLine> = line
        .stages
        .iter()
        .filter(|stage| is_running && stage.report.state == StageState::Running)
        .collect();
    let per_second: f64 = at_work.iter().filter_map(|stage| speed(stage, now)).sum();
    Pace {
        stored: stages.iter().map(|stage| stage.report.stored).sum(),
        expected: stages.iter().map(|stage| expected(stage)).sum(),
        percent: percent(line, &stages),
        per_minute: (per_second > 0.0).then(|| whole(per_second * 60.0)),
        left: at_work.iter().filter_map(|stage| left(stage, now)).max(),
        at_work: at_work.iter().map(|stage| stage.report.name).collect(),
    }
}

/// What a stage should have in the end; no less than what it has.
fn expected(stage: &StageLine) -> u64 {
    let stored = stage.report.stored;
    stage
        .report
        .expected
        .map_or(stored, |expected| expected.max(stored))
}

fn percent(line: &ImportLine, stages: &[&StageLine]) -> u64 {
    if matches!(
        line.summary.state,
        ImportState::Complete | ImportState::CompleteWithGaps
    ) {
        return 100;
    }
    if stages.is_empty() {
        return 0;
    }
    let done: f64 = stages.iter().map(|stage| done(stage)).sum();
    #[expect(
        clippy::cast_precision_loss,
        reason = "there are fewer stages than a double has digits"
    )]
    let percent = done * 100.0 / stages.len() as f64;
    // The whole is done when the import says so.
    whole(percent).min(99)
}

/// How much of a stage is done, of 1.
pub(crate) fn done(stage: &StageLine) -> f64 {
    match stage.report.state {
        StageState::Complete | StageState::CompleteWithGaps | StageState::Skipped => 1.0,
        StageState::Pending => 0.0,
        StageState::Running | StageState::Failed => {
            if let Some((objects, of)) = transfer(stage) {
                ratio(objects, of)
            } else {
                let expected = stage.report.expected.unwrap_or_default();
                ratio(stage.report.stored, expected)
            }
        }
    }
}

/// A transfer that has not ended: objects that came, and how many there are.
fn transfer(stage: &StageLine) -> Option<(u64, u64)> {
    let transfer = stage.transfer?;
    let of = transfer.of?;
    (transfer.objects < of).then_some((transfer.objects, of))
}

/// Objects a second in this attempt.
fn speed(stage: &StageLine, now: DateTime<Utc>) -> Option<f64> {
    let since = stage.started_at?;
    let brought = match transfer(stage) {
        Some((objects, _)) => objects,
        None => stage.report.stored.checked_sub(stage.stored_before)?,
    };
    let took = now - since;
    if took < KNOWN_AFTER || brought == 0 {
        return None;
    }
    #[expect(
        clippy::cast_precision_loss,
        reason = "a pace is told in three digits at most"
    )]
    Some(brought as f64 * 1_000.0 / took.num_milliseconds() as f64)
}

fn left(stage: &StageLine, now: DateTime<Utc>) -> Option<Duration> {
    let rest = match transfer(stage) {
        Some((objects, of)) => of - objects,
        None => stage.report.expected?.checked_sub(stage.report.stored)?,
    };
    #[expect(clippy::cast_precision_loss, reason = "as above")]
    let seconds = rest as f64 / speed(stage, now)?;
    i64::try_from(whole(seconds)).ok().map(Duration::seconds)
}

fn ratio(part: u64, of: u64) -> f64 {
    if of == 0 {
        return 0.0;
    }
    #[expect(clippy::cast_precision_loss, reason = "a bar has a hundred steps")]
    let ratio = part as f64 / of as f64;
    ratio.min(1.0)
}

/// The whole part of a number that is none too large: a year has 31,536,000 seconds.
fn whole(number: f64) -> u64 {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "held between 0 and 10^9 before"
    )]
    let whole = number.clamp(0.0, 1e9) as u64;
    whole
}

/// A span of time, as exact as it can be known.
pub(crate) fn roughly(span: Duration) -> String {
    let minutes = span.num_minutes();
    match minutes {
        i64::MIN..=0 => "less than a minute".to_owned(),
        1..=59 => format!("about {minutes} min"),
        60..=1_439 => format!("about {} h {} min", minutes / 60, minutes % 60 / 10 * 10),
        _ => format!("about {} days", (minutes + 720) / 1_440),
    }
}

#[cfg(test)]
mod tests {
    use bucketload_archive::{ImportSummary, Transferred};
    use bucketload_model::{ImportId, Priority, StageReport};

    use super::*;

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_000_000 + second, 0).unwrap()
    }

    fn stage(name: Stage, state: StageState, stored: u64, expected: Option<u64>) -> StageLine {
        StageLine {
            report: StageReport {
                name,
                state,
                expected,
                stored,
                missing: 0,
                left_out: 0,
                seconds: 0.0,
                requests_estimated: None,
            },
            started_at: Some(at(0)),
            ended_at: None,
            stored_before: 0,
            transfer: None,
        }
    }

    fn line(state: ImportState, stages: Vec<StageLine>) -> ImportLine {
        ImportLine {
            summary: ImportSummary {
                id: ImportId::new(at(0)),
                name: "teapots/kettle".parse().unwrap(),
                state,
                priority: Priority::default(),
                queued_at: at(0),
                started_at: at(0),
                finished_at: None,
                not_before: None,
                wait_until: None,
                error: None,
                asked_by: None,
                is_foreground: false,
                lease: None,
            },
            stages,
            gaps: 0,
        }
    }

    #[test]
    fn an_import_is_as_fast_as_its_stages_and_lasts_as_long_as_its_slowest() {
        let mut comments = stage(
            Stage::PullRequestComments,
            StageState::Running,
            100,
            Some(400),
        );
        comments.stored_before = 40;
        let line = line(
            ImportState::Running,
            vec![
                stage(Stage::Repository, StageState::Complete, 1, Some(1)),
                stage(Stage::PullRequests, StageState::Running, 50, Some(100)),
                comments,
                stage(Stage::Wiki, StageState::Skipped, 0, None),
                stage(Stage::Finish, StageState::Pending, 0, None),
            ],
        );
        let pace = pace(&line, at(10));
        assert_eq!((pace.stored, pace.expected), (151, 501));
        // 1 + 0.5 + 0.25 of three.
        assert_eq!(pace.percent, 58);
        // (50 + 60) in ten seconds.
        assert_eq!(pace.per_minute, Some(660));
        // 300 more at 6 a second.
        assert_eq!(pace.left, Some(Duration::seconds(50)));
        assert_eq!(
            pace.at_work,
            [Stage::PullRequests, Stage::PullRequestComments]
        );
    }

    #[test]
    fn a_clone_is_told_by_its_objects_until_they_are_all_there() {
        let mut git = stage(Stage::Git, StageState::Running, 0, None);
        git.transfer = Some(Transferred {
            objects: 250,
            of: Some(1_000),
            bytes: 4_096,
        });
        let line = line(ImportState::Running, vec![git]);
        let pace = pace(&line, at(10));
        assert_eq!(pace.percent, 25);
        assert_eq!(pace.left, Some(Duration::seconds(30)));
    }

    #[test]
    fn nothing_is_promised_too_early_or_of_what_stands_still() {
        let list = stage(Stage::PullRequests, StageState::Running, 90, Some(90));
        let young = line(ImportState::Running, vec![list.clone()]);
        assert_eq!(pace(&young, at(1)).per_minute, None);
        assert_eq!(pace(&young, at(10)).percent, 99);
        let waiting = line(ImportState::Waiting, vec![list]);
        let waits = pace(&waiting, at(10));
        assert_eq!((waits.per_minute, waits.left), (None, None));
        assert!(waits.at_work.is_empty());
        let queued = line(ImportState::Queued, Vec::new());
        assert_eq!(pace(&queued, at(10)).percent, 0);
        let complete = line(ImportState::Complete, Vec::new());
        assert_eq!(pace(&complete, at(10)).percent, 100);
    }

    #[test]
    fn spans_are_no_more_exact_than_they_can_be() {
        for (seconds, words) in [
            (5, "less than a minute"),
            (125, "about 2 min"),
            (3 * 3_600 + 29 * 60, "about 3 h 20 min"),
            (3 * 86_400 - 60, "about 3 days"),
        ] {
            assert_eq!(roughly(Duration::seconds(seconds)), words);
        }
    }
}
