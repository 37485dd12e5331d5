//! What is imported again and again.

use bucketload_model::{ImportId, Priority, RepositoryName, Stage};
use chrono::{DateTime, Utc};

use super::enqueue::stage_list;
use crate::database::imports::inconsistent;
use crate::database::sql::statement;
use crate::database::time;
use crate::{Archive, DatabaseError, Transaction};

/// A repository that is imported at certain times.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    /// Of what.
    pub name: RepositoryName,
    /// The stages, in order.
    pub stages: Vec<Stage>,
    /// When: minute, hour, day of the month, month, day of the week; UTC.
    pub cron: String,
    /// When next.
    pub next_at: DateTime<Utc>,
    /// Since when it is scheduled so.
    pub scheduled_at: DateTime<Utc>,
    /// What comes first.
    pub priority: Priority,
    /// Who asked.
    pub asked_by: Option<String>,
    /// The credential to run it with; absent for the one in the configuration.
    pub credential: Option<String>,
}

#[derive(sqlx::FromRow)]
struct ScheduleRow {
    workspace: String,
    slug: String,
    stages: String,
    cron: String,
    next_at_ms: i64,
    scheduled_at_ms: i64,
    priority: i64,
    asked_by: Option<String>,
    credential_id: Option<String>,
}

impl TryFrom<ScheduleRow> for Schedule {
    type Error = DatabaseError;

    fn try_from(row: ScheduleRow) -> Result<Self, Self::Error> {
        let wrong = |column, value: &str| inconsistent("import_schedules", column, value);
        Ok(Self {
            name: RepositoryName {
                workspace: row
                    .workspace
                    .parse()
                    .map_err(|_| wrong("workspace", &row.workspace))?,
                slug: row.slug.parse().map_err(|_| wrong("slug", &row.slug))?,
            },
            stages: row
                .stages
                .split(',')
                .map(|stage| stage.parse().map_err(|_| wrong("stages", stage)))
                .collect::<Result<_, _>>()?,
            cron: row.cron,
            next_at: time(row.next_at_ms),
            scheduled_at: time(row.scheduled_at_ms),
            priority: Priority::new(i32::try_from(row.priority).unwrap_or_default()),
            asked_by: row.asked_by,
            credential: row.credential_id,
        })
    }
}

const SELECT: &str = "select workspace, slug, stages, cron, next_at_ms, scheduled_at_ms, priority,
    asked_by, credential_id from import_schedules";

/// A schedule, and how its imports go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScheduleLook {
    /// The schedule.
    pub schedule: Schedule,
    /// When an import of it last reached its end.
    pub ended_at: Option<DateTime<Utc>>,
    /// The latest import, where it has not reached its end.
    pub open: Option<ImportId>,
    /// Whether that one has failed: somebody was told.
    pub has_failed: bool,
}

#[derive(sqlx::FromRow)]
struct LookRow {
    #[sqlx(flatten)]
    schedule: ScheduleRow,
    ended_at_ms: Option<i64>,
    open_id: Option<String>,
    has_failed: i64,
}

impl Archive {
    /// Everything that is imported at certain times, by name.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn schedules(&self) -> Result<Vec<Schedule>, DatabaseError> {
        let rows: Vec<ScheduleRow> = statement(SELECT)
            .push(" order by workspace, slug, stages")
            .fetch_all(&self.reader)
            .await?;
        rows.into_iter().map(TryInto::try_into).collect()
    }

    /// Everything that is imported at certain times, and how that goes.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn schedule_looks(&self) -> Result<Vec<ScheduleLook>, DatabaseError> {
        let rows: Vec<LookRow> = statement(
            "with latest as (
                 select s.workspace, s.slug, s.stages, s.cron, s.next_at_ms, s.scheduled_at_ms,
                     s.priority, s.asked_by, s.credential_id,
                     (select max(i.finished_at_ms) from imports i where i.workspace = s.workspace
                         and i.slug = s.slug and i.stages = s.stages
                         and i.state in ('complete', 'complete_with_gaps')) as ended_at_ms,
                     (select i.id from imports i where i.workspace = s.workspace
                         and i.slug = s.slug and i.stages = s.stages
                         order by i.id desc limit 1) as import_id
                 from import_schedules s)
             select l.workspace, l.slug, l.stages, l.cron, l.next_at_ms, l.scheduled_at_ms,
                 l.priority, l.asked_by, l.credential_id, l.ended_at_ms, o.id as open_id,
                 cast(case when exists (select 1 from import_log g where g.import_id = o.id
                     and g.what = 'failed') then 1 else 0 end as bigint) as has_failed
             from latest l left join imports o on o.id = l.import_id
                 and o.state not in ('complete', 'complete_with_gaps')
             order by l.workspace, l.slug, l.stages",
        )
        .fetch_all(&self.reader)
        .await?;
        let looks = rows.into_iter().map(|row| {
            let open = row.open_id.map(|id| {
                let parsed = id.parse();
                parsed.map_err(|_| inconsistent("imports", "id", &id))
            });
            Ok(ScheduleLook {
                schedule: row.schedule.try_into()?,
                ended_at: row.ended_at_ms.map(time),
                open: open.transpose()?,
                has_failed: row.has_failed != 0,
            })
        });
        looks.collect()
    }
}

impl Transaction {
    /// What is due.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn due_schedules(
        &mut self,
        now: DateTime<Utc>,
    ) -> Result<Vec<Schedule>, DatabaseError> {
        self.lock_queue().await?;
        let rows: Vec<ScheduleRow> = statement(SELECT)
            .push(" where next_at_ms <= $1 order by next_at_ms")
            .bind(now.timestamp_millis())
            .fetch_all(&mut self.inner)
            .await?;
        rows.into_iter().map(TryInto::try_into).collect()
    }

    /// Adds a schedule, or changes the one of the same repository and stages.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn put_schedule(&mut self, schedule: &Schedule) -> Result<(), DatabaseError> {
        statement(
            "insert into import_schedules (workspace, slug, stages, cron, next_at_ms, priority,
                 asked_by, credential_id, scheduled_at_ms)
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
             on conflict (workspace, slug, stages) do update set
                 scheduled_at_ms = case when import_schedules.cron = excluded.cron
                     then import_schedules.scheduled_at_ms else excluded.scheduled_at_ms end,
                 cron = excluded.cron, next_at_ms = excluded.next_at_ms,
                 priority = excluded.priority, asked_by = excluded.asked_by,
                 credential_id = excluded.credential_id",
        )
        .bind(schedule.name.workspace.as_str())
        .bind(schedule.name.slug.as_str())
        .bind(stage_list(&schedule.stages))
        .bind(&schedule.cron)
        .bind(schedule.next_at.timestamp_millis())
        .bind(i64::from(schedule.priority.get()))
        .bind(schedule.asked_by.as_deref())
        .bind(schedule.credential.as_deref())
        .bind(schedule.scheduled_at.timestamp_millis())
        .execute(&mut self.inner)
        .await?;
        Ok(())
    }

    /// Ends all schedules of a repository. Returns how many there were.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn remove_schedules(&mut self, name: &RepositoryName) -> Result<u64, DatabaseError> {
        statement("delete from import_schedules where workspace = $1 and slug = $2")
            .bind(name.workspace.as_str())
            .bind(name.slug.as_str())
            .execute(&mut self.inner)
            .await
    }
}
