//! The names that accounts had over time, for the file of accounts.

use std::collections::BTreeMap;

use bucketload_model::RepositoryUuid;

use crate::database::sql::{Session, statement};
use crate::database::time;
use crate::{DatabaseError, NameKind, PersonName};

/// The file that they stand in.
pub(super) const FILE: &str = "users.jsonl";

type Row = (String, String, String, i64, i64);

/// By UUID, the accounts that had more than one name of a kind. Whoever had the same one all
/// along has it in the object, and when that was seen is no part of what is exported: the
/// same content gives the same bytes.
pub(super) async fn changed_names(
    snapshot: &mut Session,
    repository: &RepositoryUuid,
) -> Result<BTreeMap<String, Vec<PersonName>>, DatabaseError> {
    let rows: Vec<Row> = statement(
        "select person, kind, name, min(first_seen_ms), max(last_seen_ms) from person_names
         where scope in ($1, (select workspace from repositories where uuid = $1))
             and person like '{%' and kind in ('display_name', 'nickname')
         group by person, kind, name
         order by person, kind, min(first_seen_ms), max(last_seen_ms), name",
    )
    .bind(repository.as_str())
    .fetch_all(snapshot)
    .await?;
    let mut names: BTreeMap<String, Vec<PersonName>> = BTreeMap::new();
    for (person, kind, name, first_seen, last_seen) in rows {
        let kind = match kind.as_str() {
            "nickname" => NameKind::Nickname,
            _ => NameKind::DisplayName,
        };
        names.entry(person).or_default().push(PersonName {
            kind,
            name,
            first_seen: time(first_seen),
            last_seen: time(last_seen),
        });
    }
    names.retain(|_, names| names.windows(2).any(|pair| pair[0].kind == pair[1].kind));
    Ok(names)
}
