//! What happened to imports, written with what happened or not at all.

use std::sync::atomic::{AtomicU32, Ordering};

use bucketload_model::{Happening, ImportId, Stage};
use chrono::{DateTime, Utc};

use super::imports::inconsistent;
use super::sql::statement;
use super::{Archive, DatabaseError, Transaction, time};

/// Entries that an import keeps when it is begun once more. One that waits for quota every
/// hour adds two each time, for as long as that takes.
const KEPT: i64 = 400;

/// Something that happened to an import.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogEntry {
    /// Its id, which sorts by time.
    pub id: String,
    /// To which import.
    pub import: ImportId,
    /// When.
    pub happened_at: DateTime<Utc>,
    /// What.
    pub what: Happening,
    /// The stage, where it was about one.
    pub stage: Option<Stage>,
    /// More about it, in words; often empty.
    pub detail: String,
}

#[derive(sqlx::FromRow)]
struct LogRow {
    id: String,
    import_id: String,
    happened_at_ms: i64,
    what: String,
    stage: Option<String>,
    detail: String,
}

impl TryFrom<LogRow> for LogEntry {
    type Error = DatabaseError;

    fn try_from(row: LogRow) -> Result<Self, Self::Error> {
        let wrong = |column, value: &str| inconsistent("import_log", column, value);
        let stage = row
            .stage
            .map(|stage| stage.parse().map_err(|_| wrong("stage", &stage)));
        Ok(Self {
            import: row
                .import_id
                .parse()
                .map_err(|_| wrong("import_id", &row.import_id))?,
            happened_at: time(row.happened_at_ms),
            what: row.what.parse().map_err(|_| wrong("what", &row.what))?,
            stage: stage.transpose()?,
            detail: row.detail,
            id: row.id,
        })
    }
}

/// The place in the log of a time: every entry from then on has a greater id.
fn place(at: DateTime<Utc>) -> String {
    format!("{:012x}", at.timestamp_millis())
}

/// A new id. Those of one process stand in the order in which they were made.
fn entry_id(at: DateTime<Utc>) -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    // The end of an import's id is random, which tells processes apart.
    let random = ImportId::new(at).to_string().split_off(24);
    format!("{}{count:08x}{random}", place(at))
}

impl Archive {
    /// What happened to an import before an entry, the latest first, at most `limit`.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn import_log(
        &self,
        import: ImportId,
        before: Option<&str>,
        limit: u32,
    ) -> Result<Vec<LogEntry>, DatabaseError> {
        let rows: Vec<LogRow> = statement(
            "select id, import_id, happened_at_ms, what, stage, detail from import_log
             where import_id = $1 and id < $2 order by id desc limit $3",
        )
        .bind(import.to_string())
        // Ids are hexadecimal: each is less than this.
        .bind(before.unwrap_or("g"))
        .bind(i64::from(limit))
        .fetch_all(&self.reader)
        .await?;
        rows.into_iter().map(TryInto::try_into).collect()
    }

    /// The ids of entries of all imports since a time, and of which import each is, the
    /// oldest first.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn logged_since(
        &self,
        since: DateTime<Utc>,
    ) -> Result<Vec<(String, ImportId)>, DatabaseError> {
        let rows: Vec<(String, String)> =
            statement("select id, import_id from import_log where id > $1 order by id")
                .bind(place(since))
                .fetch_all(&self.reader)
                .await?;
        let wrong = |id: &str| inconsistent("import_log", "import_id", id);
        rows.into_iter()
            .map(|(entry, import)| Ok((entry, import.parse().map_err(|_| wrong(&import))?)))
            .collect()
    }
}

impl Transaction {
    /// Notes what happens to an import.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn log(
        &mut self,
        import: ImportId,
        at: DateTime<Utc>,
        what: Happening,
        detail: &str,
    ) -> Result<(), DatabaseError> {
        self.put_log_entry(import, at, what, None, detail).await
    }

    /// Notes that something is missing.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn log_gap(
        &mut self,
        import: ImportId,
        at: DateTime<Utc>,
        stage: Stage,
        detail: &str,
    ) -> Result<(), DatabaseError> {
        self.put_log_entry(import, at, Happening::GapFound, Some(stage), detail)
            .await
    }

    /// Notes when a stage ended, and how in words.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn log_stage_end(
        &mut self,
        import: ImportId,
        at: DateTime<Utc>,
        stage: Stage,
        detail: &str,
    ) -> Result<(), DatabaseError> {
        statement("update import_stages set ended_at_ms = $3 where import_id = $1 and stage = $2")
            .bind(import.to_string())
            .bind(stage.name())
            .bind(at.timestamp_millis())
            .execute(&mut self.inner)
            .await?;
        self.put_log_entry(import, at, Happening::StageEnded, Some(stage), detail)
            .await
    }

    async fn put_log_entry(
        &mut self,
        import: ImportId,
        at: DateTime<Utc>,
        what: Happening,
        stage: Option<Stage>,
        detail: &str,
    ) -> Result<(), DatabaseError> {
        statement(
            "insert into import_log (id, import_id, happened_at_ms, what, stage, detail)
             values ($1, $2, $3, $4, $5, $6)",
        )
        .bind(entry_id(at))
        .bind(import.to_string())
        .bind(at.timestamp_millis())
        .bind(what.name())
        .bind(stage.map(Stage::name))
        .bind(detail)
        .execute(&mut self.inner)
        .await?;
        Ok(())
    }

    /// Forgets the oldest of what happened to an import, if it was much.
    pub(super) async fn trim_log(&mut self, import: ImportId) -> Result<(), DatabaseError> {
        statement(
            "delete from import_log where import_id = $1 and id <= (
                 select id from import_log where import_id = $1
                 order by id desc limit 1 offset $2)",
        )
        .bind(import.to_string())
        .bind(KEPT)
        .execute(&mut self.inner)
        .await?;
        Ok(())
    }
}
