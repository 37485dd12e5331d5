//! The directory of people, as it is asked for.

use std::collections::{BTreeMap, BTreeSet};

use bucketload_model::{AccountUuid, Mention, RepositoryUuid};
use serde::Deserialize;

use super::sql::{StatementBuilder, statement};
use super::{Archive, DatabaseError, StoredRepository, time, unsigned};
use crate::people::{NameKind, NameRow, Person, assemble};

const NAMES: &str = "select scope, person, kind, name, account_id, is_former, first_seen_ms,
        last_seen_ms
    from person_names";

type Row = (
    String,
    String,
    String,
    String,
    Option<String>,
    i64,
    i64,
    i64,
);

/// What an account did in a repository, and what it may do there.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Involvement {
    /// Pull requests that it opened.
    pub pull_requests: u64,
    /// Comments on pull requests that it wrote.
    pub comments: u64,
    /// `read`, `write` or `admin`, where the settings of the repository were shown.
    pub permission: Option<String>,
}

/// What accounts did in the repositories of an archive.
pub type Involvements = BTreeMap<(AccountUuid, RepositoryUuid), Involvement>;

/// A permission of a repository, as its settings have it.
#[derive(Debug, Deserialize)]
struct Permission {
    permission: String,
    user: PermittedUser,
}

#[derive(Debug, Deserialize)]
struct PermittedUser {
    uuid: AccountUuid,
}

impl Archive {
    /// Everybody whom the archive knows, by name.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn people(&self) -> Result<Vec<Person>, DatabaseError> {
        let rows: Vec<Row> = statement(NAMES).fetch_all(&self.reader).await?;
        Ok(assemble(&name_rows(rows)?))
    }

    /// Who is mentioned. A mention that the archive cannot tell is left out, and so is a
    /// nickname that more than one person has or had.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn people_mentioned(
        &self,
        mentions: &BTreeSet<Mention>,
    ) -> Result<BTreeMap<Mention, Person>, DatabaseError> {
        self.people_named(mentions, &[]).await
    }

    /// Who is mentioned, as one repository and the members of its workspace know them: what
    /// it costs does not grow with the repositories that know somebody, too.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn people_mentioned_in(
        &self,
        repository: &StoredRepository,
        mentions: &BTreeSet<Mention>,
    ) -> Result<BTreeMap<Mention, Person>, DatabaseError> {
        let scopes = [repository.uuid.as_str(), repository.name.workspace.as_str()];
        self.people_named(mentions, &scopes).await
    }

    /// Those of some places; of all, where none is named.
    async fn people_named(
        &self,
        mentions: &BTreeSet<Mention>,
        scopes: &[&str],
    ) -> Result<BTreeMap<Mention, Person>, DatabaseError> {
        let ids = mentions.iter().filter_map(|mention| match mention {
            Mention::Account(id) => Some(id.as_str()),
            Mention::Uuid(uuid) => Some(uuid.as_str()),
            Mention::Nickname(_) => None,
        });
        let nicknames = mentions.iter().filter_map(|mention| match mention {
            Mention::Nickname(name) => Some(name.as_str()),
            _ => None,
        });
        let mut ids: BTreeSet<String> = ids.map(ToOwned::to_owned).collect();
        let nicknames: Vec<&str> = nicknames.collect();
        if !nicknames.is_empty() {
            let mut query = StatementBuilder::new(
                "select distinct person from person_names
                 where person <> '' and kind in ('nickname', 'username') and name in ",
            );
            query.push_list(nicknames);
            push_scopes(&mut query, scopes);
            let people: Vec<String> = query.build().fetch_all_scalars(&self.reader).await?;
            ids.extend(people);
        }
        let people = self.people_with(ids, scopes).await?;
        let find = |mention: &Mention| {
            let mut found = people.iter().filter(|person| is_meant(mention, person));
            let person = found.next()?;
            found.next().is_none().then(|| person.clone())
        };
        let found = mentions.iter();
        Ok(found
            .filter_map(|mention| Some((mention.clone(), find(mention)?)))
            .collect())
    }

    /// Those who have any of these UUIDs or account ids.
    async fn people_with(
        &self,
        ids: BTreeSet<String>,
        scopes: &[&str],
    ) -> Result<Vec<Person>, DatabaseError> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        // A place that knows both ids of somebody leads to those that know one.
        let mut query =
            StatementBuilder::new("select distinct person, account_id from person_names where ");
        push_is_any_of(&mut query, &ids);
        push_scopes(&mut query, scopes);
        let both: Vec<(String, Option<String>)> = query.build().fetch_all(&self.reader).await?;
        let also = both
            .into_iter()
            .flat_map(|(person, account_id)| account_id.into_iter().chain([person]));
        let ids: BTreeSet<String> = ids.into_iter().chain(also).collect();
        let mut query = StatementBuilder::new(NAMES);
        query.push(" where ");
        push_is_any_of(&mut query, &ids);
        push_scopes(&mut query, scopes);
        let rows: Vec<Row> = query.build().fetch_all(&self.reader).await?;
        Ok(assemble(&name_rows(rows)?))
    }

    /// What accounts did in which repository, and what they may do there.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn involvements(&self) -> Result<Involvements, DatabaseError> {
        let mut all = Involvements::new();
        let pull_requests: Vec<(String, String, i64)> = statement(
            "select author_uuid, repository_uuid, count(*) from pull_requests
             where author_uuid is not null group by author_uuid, repository_uuid",
        )
        .fetch_all(&self.reader)
        .await?;
        for (account, repository, count) in pull_requests {
            involve(&mut all, &account, &repository, |it| {
                it.pull_requests = unsigned(count);
            });
        }
        let comments: Vec<(String, String, i64)> = statement(
            "select author_uuid, repository_uuid, count(*) from pull_request_comments
             where author_uuid is not null group by author_uuid, repository_uuid",
        )
        .fetch_all(&self.reader)
        .await?;
        for (account, repository, count) in comments {
            involve(&mut all, &account, &repository, |it| {
                it.comments = unsigned(count);
            });
        }
        let permissions: Vec<(String, String)> = statement(
            "select repository_uuid, source from objects
             where kind = 'settings' and entry_key = 'user_permissions'",
        )
        .fetch_all(&self.reader)
        .await?;
        for (repository, source) in permissions {
            let list: Vec<serde_json::Value> = serde_json::from_str(&source).unwrap_or_default();
            let list = list.into_iter();
            let list = list.filter_map(|one| serde_json::from_value::<Permission>(one).ok());
            for one in list {
                involve(&mut all, one.user.uuid.as_str(), &repository, |it| {
                    it.permission = Some(one.permission);
                });
            }
        }
        Ok(all)
    }
}

