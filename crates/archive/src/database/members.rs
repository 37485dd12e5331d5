//! The members of a workspace.

use bucketload_model::{AccountUuid, WorkspaceSlug};
use chrono::{DateTime, Utc};

use super::sql::{StatementBuilder, statement};
use super::{Archive, DatabaseError, Stored, Transaction, unsigned};

/// A membership to store.
#[derive(Debug, Clone, Copy)]
pub struct MemberRecord<'a> {
    /// Whose.
    pub account: &'a AccountUuid,
    /// The account in it, as Bitbucket sent it.
    pub account_source: &'a str,
    /// The membership, as Bitbucket sent it.
    pub source: &'a str,
}

impl Archive {
    /// How many members a workspace has in the archive.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn count_members(&self, workspace: &WorkspaceSlug) -> Result<u64, DatabaseError> {
        let count: i64 = statement("select count(*) from workspace_members where workspace = $1")
            .bind(workspace.as_str())
            .fetch_scalar(&self.reader)
            .await?;
        Ok(unsigned(count))
    }

    /// When a workspace's member list was last read to its end.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn members_read_at(
        &self,
        workspace: &WorkspaceSlug,
    ) -> Result<Option<DateTime<Utc>>, DatabaseError> {
        let read_at: Option<i64> =
            statement("select read_at_ms from workspace_member_lists where workspace = $1")
                .bind(workspace.as_str())
                .fetch_optional_scalar(&self.reader)
                .await?;
        Ok(read_at.and_then(DateTime::from_timestamp_millis))
    }
}

impl Transaction {
    /// Stores a page of members.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn put_members(
        &mut self,
        workspace: &WorkspaceSlug,
        records: &[MemberRecord<'_>],
    ) -> Result<Stored, DatabaseError> {
        if records.is_empty() {
            return Ok(Stored::default());
        }
        let count = "select count(*) from workspace_members where workspace = $1";
        let before: i64 = statement(count)
            .bind(workspace.as_str())
            .fetch_scalar(&mut self.inner)
            .await?;
        let mut query = StatementBuilder::new(
            "insert into workspace_members (workspace, account_uuid, account_source, source) ",
        );
        query.push_values(
            last_of_each(records, |record| record.account),
            |row, record| {
                row.push_bind(workspace.as_str())
                    .push_bind(record.account.as_str())
                    .push_bind(record.account_source)
                    .push_bind(record.source);
            },
        );
        query.push(
            " on conflict (workspace, account_uuid) do update set
                  account_source = excluded.account_source, source = excluded.source
              where workspace_members.source <> excluded.source",
        );
        let written = query.build().execute(&mut self.inner).await?;
        let after: i64 = statement(count)
            .bind(workspace.as_str())
            .fetch_scalar(&mut self.inner)
            .await?;
        let inserted = unsigned(after - before);
        Ok(Stored {
            inserted,
            updated: written.saturating_sub(inserted),
        })
    }

    /// Notes that a workspace's member list was read to its end.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn set_members_read_at(
        &mut self,
        workspace: &WorkspaceSlug,
        now: DateTime<Utc>,
    ) -> Result<(), DatabaseError> {
        statement(
            "insert into workspace_member_lists (workspace, read_at_ms) values ($1, $2)
             on conflict (workspace) do update set read_at_ms = excluded.read_at_ms",
        )
        .bind(workspace.as_str())
        .bind(now.timestamp_millis())
        .execute(&mut self.inner)
        .await?;
        Ok(())
    }
}

/// One statement may not touch a row twice, and a page that shifted while it was
/// read can hold an object twice: the last one counts.
pub(super) fn last_of_each<T: Copy, K: Ord>(
    records: &[T],
    key: impl Fn(&T) -> K,
) -> impl Iterator<Item = T> {
    let mut unique = std::collections::BTreeMap::new();
    for record in records {
        unique.insert(key(record), *record);
    }
    unique.into_values()
}
