//! Imports, in short.

use std::collections::BTreeMap;

use bucketload_model::{
    ImportId, ImportState, LeaseOwner, Priority, RepositoryName, WorkspaceSlug,
};
use chrono::{DateTime, Utc};

use crate::database::imports::inconsistent;
use crate::database::sql::{StatementBuilder, statement};
use crate::database::unsigned;
use crate::{Archive, DatabaseError};

/// Which imports.
#[derive(Debug, Clone, Default)]
pub struct ImportFilter {
    /// In one of these states; empty for any.
    pub states: Vec<ImportState>,
    /// Of this workspace.
    pub workspace: Option<WorkspaceSlug>,
    /// With this in `workspace/slug`, whatever the case of letters.
    pub text: Option<String>,
    /// Whether only the latest import of each repository counts.
    pub only_latest: bool,
    /// Imports that stand elsewhere than their rows say, and where: see
    /// [`Archive::lost_imports`].
    pub lost: BTreeMap<ImportId, ImportState>,
    /// Begun before this one: where the page before ended.
    pub before: Option<ImportId>,
    /// At most so many; `None` for all.
    pub limit: Option<u32>,
}

/// An import on one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportSummary {
    /// Its id.
    pub id: ImportId,
    /// Of what.
    pub name: RepositoryName,
    /// Where it stands.
    pub state: ImportState,
    /// What comes first.
    pub priority: Priority,
    /// When it was asked for.
    pub queued_at: DateTime<Utc>,
    /// When it began; when it was asked for, if it has not.
    pub started_at: DateTime<Utc>,
    /// When it last ended, if it has.
    pub finished_at: Option<DateTime<Utc>>,
    /// Not to be begun before.
    pub not_before: Option<DateTime<Utc>>,
    /// Until when it waits.
    pub wait_until: Option<DateTime<Utc>>,
    /// Why it failed or waits.
    pub error: Option<String>,
    /// Who asked.
    pub asked_by: Option<String>,
    /// Whether a command runs it, or ran it last.
    pub is_foreground: bool,
    /// Who runs it, and until when unless he says more.
    pub lease: Option<(LeaseOwner, DateTime<Utc>)>,
}

#[derive(sqlx::FromRow)]
struct SummaryRow {
    id: String,
    workspace: String,
    slug: String,
    state: String,
    priority: i64,
    queued_at_ms: i64,
    started_at_ms: i64,
    finished_at_ms: Option<i64>,
    not_before_ms: Option<i64>,
    wait_until_ms: Option<i64>,
    error: Option<String>,
    asked_by: Option<String>,
    is_foreground: i64,
    lease_owner: Option<String>,
    lease_until_ms: Option<i64>,
}

impl TryFrom<SummaryRow> for ImportSummary {
    type Error = DatabaseError;

    fn try_from(row: SummaryRow) -> Result<Self, Self::Error> {
        let wrong = |column, value: &str| inconsistent("imports", column, value);
        let time = |ms| DateTime::from_timestamp_millis(ms).unwrap_or_default();
        let owner = row
            .lease_owner
            .as_deref()
            .map(|owner| owner.parse().map_err(|_| wrong("lease_owner", owner)))
            .transpose()?;
        Ok(Self {
            id: row.id.parse().map_err(|_| wrong("id", &row.id))?,
            name: RepositoryName {
                workspace: row
                    .workspace
                    .parse()
                    .map_err(|_| wrong("workspace", &row.workspace))?,
                slug: row.slug.parse().map_err(|_| wrong("slug", &row.slug))?,
            },
            state: row.state.parse().map_err(|_| wrong("state", &row.state))?,
            priority: Priority::new(i32::try_from(row.priority).unwrap_or_default()),
            queued_at: time(row.queued_at_ms),
            started_at: time(row.started_at_ms),
            finished_at: row.finished_at_ms.map(time),
            not_before: row.not_before_ms.map(time),
            wait_until: row.wait_until_ms.map(time),
            error: row.error,
            asked_by: row.asked_by,
            is_foreground: row.is_foreground != 0,
            lease: owner.zip(row.lease_until_ms.map(time)),
        })
    }
}

/// Imports of one query. Databases have a limit for values.
const BATCH: usize = 500;

const SELECT: &str = "select id, workspace, slug, state, priority, queued_at_ms, started_at_ms,
    finished_at_ms, not_before_ms, wait_until_ms, error, asked_by, is_foreground, lease_owner,
    lease_until_ms from imports";

