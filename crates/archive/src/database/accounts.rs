//! Everybody who was met in a repository's objects.

use std::collections::BTreeMap;

use bucketload_model::{AccountUuid, ImportId, RepositoryUuid};

use super::person_names::account_names;
use super::sql::{StatementBuilder, statement};
use super::{Archive, DatabaseError, Transaction, unsigned};

/// An account to store.
#[derive(Debug, Clone, Copy)]
pub struct AccountRecord<'a> {
    /// Its permanent id.
    pub uuid: &'a AccountUuid,
    /// `user`, `team` or `app_user`.
    pub kind: Option<&'a str>,
    /// The Atlassian account id.
    pub account_id: Option<&'a str>,
    /// The name shown.
    pub display_name: Option<&'a str>,
    /// The short name shown.
    pub nickname: Option<&'a str>,
    /// As Bitbucket sent it.
    pub source: &'a str,
}

impl Archive {
    /// How many people are known for a repository: met in it, or members of its
    /// workspace.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn count_accounts(&self, repository: &RepositoryUuid) -> Result<u64, DatabaseError> {
        let count: i64 = statement(
            "select count(*) from (
                 select uuid from accounts where repository_uuid = $1
                 union
                 select account_uuid from workspace_members
                 where workspace = (select workspace from repositories where uuid = $1)
             ) people",
        )
        .bind(repository.as_str())
        .fetch_scalar(&self.reader)
        .await?;
        Ok(unsigned(count))
    }
}

impl Transaction {
    /// Stores accounts met in a repository's objects, and their names.
    ///
    /// The same account comes in more than one form, longer in one place than in
    /// another. The form kept does not depend on the order in which pages
    /// arrive: of one import the longest, of equally long ones the greatest.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn put_accounts(
        &mut self,
        repository: &RepositoryUuid,
        import: ImportId,
        records: impl IntoIterator<Item = AccountRecord<'_>>,
    ) -> Result<(), DatabaseError> {
        let mut best = BTreeMap::new();
        let mut names = Vec::new();
        for record in records {
            names.extend(account_names(&record));
            let rank = |record: &AccountRecord<'_>| record.source.len();
            let entry = best.entry(record.uuid).or_insert(record);
            if (rank(&record), record.source) > (rank(entry), entry.source) {
                *entry = record;
            }
        }
        if best.is_empty() {
            return Ok(());
        }
        let (began_at, import) = (import.began_at(), import.to_string());
        let mut query = StatementBuilder::new(
            "insert into accounts (repository_uuid, uuid, kind, account_id, display_name,
                 nickname, import_id, source) ",
        );
        query.push_values(best.values(), |row, record| {
            row.push_bind(repository.as_str())
                .push_bind(record.uuid.as_str())
                .push_bind(record.kind)
                .push_bind(record.account_id)
                .push_bind(record.display_name)
                .push_bind(record.nickname)
                .push_bind(import.as_str())
                .push_bind(record.source);
        });
        query.push(
            " on conflict (repository_uuid, uuid) do update set
                  kind = excluded.kind, account_id = excluded.account_id,
                  display_name = excluded.display_name, nickname = excluded.nickname,
                  import_id = excluded.import_id, source = excluded.source
              where accounts.source <> excluded.source
                  and (accounts.import_id < excluded.import_id
                      or (accounts.import_id = excluded.import_id
                          and (octet_length(accounts.source) < octet_length(excluded.source)
                              or (octet_length(accounts.source) = octet_length(excluded.source)
                                  and accounts.source < excluded.source))))",
        );
        query.build().execute(&mut self.inner).await?;
        let scope = repository.as_str();
        self.put_names(scope, names, began_at).await
    }
}
