//! Names under which people were met, written down where they were met.

use std::collections::BTreeMap;

use bucketload_model::{AccountId, AccountUuid, ImportId, RepositoryUuid, WorkspaceSlug};
use chrono::{DateTime, Utc};

use super::sql::{StatementBuilder, statement};
use super::{AccountRecord, DatabaseError, Transaction};
use crate::people::{AccountState, MetName, NameKind, PeopleMet, PersonName};

/// A page may tell of thousands of people, and a statement takes 32,766 values.
const AT_A_TIME: usize = 1000;

impl Transaction {
    /// Stores the names of members of a workspace. Those of accounts that are met in a
    /// repository are stored with them ([`Transaction::put_accounts`]).
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn put_member_names(
        &mut self,
        workspace: &WorkspaceSlug,
        import: ImportId,
        records: impl IntoIterator<Item = AccountRecord<'_>>,
    ) -> Result<(), DatabaseError> {
        let names = records
            .into_iter()
            .flat_map(|record| account_names(&record));
        let scope = workspace.as_str();
        self.put_names(scope, names, import.began_at()).await
    }

    /// Stores whom objects of a repository tell of beside its accounts, as seen at a time.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn put_people_met(
        &mut self,
        repository: &RepositoryUuid,
        met: &PeopleMet,
        seen: DateTime<Utc>,
    ) -> Result<(), DatabaseError> {
        let names = met.names.iter().cloned();
        self.put_names(repository.as_str(), names, seen).await
    }

    /// Gives the names of an account the times that an export tells.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn restore_names(
        &mut self,
        repository: &RepositoryUuid,
        account: &AccountUuid,
        names: &[PersonName],
    ) -> Result<(), DatabaseError> {
        for name in names {
            let (first, last) = (name.first_seen, name.last_seen);
            let person = account.as_str().to_owned();
            let met = MetName::new(person, None, name.kind, &name.name, false);
            let Some(met) = met else { continue };
            let text = met.name.clone();
            self.put_names(repository.as_str(), [met], first).await?;
            statement(
                "update person_names set first_seen_ms = $5, last_seen_ms = $6
                 where scope = $1 and person = $2 and kind = $3 and name = $4",
            )
            .bind(repository.as_str())
            .bind(account.as_str())
            .bind(name.kind.name())
            .bind(text)
            .bind(first.timestamp_millis())
            .bind(last.timestamp_millis())
            .execute(&mut self.inner)
            .await?;
        }
        Ok(())
    }

    /// Stores names. Whoever meets one again moves its last time, and nothing else is
    /// written.
    pub(super) async fn put_names(
        &mut self,
        scope: &str,
        names: impl IntoIterator<Item = MetName>,
        seen: DateTime<Utc>,
    ) -> Result<(), DatabaseError> {
        // In the order of their keys, for all who write: nobody waits in a circle.
        let mut unique: BTreeMap<_, MetName> = BTreeMap::new();
        for name in names {
            let key = (name.person.clone(), name.kind, name.name.clone());
            let known = unique.entry(key).or_insert_with(|| name.clone());
            known.is_former |= name.is_former;
            if known.account_id.is_none() {
                known.account_id = name.account_id;
            }
        }
        let seen = seen.timestamp_millis();
        let names: Vec<_> = unique.into_values().collect();
        for part in names.chunks(AT_A_TIME) {
            let mut query = StatementBuilder::new(
                "insert into person_names (scope, person, kind, name, account_id, is_former,
                     first_seen_ms, last_seen_ms) ",
            );
            query.push_values(part, |row, name| {
                row.push_bind(scope)
                    .push_bind(name.person.as_str())
                    .push_bind(name.kind.name())
                    .push_bind(name.name.as_str())
                    .push_bind(name.account_id.as_deref())
                    .push_bind(i64::from(name.is_former))
                    .push_bind(seen)
                    .push_bind(seen);
            });
            query.push(ON_CONFLICT);
            query.build().execute(&mut self.inner).await?;
        }
        Ok(())
    }
}

/// What becomes of a name that is known: its times reach further, and the latest import knows
/// best whether the account is gone. A row that tells nothing new is not touched.
const ON_CONFLICT: &str = " on conflict (scope, person, kind, name) do update set
        account_id = coalesce(excluded.account_id, person_names.account_id),
        is_former = case
            when excluded.last_seen_ms > person_names.last_seen_ms then excluded.is_former
            when excluded.last_seen_ms < person_names.last_seen_ms then person_names.is_former
            when excluded.is_former > person_names.is_former then excluded.is_former
            else person_names.is_former end,
        first_seen_ms = case
            when excluded.first_seen_ms < person_names.first_seen_ms then excluded.first_seen_ms
            else person_names.first_seen_ms end,
        last_seen_ms = case
            when excluded.last_seen_ms > person_names.last_seen_ms then excluded.last_seen_ms
            else person_names.last_seen_ms end
    where excluded.first_seen_ms < person_names.first_seen_ms
        or excluded.last_seen_ms > person_names.last_seen_ms
        or (excluded.last_seen_ms = person_names.last_seen_ms
            and excluded.is_former > person_names.is_former)
        or (excluded.account_id is not null and person_names.account_id is null)";

/// The names that an account has.
pub(super) fn account_names(record: &AccountRecord<'_>) -> impl Iterator<Item = MetName> + use<> {
    let state = AccountState::of(record.source);
    let id = record.account_id;
    let id = id.filter(|id| id.parse::<AccountId>().is_ok());
    let named = [
        (NameKind::DisplayName, record.display_name),
        (NameKind::Nickname, record.nickname),
        (NameKind::Username, state.username()),
    ];
    let named = named.map(|(kind, name)| {
        let (person, id) = (record.uuid.as_str().to_owned(), id.map(ToOwned::to_owned));
        MetName::new(person, id, kind, name?, state.is_former())
    });
    named.into_iter().flatten()
}
