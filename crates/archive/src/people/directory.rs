//! People, put together from names that were met in many places.

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;

use bucketload_model::{AccountId, AccountUuid};
use chrono::{DateTime, Utc};

use super::{NameKind, Person, PersonName};

/// A name that somebody was met under, in one place.
#[derive(Debug, Clone)]
pub(crate) struct NameRow {
    /// A repository's UUID, or the slug of a workspace.
    pub(crate) scope: String,
    /// The UUID or the account id; empty where the name is all that is known.
    pub(crate) person: String,
    pub(crate) kind: NameKind,
    pub(crate) name: String,
    pub(crate) account_id: Option<String>,
    pub(crate) is_former: bool,
    pub(crate) first_seen: DateTime<Utc>,
    pub(crate) last_seen: DateTime<Utc>,
}

/// Somebody in the making.
#[derive(Debug, Default)]
struct Gathered {
    uuid: Option<AccountUuid>,
    account_id: Option<AccountId>,
    names: BTreeMap<(NameKind, String), (DateTime<Utc>, DateTime<Utc>)>,
    /// When somebody last met the account, and whether it was gone then.
    latest: Option<(DateTime<Utc>, bool)>,
    scopes: BTreeSet<String>,
}

/// Who has an account id or a username; nobody where two accounts claim it.
#[derive(Debug, Default)]
struct Owners<'a>(BTreeMap<&'a str, Option<&'a str>>);

/// An id; or, of somebody without one, a name.
type Key<'a> = (&'a str, Option<(NameKind, &'a str)>);

/// Puts people together, by their names.
///
/// A UUID and an account id are of one person where any place knows both of somebody, and no
/// other place says otherwise. A bare username is the account's that has it. A bare name of any
/// other kind is nobody's but its own: two people may have it.
pub(crate) fn assemble(rows: &[NameRow]) -> Vec<Person> {
    let mut by_account_id = Owners::default();
    let mut by_username = Owners::default();
    for row in rows.iter().filter(|row| is_uuid(&row.person)) {
        if let Some(id) = &row.account_id {
            by_account_id.claim(id, &row.person);
        }
        if row.kind == NameKind::Username {
            by_username.claim(&row.name, &row.person);
        }
    }
    let mut people: BTreeMap<Key<'_>, Gathered> = BTreeMap::new();
    for row in rows {
        let owner = match (row.person.as_str(), row.kind) {
            ("", NameKind::Username) => by_username.of(&row.name),
            ("", _) => None,
            (uuid, _) if is_uuid(uuid) => Some(uuid),
            (id, _) => Some(by_account_id.of(id).unwrap_or(id)),
        };
        let key = match owner {
            Some(owner) => (owner, None),
            None => ("", Some((row.kind, row.name.as_str()))),
        };
        people.entry(key).or_default().add(row);
    }
    let mut people: Vec<Person> = people.into_values().map(Gathered::into_person).collect();
    people.sort_by_cached_key(|person| {
        let name = person.name();
        (name.to_lowercase(), name.to_owned(), person.uuid.clone())
    });
    people
}

fn is_uuid(person: &str) -> bool {
    person.starts_with('{')
}

impl<'a> Owners<'a> {
    fn claim(&mut self, what: &'a str, owner: &'a str) {
        let known = self.0.entry(what).or_insert(Some(owner));
        if known.is_some_and(|known| known != owner) {
            *known = None;
        }
    }

    fn of(&self, what: &str) -> Option<&'a str> {
        self.0.get(what).copied().flatten()
    }
}

impl Gathered {
    fn add(&mut self, row: &NameRow) {
        if let Ok(uuid) = row.person.parse() {
            self.uuid = Some(uuid);
        }
        if let Some(id) = &row.account_id
            && self.account_id.is_none()
        {
            self.account_id = id.parse().ok();
        }
        let name = (row.kind, row.name.clone());
        let seen = self.names.entry(name);
        let (first, last) = seen.or_insert((row.first_seen, row.last_seen));
        *first = row.first_seen.min(*first);
        *last = row.last_seen.max(*last);
        // A text may go on mentioning whoever is gone.
        if row.kind != NameKind::Mention {
            self.latest = self.latest.max(Some((row.last_seen, row.is_former)));
        }
        self.scopes.insert(row.scope.clone());
    }

    fn into_person(self) -> Person {
        let names = self.names.into_iter();
        let mut names: Vec<_> = names
            .map(|((kind, name), (first_seen, last_seen))| PersonName {
                kind,
                name,
                first_seen,
                last_seen,
            })
            .collect();
        // Stable: names of the same time stay in the order of their letters.
        names.sort_by_key(|name| (name.kind, name.last_seen, name.first_seen));
        Person {
            uuid: self.uuid,
            account_id: self.account_id,
            is_former: self.latest.is_some_and(|(_, is_former)| is_former),
            names,
            repositories: parsed(&self.scopes),
            workspaces: parsed(&self.scopes),
        }
    }
}

