//! What is imported again and again.

use bucketload_model::{Priority, RepositoryName, Stage};
use chrono::{DateTime, Utc};

use super::enqueue::stage_list;
use crate::database::imports::inconsistent;
use crate::database::sql::statement;
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
            next_at: DateTime::from_timestamp_millis(row.next_at_ms).unwrap_or_default(),
            priority: Priority::new(i32::try_from(row.priority).unwrap_or_default()),
            asked_by: row.asked_by,
            credential: row.credential_id,
        })
    }
}

const SELECT: &str = "select workspace, slug, stages, cron, next_at_ms, priority, asked_by,
    credential_id from import_schedules";

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
                 asked_by, credential_id)
             values ($1, $2, $3, $4, $5, $6, $7, $8)
             on conflict (workspace, slug, stages) do update set
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
