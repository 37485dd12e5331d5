//! Who did what, on what, when.

use bucketload_model::{ImportId, UserId};
use chrono::{DateTime, Utc};

use super::imports::inconsistent;
use super::sql::statement;
use super::{Archive, DatabaseError, Transaction, time};

/// Something that somebody did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditEntry {
    /// Its id, which sorts by time.
    pub id: String,
    /// When.
    pub happened_at: DateTime<Utc>,
    /// Who, if a user.
    pub user: Option<UserId>,
    /// Who, as they were called then.
    pub who: String,
    /// What, in words.
    pub action: String,
    /// On what, in words; never a secret.
    pub subject: String,
    /// The import, where it was on one.
    pub import: Option<ImportId>,
}

#[derive(sqlx::FromRow)]
struct AuditRow {
    id: String,
    happened_at_ms: i64,
    user_id: Option<String>,
    who: String,
    action: String,
    subject: String,
    import_id: Option<String>,
}

impl TryFrom<AuditRow> for AuditEntry {
    type Error = DatabaseError;

    fn try_from(row: AuditRow) -> Result<Self, Self::Error> {
        let wrong = |column, id: &str| inconsistent("audit_log", column, id);
        let user = row
            .user_id
            .map(|id| id.parse().map_err(|_| wrong("user_id", &id)));
        let import = row
            .import_id
            .map(|id| id.parse().map_err(|_| wrong("import_id", &id)));
        Ok(Self {
            id: row.id,
            happened_at: time(row.happened_at_ms),
            user: user.transpose()?,
            who: row.who,
            action: row.action,
            subject: row.subject,
            import: import.transpose()?,
        })
    }
}

const SELECT: &str =
    "select id, happened_at_ms, user_id, who, action, subject, import_id from audit_log";

impl Archive {
    /// The latest entries before one of them, the latest first, at most `limit`.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn audit_log(
        &self,
        before: Option<&str>,
        limit: u32,
    ) -> Result<Vec<AuditEntry>, DatabaseError> {
        let rows: Vec<AuditRow> = statement(SELECT)
            .push(" where id < $1 order by id desc limit $2")
            // Greater than every id, in whatever order a database has for text.
            .bind(before.unwrap_or("zzzz"))
            .bind(i64::from(limit))
            .fetch_all(&self.reader)
            .await?;
        rows.into_iter().map(TryInto::try_into).collect()
    }

    /// The latest of what somebody did to one import, the latest first, at most `limit`.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn audit_log_of(
        &self,
        import: ImportId,
        limit: u32,
    ) -> Result<Vec<AuditEntry>, DatabaseError> {
        let rows: Vec<AuditRow> = statement(SELECT)
            .push(" where import_id = $1 order by id desc limit $2")
            .bind(import.to_string())
            .bind(i64::from(limit))
            .fetch_all(&self.reader)
            .await?;
        rows.into_iter().map(TryInto::try_into).collect()
    }
}

impl Transaction {
    /// Notes what somebody did, together with it or not at all.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn put_audit_entry(&mut self, entry: &AuditEntry) -> Result<(), DatabaseError> {
        statement(
            "insert into audit_log (id, happened_at_ms, user_id, who, action, subject, import_id)
             values ($1, $2, $3, $4, $5, $6, $7)",
        )
        .bind(&entry.id)
        .bind(entry.happened_at.timestamp_millis())
        .bind(entry.user.map(|user| user.to_string()))
        .bind(&entry.who)
        .bind(&entry.action)
        .bind(&entry.subject)
        .bind(entry.import.map(|import| import.to_string()))
        .execute(&mut self.inner)
        .await?;
        Ok(())
    }
}
