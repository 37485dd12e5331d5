//! Up to when a list is whole in the archive.

use bucketload_model::{ImportId, RepositoryUuid, Stage};
use chrono::{DateTime, Utc};

use super::sql::statement;
use super::{Archive, DatabaseError, Transaction, signed, unsigned};

/// Up to when a list is whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CoveredList {
    /// What changed before is in the archive, by Bitbucket's clock.
    pub until: DateTime<Utc>,
    /// When the whole list was last read, by ours.
    pub listed_at: DateTime<Utc>,
    /// Objects that Bitbucket reported.
    pub expected: Option<u64>,
}

/// How an import reads a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ListBegin {
    /// When it began, by Bitbucket's clock.
    pub began_on: DateTime<Utc>,
    /// Since when it reads changes; absent where it reads the whole list.
    pub since: Option<DateTime<Utc>>,
}

fn time(
    table: &'static str,
    column: &'static str,
    text: &str,
) -> Result<DateTime<Utc>, DatabaseError> {
    let time = DateTime::parse_from_rfc3339(text);
    time.map(Into::into)
        .map_err(|_| DatabaseError::Inconsistent {
            table,
            column,
            value: text.to_owned(),
        })
}

impl Archive {
    /// Up to when a list is whole, if it ever was.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn covered_list(
        &self,
        repository: &RepositoryUuid,
        stage: Stage,
    ) -> Result<Option<CoveredList>, DatabaseError> {
        let row: Option<(String, i64, Option<i64>)> = statement(
            "select covered_until, listed_at_ms, expected from covered_lists
             where repository_uuid = $1 and stage = $2",
        )
        .bind(repository.as_str())
        .bind(stage.name())
        .fetch_optional(&self.reader)
        .await?;
        let Some((until, listed_at, expected)) = row else {
            return Ok(None);
        };
        Ok(Some(CoveredList {
            until: time("covered_lists", "covered_until", &until)?,
            listed_at: DateTime::from_timestamp_millis(listed_at).unwrap_or_default(),
            expected: expected.map(unsigned),
        }))
    }

    /// How an import reads a list, once it has begun to.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn list_begin(
        &self,
        import: ImportId,
        stage: Stage,
    ) -> Result<Option<ListBegin>, DatabaseError> {
        let row: Option<(Option<String>, Option<String>)> = statement(
            "select list_began_on, list_since from import_stages
             where import_id = $1 and stage = $2",
        )
        .bind(import.to_string())
        .bind(stage.name())
        .fetch_optional(&self.reader)
        .await?;
        let Some((Some(began_on), since)) = row else {
            return Ok(None);
        };
        let since = since.map(|since| time("import_stages", "list_since", &since));
        Ok(Some(ListBegin {
            began_on: time("import_stages", "list_began_on", &began_on)?,
            since: since.transpose()?,
        }))
    }
}

impl Transaction {
    /// Notes how an import reads a list; only the first time counts.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn set_list_begin(
        &mut self,
        import: ImportId,
        stage: Stage,
        begin: ListBegin,
    ) -> Result<(), DatabaseError> {
        statement(
            "update import_stages set list_began_on = $3, list_since = $4
             where import_id = $1 and stage = $2 and list_began_on is null",
        )
        .bind(import.to_string())
        .bind(stage.name())
        .bind(begin.began_on.to_rfc3339())
        .bind(begin.since.map(|since| since.to_rfc3339()))
        .execute(&mut self.inner)
        .await?;
        Ok(())
    }

    /// Notes up to when a list is whole.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn set_covered_list(
        &mut self,
        repository: &RepositoryUuid,
        stage: Stage,
        covered: CoveredList,
    ) -> Result<(), DatabaseError> {
        statement(
            "insert into covered_lists (repository_uuid, stage, covered_until, listed_at_ms,
                 expected)
             values ($1, $2, $3, $4, $5)
             on conflict (repository_uuid, stage) do update set
                 covered_until = excluded.covered_until, listed_at_ms = excluded.listed_at_ms,
                 expected = excluded.expected",
        )
        .bind(repository.as_str())
        .bind(stage.name())
        .bind(covered.until.to_rfc3339())
        .bind(covered.listed_at.timestamp_millis())
        .bind(covered.expected.map(signed))
        .execute(&mut self.inner)
        .await?;
        Ok(())
    }

    /// Forgets up to when the lists of a repository are whole: the next import
    /// reads all of them.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn forget_covered_lists(
        &mut self,
        repository: &RepositoryUuid,
    ) -> Result<(), DatabaseError> {
        statement("delete from covered_lists where repository_uuid = $1")
            .bind(repository.as_str())
            .execute(&mut self.inner)
            .await?;
        Ok(())
    }
}
