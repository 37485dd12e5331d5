//! `bucketload people`.

use std::collections::BTreeMap;

use bucketload_archive::{Involvements, NameKind, Person, PersonName};
use bucketload_model::{AccountId, AccountUuid, RepositoryName, RepositoryUuid};
use serde::Serialize;
use serde_json::json;

use super::Session;
use crate::arguments::PeopleOptions;
use crate::messages::{Exit, Problem};
use crate::output::{self, counted, printable};

#[derive(Serialize)]
struct Entry {
    name: String,
    uuid: Option<AccountUuid>,
    account_id: Option<AccountId>,
    /// Whether the account was gone when it was last met.
    is_former: bool,
    names: Vec<PersonName>,
    member_of: Vec<String>,
    repositories: Vec<Place>,
}

/// A repository where somebody was met.
#[derive(Serialize)]
struct Place {
    repository: RepositoryName,
    pull_requests: u64,
    pull_request_comments: u64,
    /// Where the settings of the repository were shown.
    permission: Option<String>,
}

pub(crate) async fn run(session: &Session, options: &PeopleOptions) -> Result<Exit, Problem> {
    let archive = session.read_archive().await?;
    let repositories = archive.repositories().await?.into_iter();
    let repositories = repositories.map(|one| (one.uuid, one.name)).collect();
    let involvements = archive.involvements().await?;
    let people = archive.people().await?;
    archive.close().await;
    let wanted = |person: &Person| {
        let text = options.text.as_deref();
        text.is_none_or(|text| person.matches(text))
    };
    let people = people.into_iter().filter(wanted);
    let entries: Vec<Entry> = people
        .map(|person| entry(person, &repositories, &involvements))
        .collect();
    if session.json {
        output::json(&json!({ "people": entries }));
        return Ok(Exit::Complete);
    }
    match (entries.is_empty(), &options.text) {
        (false, _) => entries.iter().for_each(print),
        (true, None) => output::line("The archive knows nobody yet."),
        (true, Some(text)) => output::line(&format!(
            "The archive knows nobody by the name or id “{}”.",
            printable(text)
        )),
    }
    Ok(Exit::Complete)
}

fn entry(
    person: Person,
    repositories: &BTreeMap<RepositoryUuid, RepositoryName>,
    involvements: &Involvements,
) -> Entry {
    let place = |uuid: &RepositoryUuid| {
        let account = person.uuid.clone();
        let known = account.and_then(|account| involvements.get(&(account, uuid.clone())));
        let known = known.cloned().unwrap_or_default();
        Some(Place {
            repository: repositories.get(uuid)?.clone(),
            pull_requests: known.pull_requests,
            pull_request_comments: known.comments,
            permission: known.permission,
        })
    };
    let mut places: Vec<_> = person.repositories.iter().filter_map(place).collect();
    places.sort_by(|one, other| one.repository.cmp(&other.repository));
    let workspaces = person.workspaces.iter();
    Entry {
        name: person.name().to_owned(),
        is_former: person.is_former,
        member_of: workspaces.map(ToString::to_string).collect(),
        repositories: places,
        uuid: person.uuid,
        account_id: person.account_id,
        names: person.names,
    }
}

fn print(entry: &Entry) {
    let mut title = printable(&entry.name);
    if entry.is_former {
        title.push_str(" (former)");
    }
    if !entry.member_of.is_empty() {
        title = format!("{title}, member of {}", entry.member_of.join(", "));
    }
    output::line(&title);
    let uuid = entry.uuid.as_ref().map(AccountUuid::as_str);
    let account_id = entry.account_id.as_ref().map(AccountId::as_str);
    for id in [uuid, account_id].into_iter().flatten() {
        output::line(&format!("    {id}"));
    }
    for name in &entry.names {
        let what = match name.kind {
            NameKind::DisplayName => "called",
            NameKind::Mention => "mentioned as",
            NameKind::Nickname => "nickname",
            NameKind::Username => "username",
        };
        let day = |time: chrono::DateTime<chrono::Utc>| {
            let time = time.with_timezone(&chrono::Local);
            time.format("%Y-%m-%d").to_string()
        };
        let (first, last) = (day(name.first_seen), day(name.last_seen));
        let when = if first == last {
            first
        } else {
            format!("{first} to {last}")
        };
        output::line(&format!(
            "    {what:<12} {:<32} {when}",
            printable(&name.name)
        ));
    }
    for place in &entry.repositories {
        let mut what = vec![
            counted(place.pull_requests, "pull request", "pull requests"),
            counted(place.pull_request_comments, "comment", "comments"),
        ];
        what.extend(place.permission.as_deref().map(printable));
        output::line(&format!("    {}: {}", place.repository, what.join(", ")));
    }
}