impl ImportFilter {
    /// Goes on with what the filter asks for, apart from states.
    pub(in crate::database) fn push_place<'q>(&'q self, select: &mut StatementBuilder<'q>) {
        if self.only_latest {
            select.push(" and is_latest = 1");
        }
        if let Some(workspace) = &self.workspace {
            select
                .push(" and workspace = ")
                .push_bind(workspace.as_str());
        }
        if let Some(text) = &self.text {
            select
                .push(" and lower(workspace || '/' || slug) like ")
                .push_bind(pattern(text))
                .push(" escape '!'");
        }
    }

    /// Goes on with the states that the filter asks for, as they are and not as they are
    /// written.
    fn push_states<'q>(&'q self, select: &mut StatementBuilder<'q>) {
        if self.states.is_empty() {
            return;
        }
        let lost = |is_wanted: bool| {
            let lost = self.lost.iter();
            lost.filter(move |(_, state)| self.states.contains(state) == is_wanted)
                .map(|(import, _)| import.to_string())
        };
        select
            .push(" and (state in ")
            .push_list(self.states.iter().map(|state| state.name()));
        if lost(false).next().is_some() {
            select.push(" and id not in ").push_list(lost(false));
        }
        if lost(true).next().is_some() {
            select.push(" or id in ").push_list(lost(true));
        }
        select.push(")");
    }
}

/// A pattern that finds a text wherever it stands, in small letters. What is special in
/// patterns is not.
pub(in crate::database) fn pattern(text: &str) -> String {
    same_pattern(&text.to_lowercase())
}

/// The same for the letters as they are.
pub(in crate::database) fn same_pattern(text: &str) -> String {
    let mut pattern = String::from("%");
    for character in text.chars() {
        if matches!(character, '%' | '_' | '!') {
            pattern.push('!');
        }
        pattern.push(character);
    }
    pattern.push('%');
    pattern
}

impl Archive {
    /// Imports, the latest first.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn imports(
        &self,
        filter: &ImportFilter,
    ) -> Result<Vec<ImportSummary>, DatabaseError> {
        let mut select = StatementBuilder::new(SELECT);
        // Ids are hexadecimal: each is less than this.
        select.push(" where id < ").push_bind(
            filter
                .before
                .map_or_else(|| "g".to_owned(), |id| id.to_string()),
        );
        filter.push_states(&mut select);
        filter.push_place(&mut select);
        select.push(" order by id desc");
        if let Some(limit) = filter.limit {
            select.push(" limit ").push_bind(i64::from(limit));
        }
        let rows: Vec<SummaryRow> = select.build().fetch_all(&self.reader).await?;
        rows.into_iter().map(TryInto::try_into).collect()
    }

    /// These imports, each on one line, the latest first. Those that there are not are left
    /// out.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn import_summaries(
        &self,
        imports: &[ImportId],
    ) -> Result<Vec<ImportSummary>, DatabaseError> {
        let mut rows: Vec<SummaryRow> = Vec::with_capacity(imports.len());
        for batch in imports.chunks(BATCH) {
            let mut select = StatementBuilder::new(SELECT);
            select
                .push(" where id in ")
                .push_list(batch.iter().map(ToString::to_string));
            rows.extend(select.build().fetch_all(&self.reader).await?);
        }
        rows.sort_unstable_by(|one, other| other.id.cmp(&one.id));
        rows.into_iter().map(TryInto::try_into).collect()
    }

    /// One import on one line, if there is one of that id.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn import_summary(
        &self,
        import: ImportId,
    ) -> Result<Option<ImportSummary>, DatabaseError> {
        let row: Option<SummaryRow> = statement(SELECT)
            .push(" where id = $1")
            .bind(import.to_string())
            .fetch_optional(&self.reader)
            .await?;
        row.map(TryInto::try_into).transpose()
    }

    /// How many imports stand in each state.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn count_imports(&self) -> Result<Vec<(ImportState, u64)>, DatabaseError> {
        let rows: Vec<(String, i64)> =
            statement("select state, count(*) from imports group by state")
                .fetch_all(&self.reader)
                .await?;
        rows.into_iter()
            .map(|(state, count)| {
                let parsed = state.parse();
                let state = parsed.map_err(|_| inconsistent("imports", "state", &state))?;
                Ok((state, unsigned(count)))
            })
            .collect()
    }

    /// How many imports could be begun now, were there no limits, and when the next one can
    /// that waits for a time.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn queue_depth(
        &self,
        now: DateTime<Utc>,
    ) -> Result<(u64, Option<DateTime<Utc>>), DatabaseError> {
        let (ready, next): (i64, Option<i64>) = statement(
            "select coalesce(sum(case when due <= $1 then 1 else 0 end), 0),
                 min(case when due > $1 then due end)
             from (select case when coalesce(not_before_ms, 0) > coalesce(wait_until_ms, 0)
                     then coalesce(not_before_ms, 0) else coalesce(wait_until_ms, 0) end as due
                 from imports
                 where state in ('queued', 'waiting', 'running', 'cancelling')
                     and state <> 'cancelling' and is_foreground = 0 and wanted is null
                     and (lease_owner is null or lease_until_ms < $1)) as queue",
        )
        .bind(now.timestamp_millis())
        .fetch_one(&self.reader)
        .await?;
        let next = next.and_then(DateTime::from_timestamp_millis);
        Ok((unsigned(ready), next))
    }
}
