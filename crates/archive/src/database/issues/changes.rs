//! What was changed in issues, and the components, milestones and versions they refer to.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use bucketload_model::{IssueChangeId, IssueId, RepositoryUuid};

use super::{IssueOrigin, short_key};
use crate::database::members::last_of_each;
use crate::database::sql::{StatementBuilder, statement};
use crate::{DatabaseError, Transaction};

/// Rows of one statement: SQLite takes 32,766 values in it.
const AT_A_TIME: usize = 500;

/// A change to store.
#[derive(Debug, Clone, Copy)]
pub struct ChangeRecord<'a> {
    /// Its id, and that of the comment that goes with it.
    pub id: IssueChangeId,
    /// The issue that was changed.
    pub issue: IssueId,
    /// The field, where each has an entry of its own.
    pub field: &'a str,
    /// When it was made.
    pub created_on: Option<&'a str>,
    /// As it was sent.
    pub source: &'a str,
}

/// A component, milestone or version to store.
#[derive(Debug, Clone, Copy)]
pub struct FieldRecord<'a> {
    /// `component`, `milestone`, `version`, or `meta`.
    pub kind: &'a str,
    /// Its name.
    pub name: &'a str,
    /// As it was sent.
    pub source: &'a str,
}

impl Transaction {
    /// Stores changes, all of those that an answer or an export has of their comments.
    /// Returns how many of them are new or changed.
    ///
    /// Bitbucket has one change where an export has one for each field: it takes the place
    /// of all of them, and they come beside none.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn put_issue_changes(
        &mut self,
        repository: &RepositoryUuid,
        origin: IssueOrigin,
        records: &[ChangeRecord<'_>],
    ) -> Result<u64, DatabaseError> {
        let others = self.changes_of_others(repository, origin, records).await?;
        if origin == IssueOrigin::Bitbucket {
            self.forget_changes_of_exports(repository, &others).await?;
        }
        let mut seen: BTreeMap<(IssueId, IssueChangeId, Cow<'_, str>), i64> = BTreeMap::new();
        let mut rows = Vec::with_capacity(records.len());
        for record in records {
            if origin == IssueOrigin::IssueExport && others.contains(&record.id.0) {
                continue;
            }
            let field = short_key(record.field);
            let number = seen.entry((record.issue, record.id, field.clone()));
            let number = number.and_modify(|number| *number += 1).or_insert(0);
            rows.push((record, field, *number));
        }
        let mut written = 0;
        for part in rows.chunks(AT_A_TIME) {
            let mut query = StatementBuilder::new(
                "insert into issue_changes (repository_uuid, issue_id, change_id, field, number,
                     origin, created_on, source) ",
            );
            query.push_values(part, |row, (record, field, number)| {
                row.push_bind(repository.as_str())
                    .push_bind(record.issue.0)
                    .push_bind(record.id.0)
                    .push_bind(field.as_ref())
                    .push_bind(*number)
                    .push_bind(origin.name())
                    .push_bind(record.created_on)
                    .push_bind(record.source);
            });
            query.push(
                " on conflict (repository_uuid, issue_id, change_id, field, number) do update set
                      origin = excluded.origin, created_on = excluded.created_on,
                      source = excluded.source, searched = 0
                  where issue_changes.source <> excluded.source
                      or issue_changes.origin <> excluded.origin",
            );
            written += query.build().execute(&mut self.inner).await?;
        }
        Ok(written)
    }

    async fn forget_changes_of_exports(
        &mut self,
        repository: &RepositoryUuid,
        changes: &BTreeSet<i64>,
    ) -> Result<(), DatabaseError> {
        if changes.is_empty() {
            return Ok(());
        }
        let mut query = StatementBuilder::new(
            "delete from issue_changes where origin = 'issue_export' and repository_uuid = ",
        );
        query.push_bind(repository.as_str());
        query.push(" and change_id in ");
        query.push_list(changes.iter().copied());
        query.build().execute(&mut self.inner).await?;
        Ok(())
    }

    /// Which of these changes are there from elsewhere.
    async fn changes_of_others(
        &mut self,
        repository: &RepositoryUuid,
        origin: IssueOrigin,
        records: &[ChangeRecord<'_>],
    ) -> Result<BTreeSet<i64>, DatabaseError> {
        let mut others = BTreeSet::new();
        for part in records.chunks(AT_A_TIME) {
            let mut query =
                StatementBuilder::new("select distinct change_id from issue_changes where ");
            query
                .push("repository_uuid = ")
                .push_bind(repository.as_str());
            query.push(" and origin <> ").push_bind(origin.name());
            let ids = part.iter().map(|record| record.id.0);
            query.push(" and change_id in ").push_list(ids);
            let found: Vec<i64> = query.build().fetch_all_scalars(&mut self.inner).await?;
            others.extend(found);
        }
        Ok(others)
    }

    /// Stores components, milestones and versions. Returns how many are new or changed.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn put_issue_fields(
        &mut self,
        repository: &RepositoryUuid,
        origin: IssueOrigin,
        records: &[FieldRecord<'_>],
    ) -> Result<u64, DatabaseError> {
        let mut written = 0;
        for record in last_of_each(records, |record| (record.kind, record.name)) {
            written += statement(
                "insert into issue_fields (repository_uuid, kind, entry_key, origin, source)
                 values ($1, $2, $3, $4, $5)
                 on conflict (repository_uuid, kind, entry_key) do update set
                     origin = excluded.origin, source = excluded.source
                 where (issue_fields.source <> excluded.source
                         or issue_fields.origin <> excluded.origin)
                     and (excluded.origin = 'bitbucket'
                         or issue_fields.origin = 'issue_export')",
            )
            .bind(repository.as_str())
            .bind(record.kind)
            .bind(short_key(record.name).into_owned())
            .bind(origin.name())
            .bind(record.source)
            .execute(&mut self.inner)
            .await?;
        }
        Ok(written)
    }
}
