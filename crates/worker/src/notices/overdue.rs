//! Schedules that have not been kept for too long.

use std::collections::BTreeSet;

use bucketload_archive::{DatabaseError, ScheduleLook};
use bucketload_model::NoticeKind;
use chrono::{DateTime, Duration, Utc};

use super::ends::subject_of_import;
use super::{Begun, Teller};
use crate::queue::Cron;

/// The quota's window is an hour: who waits for it is late by an hour or two, and well.
const SHORTEST_PATIENCE: Duration = Duration::hours(2);

/// What comes once a week is missed after a day all the same.
const LONGEST_PATIENCE: Duration = Duration::days(1);

/// When an import was due that should have reached its end by now: two intervals ago, and no
/// less than two hours and no more than a day. One that failed is not overdue: somebody was
/// told that it failed.
fn overdue_since(look: &ScheduleLook, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    if look.has_failed {
        return None;
    }
    let cron: Cron = look.schedule.cron.parse().ok()?;
    let since = look.ended_at.unwrap_or_default();
    let due = cron.next_after(since.max(look.schedule.scheduled_at))?;
    let interval = cron
        .next_after(due)
        .map_or(LONGEST_PATIENCE, |next| next - due);
    let patience = (interval * 2).clamp(SHORTEST_PATIENCE, LONGEST_PATIENCE);
    (now > due + patience).then_some(due)
}

impl Teller {
    /// Finds schedules that are overdue, and those that are not any more.
    pub(super) async fn look_for_overdue(&self) -> Result<(), DatabaseError> {
        let now = self.clock.now();
        let looks = self.archive.schedule_looks().await?;
        let lasting = self.archive.lasting_notices(NoticeKind::Overdue).await?;
        let known: BTreeSet<&str> = lasting.iter().map(|it| it.subject.as_str()).collect();
        let mut overdue = BTreeSet::new();
        let mut begun = Vec::new();
        for look in &looks {
            let Some(due) = overdue_since(look, now) else {
                continue;
            };
            let subject = subject_of_import(&look.schedule.name, &look.schedule.stages);
            if !known.contains(subject.as_str()) {
                begun.push(Begun {
                    subject: subject.clone(),
                    repository: Some(look.schedule.name.clone()),
                    import: look.open,
                    line: line(look, due),
                });
            }
            overdue.insert(subject);
        }
        let over: Vec<_> = lasting
            .iter()
            .filter(|notice| !overdue.contains(&notice.subject))
            .collect();
        self.put_and_end(NoticeKind::Overdue, &begun, &over, now)
            .await
    }
}

fn line(look: &ScheduleLook, due: DateTime<Utc>) -> String {
    let time = |time: DateTime<Utc>| time.format("%Y-%m-%d %H:%M UTC");
    let since = match look.ended_at {
        Some(ended_at) => format!("since {}", time(ended_at)),
        None => "yet".to_owned(),
    };
    format!(
        "{} was due at {}, and no import of it has reached its end {since}.",
        look.schedule.name,
        time(due)
    )
}

#[cfg(test)]
mod tests {
    use bucketload_archive::Schedule;
    use bucketload_model::{Priority, Stage};

    use super::*;

    fn look(cron: &str, ended_at: Option<&str>) -> ScheduleLook {
        ScheduleLook {
            schedule: Schedule {
                name: "teapots/kettle".parse().unwrap(),
                stages: vec![Stage::Repository, Stage::Finish],
                cron: cron.to_owned(),
                next_at: DateTime::default(),
                scheduled_at: "2026-11-23T02:00:00Z".parse().unwrap(),
                priority: Priority::default(),
                asked_by: None,
                credential: None,
            },
            ended_at: ended_at.map(|time| time.parse().unwrap()),
            open: None,
            has_failed: false,
        }
    }

    fn since(look: &ScheduleLook, now: &str) -> Option<String> {
        let since = overdue_since(look, now.parse().unwrap());
        since.map(|time| time.format("%m-%d %H:%M").to_string())
    }

    #[test]
    fn patience_is_two_intervals_within_bounds() {
        for (cron, last_well, first_overdue, due) in [
            (
                "*/15 * * * *",
                "2026-11-23T04:15:00Z",
                "2026-11-23T04:16:00Z",
                "11-23 02:15",
            ),
            (
                "0 */3 * * *",
                "2026-11-23T09:00:00Z",
                "2026-11-23T09:01:00Z",
                "11-23 03:00",
            ),
            (
                "0 3 * * *",
                "2026-11-24T03:00:00Z",
                "2026-11-24T03:01:00Z",
                "11-23 03:00",
            ),
            (
                "0 3 * * 1",
                "2026-11-24T03:00:00Z",
                "2026-11-24T03:01:00Z",
                "11-23 03:00",
            ),
        ] {
            let never = look(cron, None);
            assert_eq!(since(&never, last_well), None, "{cron}");
            assert_eq!(since(&never, first_overdue).as_deref(), Some(due), "{cron}");
        }
    }

    #[test]
    fn what_reached_its_end_is_due_again_after_that() {
        let ended = look("0 3 * * *", Some("2026-11-25T03:20:00Z"));
        assert_eq!(since(&ended, "2026-11-27T03:00:00Z"), None);
        let overdue = since(&ended, "2026-11-27T03:01:00Z");
        assert_eq!(overdue.as_deref(), Some("11-26 03:00"));
    }

    #[test]
    fn what_failed_was_told_and_is_not_overdue_too() {
        let failed = ScheduleLook {
            has_failed: true,
            ..look("0 3 * * *", None)
        };
        assert_eq!(since(&failed, "2026-12-27T03:00:00Z"), None);
    }
}
