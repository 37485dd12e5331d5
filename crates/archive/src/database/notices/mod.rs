//! What happened that somebody is to be told: an outbox.
//!
//! A notice is written in the transaction of its cause, or again and again from what the
//! tables say: a state that lasts has one notice until it is over, whoever writes it. Its
//! deliveries, one for each channel, are taken up later by whoever has channels.

mod deliveries;
mod list;

pub use deliveries::{ClaimedNotice, DeliveryClaim, Failure};
pub use list::{Delivery, NoticeEntry};

use bucketload_model::{ImportId, NoticeId, NoticeKind, RepositoryName};
use chrono::{DateTime, Utc};

use super::imports::inconsistent;
use super::sql::{StatementBuilder, statement};
use super::{Archive, DatabaseError, Transaction, time};

/// Held while deliveries are claimed.
const LOCK: &str = "notices";

/// Something that somebody is to be told.
#[derive(Debug, Clone, Copy)]
pub struct NewNotice<'a> {
    /// What kind of thing.
    pub kind: NoticeKind,
    /// What it is about: the same for the same state.
    pub subject: &'a str,
    /// When it happened.
    pub happened_at: DateTime<Utc>,
    /// The repository, where it is about one.
    pub repository: Option<&'a RepositoryName>,
    /// The import, where it is about one.
    pub import: Option<ImportId>,
    /// What happened, in one line.
    pub line: &'a str,
}

/// Something that somebody is to be told, as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// Its id, which sorts by time.
    pub id: NoticeId,
    /// What kind of thing.
    pub kind: NoticeKind,
    /// What it is about.
    pub subject: String,
    /// When it happened.
    pub happened_at: DateTime<Utc>,
    /// When all was well again.
    pub over_at: Option<DateTime<Utc>>,
    /// The repository, where it is about one.
    pub repository: Option<RepositoryName>,
    /// The import, where it is about one.
    pub import: Option<ImportId>,
    /// What happened, in one line.
    pub line: String,
}

#[derive(sqlx::FromRow)]
struct NoticeRow {
    id: String,
    kind: String,
    subject: String,
    happened_at_ms: i64,
    over_at_ms: Option<i64>,
    workspace: Option<String>,
    slug: Option<String>,
    import_id: Option<String>,
    line: String,
}

const SELECT: &str = "select n.id, n.kind, n.subject, n.happened_at_ms, n.over_at_ms, n.workspace,
    n.slug, n.import_id, n.line from notices n";

impl TryFrom<NoticeRow> for Notice {
    type Error = DatabaseError;

    fn try_from(row: NoticeRow) -> Result<Self, Self::Error> {
        let wrong = |column, value: &str| inconsistent("notices", column, value);
        let repository = match (row.workspace, row.slug) {
            (Some(workspace), Some(slug)) => Some(RepositoryName {
                workspace: workspace
                    .parse()
                    .map_err(|_| wrong("workspace", &workspace))?,
                slug: slug.parse().map_err(|_| wrong("slug", &slug))?,
            }),
            _ => None,
        };
        let import = row
            .import_id
            .map(|id| id.parse().map_err(|_| wrong("import_id", &id)));
        Ok(Self {
            id: row.id.parse().map_err(|_| wrong("id", &row.id))?,
            kind: row.kind.parse().map_err(|_| wrong("kind", &row.kind))?,
            subject: row.subject,
            happened_at: time(row.happened_at_ms),
            over_at: row.over_at_ms.map(time),
            repository,
            import: import.transpose()?,
            line: row.line,
        })
    }
}

impl Archive {
    /// The states of a kind that last.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn lasting_notices(&self, kind: NoticeKind) -> Result<Vec<Notice>, DatabaseError> {
        let rows: Vec<NoticeRow> = statement(SELECT)
            .push(" where n.kind = $1 and n.over_at_ms is null order by n.id")
            .bind(kind.name())
            .fetch_all(&self.reader)
            .await?;
        rows.into_iter().map(TryInto::try_into).collect()
    }
}

impl Transaction {
    /// Notes what somebody is to be told. False if it is a state of which there is a notice
    /// already, and which was not over since.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn put_notice(&mut self, new: &NewNotice<'_>) -> Result<bool, DatabaseError> {
        let happened_at = new.happened_at.timestamp_millis();
        let over_at = (!new.kind.lasts()).then_some(happened_at);
        let written = statement(
            "insert into notices (id, kind, subject, happened_at_ms, over_at_ms, workspace, slug,
                 import_id, line)
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
             on conflict (kind, subject) where over_at_ms is null do nothing",
        )
        .bind(NoticeId::new(new.happened_at).to_string())
        .bind(new.kind.name())
        .bind(new.subject)
        .bind(happened_at)
        .bind(over_at)
        .bind(new.repository.map(|name| name.workspace.as_str()))
        .bind(new.repository.map(|name| name.slug.as_str()))
        .bind(new.import.map(|import| import.to_string()))
        .bind(new.line)
        .execute(&mut self.inner)
        .await?;
        Ok(written > 0)
    }

    /// Notes that all is well again, if it was not.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn end_notice(
        &mut self,
        kind: NoticeKind,
        subject: &str,
        now: DateTime<Utc>,
    ) -> Result<bool, DatabaseError> {
        let ended = statement(
            "update notices set over_at_ms = $3
             where kind = $1 and subject = $2 and over_at_ms is null",
        )
        .bind(kind.name())
        .bind(subject)
        .bind(now.timestamp_millis())
        .execute(&mut self.inner)
        .await?;
        Ok(ended > 0)
    }

    /// Forgets what happened before a time, is over and nobody is to be told any more, at most
    /// `limit`. What lasts is told again when it is forgotten: it is, once it is older than
    /// `oldest`. Returns how many there were.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn remove_old_notices(
        &mut self,
        before: DateTime<Utc>,
        oldest: DateTime<Utc>,
        limit: u32,
    ) -> Result<u64, DatabaseError> {
        let ids: Vec<String> = statement(
            "select n.id from notices n
             where n.happened_at_ms < $1 and (n.over_at_ms is not null or n.happened_at_ms < $2)
                 and not exists (select 1 from notice_deliveries d
                     where d.notice_id = n.id and d.state = 'pending')
             order by n.id limit $3",
        )
        .bind(before.timestamp_millis())
        .bind(oldest.timestamp_millis())
        .bind(i64::from(limit))
        .fetch_all_scalars(&mut self.inner)
        .await?;
        if ids.is_empty() {
            return Ok(0);
        }
        for delete in [
            "delete from notice_deliveries where notice_id in ",
            "delete from notices where id in ",
        ] {
            let mut statement = StatementBuilder::new(delete);
            statement.push_list(ids.iter().map(String::as_str));
            statement.build().execute(&mut self.inner).await?;
        }
        Ok(ids.len() as u64)
    }
}