/// Those of the scopes that are of one kind: no slug has braces.
fn parsed<T: FromStr + Ord>(scopes: &BTreeSet<String>) -> BTreeSet<T> {
    scopes
        .iter()
        .filter_map(|scope| scope.parse().ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANNA: &str = "{7b764bc5-c3f3-4910-a90b-000000000001}";
    const JO: &str = "{7b764bc5-c3f3-4910-a90b-000000000002}";
    const KETTLE: &str = "{7b764bc5-c3f3-4910-a90b-00000000000a}";

    fn row(person: &str, account_id: Option<&str>, kind: NameKind, name: &str) -> NameRow {
        let seen = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        NameRow {
            scope: KETTLE.to_owned(),
            person: person.to_owned(),
            kind,
            name: name.to_owned(),
            account_id: account_id.map(ToOwned::to_owned),
            is_former: false,
            first_seen: seen,
            last_seen: seen,
        }
    }

    fn shown(name: &str, person: &str, account_id: Option<&str>) -> NameRow {
        row(person, account_id, NameKind::DisplayName, name)
    }

    /// Everybody's names.
    fn names(rows: &[NameRow]) -> Vec<Vec<String>> {
        let people = assemble(rows).into_iter();
        people
            .map(|person| person.names.into_iter().map(|name| name.name).collect())
            .collect()
    }

    #[test]
    fn a_uuid_and_an_account_id_are_one_person_once_somebody_knows_both() {
        let mut rows = vec![
            shown("Anna", ANNA, None),
            shown("Anna of the export", "557058:a", Some("557058:a")),
        ];
        assert_eq!(names(&rows).len(), 2);
        rows.push(shown("Anna", ANNA, Some("557058:a")));
        let people = assemble(&rows);
        assert_eq!(people.len(), 1, "{people:?}");
        let anna = &people[0];
        assert_eq!(anna.uuid.as_ref().map(AccountUuid::as_str), Some(ANNA));
        let account_id = anna.account_id.as_ref().map(AccountId::as_str);
        assert_eq!(account_id, Some("557058:a"));
        assert_eq!(anna.names.len(), 2);
        // Two accounts with one account id: nobody can tell whose it is.
        rows.push(shown("Jo", JO, Some("557058:a")));
        let expected = [vec!["Anna"], vec!["Anna of the export"], vec!["Jo"]];
        assert_eq!(names(&rows), expected);
    }

    #[test]
    fn a_bare_name_is_nobodys_but_a_username_is() {
        let rows = [
            shown("Anna", ANNA, None),
            row(ANNA, None, NameKind::Username, "anna"),
            row("", None, NameKind::Username, "anna"),
            row("", None, NameKind::Username, "jo"),
            shown("Anna", "", None),
        ];
        let expected = [vec!["Anna"], vec!["Anna", "anna"], vec!["jo"]];
        assert_eq!(names(&rows), expected);
    }

    #[test]
    fn the_latest_name_counts_and_who_is_gone_keeps_the_last_one() {
        let at = |row: NameRow, second, is_former| NameRow {
            last_seen: row.last_seen + chrono::Duration::seconds(second),
            is_former,
            ..row
        };
        let mut rows = vec![
            at(shown("Zoe Young", ANNA, None), 9, false),
            at(shown("Anna Old", ANNA, None), 3, false),
            at(row(ANNA, None, NameKind::Mention, "Annie"), 99, false),
        ];
        let people = assemble(&rows);
        assert_eq!(people[0].name(), "Zoe Young");
        assert!(!people[0].is_former);
        rows.push(at(shown("Former user", ANNA, None), 12, true));
        let people = assemble(&rows);
        assert_eq!(people[0].name(), "Zoe Young");
        assert!(people[0].is_former);
        let names: Vec<_> = people[0].names.iter().map(|name| &name.name).collect();
        assert_eq!(names, ["Anna Old", "Zoe Young", "Former user", "Annie"]);
        // A name that is nobody's.
        let people = assemble(&rows[3..]);
        assert_eq!(people[0].name(), "Former user");
    }

    #[test]
    fn people_are_found_by_ids_and_by_parts_of_names() {
        let people = assemble(&[shown("Änne Kettle", ANNA, Some("557058:a"))]);
        for text in [
            ANNA,
            "7B764BC5-c3f3-4910-a90b-000000000001",
            "557058:a",
            "änne",
            "KETTLE",
        ] {
            assert!(people[0].matches(text), "{text}");
        }
        for text in [JO, "557058", "Jo"] {
            assert!(!people[0].matches(text), "{text}");
        }
    }
}