/// Notes something of an account in a repository, where both are ids.
fn involve(
    all: &mut Involvements,
    account: &str,
    repository: &str,
    note: impl FnOnce(&mut Involvement),
) {
    if let (Ok(account), Ok(repository)) = (account.parse(), repository.parse()) {
        note(all.entry((account, repository)).or_default());
    }
}

fn push_is_any_of<'q>(query: &mut StatementBuilder<'q>, ids: &'q BTreeSet<String>) {
    // No list may be empty; nobody has an empty id.
    query
        .push("person <> '' and (person in ")
        .push_list(ids.iter().map(String::as_str))
        .push(" or account_id in ")
        .push_list(ids.iter().map(String::as_str))
        .push(")");
}

fn push_scopes<'q>(query: &mut StatementBuilder<'q>, scopes: &[&'q str]) {
    if !scopes.is_empty() {
        query
            .push(" and scope in ")
            .push_list(scopes.iter().copied());
    }
}

fn is_meant(mention: &Mention, person: &Person) -> bool {
    match mention {
        Mention::Account(id) => person.account_id.as_ref() == Some(id),
        Mention::Uuid(uuid) => person.uuid.as_ref() == Some(uuid),
        Mention::Nickname(nickname) => person.names.iter().any(|name| {
            matches!(name.kind, NameKind::Nickname | NameKind::Username) && name.name == *nickname
        }),
    }
}

fn name_rows(rows: Vec<Row>) -> Result<Vec<NameRow>, DatabaseError> {
    let rows = rows.into_iter().map(
        |(scope, person, kind, name, account_id, is_former, first_seen, last_seen)| {
            let known = NameKind::ALL.into_iter().find(|one| one.name() == kind);
            let kind = known.ok_or(DatabaseError::Inconsistent {
                table: "person_names",
                column: "kind",
                value: kind,
            })?;
            Ok(NameRow {
                scope,
                person,
                kind,
                name,
                account_id,
                is_former: is_former != 0,
                first_seen: time(first_seen),
                last_seen: time(last_seen),
            })
        },
    );
    rows.collect()
}
