//! Whom an import meets, beside the accounts that Bitbucket gives an object of their own.

use bucketload_archive::{NameKind, Person};
use bucketload_model::AccountId;
use bucketload_simulator::Mutation;
use serde_json::{Map, Value, json};

use crate::support::{Local, NAME, bench, talkative};

async fn people(local: &Local) -> Vec<Person> {
    local.importer.archive.people().await.unwrap()
}

fn of_kind(person: &Person, kind: NameKind) -> Vec<&str> {
    let names = person.names.iter().filter(|name| name.kind == kind);
    names.map(|name| name.name.as_str()).collect()
}

#[tokio::test]
async fn an_import_knows_accounts_and_members_by_both_ids() {
    let (_remote, local) = bench().await;
    local.import().await;
    let people = people(&local).await;
    assert!(people.len() > 3, "{people:?}");
    for person in &people {
        assert!(person.uuid.is_some(), "{person:?}");
        assert_eq!(of_kind(person, NameKind::DisplayName).len(), 1);
        assert!(!person.is_former);
    }
    let members = people.iter().filter(|one| !one.workspaces.is_empty());
    let members = members.count() as u64;
    let workspace = "seaside".parse().unwrap();
    let listed = local.importer.archive.count_members(&workspace).await;
    assert_eq!(members, listed.unwrap());
}

#[tokio::test]
async fn an_export_of_issues_knows_older_names_of_people_and_people_of_its_own() {
    let (_remote, local) = bench().await;
    local.import().await;
    let before = people(&local).await;
    let known = before.iter().find(|one| one.account_id.is_some()).unwrap();
    let issue = |id: u64, reporter: Value, created_on: &str| {
        json!({
            "id": id, "title": "Leaks", "reporter": reporter, "created_on": created_on,
            "watchers": [{"display_name": "Only A. Name", "account_id": null}],
        })
    };
    let id = known.account_id.as_ref().unwrap().as_str();
    let reporter = json!({"display_name": "Maiden Name", "account_id": id});
    let stranger = json!({"display_name": "Stranger", "account_id": "557058:stranger"});
    let document = json!({"issues": [
        issue(1, reporter, "2019-03-06T21:16:08.338105+00:00"),
        issue(2, stranger, "2020-05-01T00:00:00+00:00"),
    ]});
    let file = local.folder.path().join("db-2.0.json");
    std::fs::write(&file, document.to_string()).unwrap();
    let name = NAME.parse().unwrap();
    let taken = local.importer.take_issue_export(&name, &file).await;
    assert!(taken.unwrap().is_whole());
    let after = people(&local).await;
    assert_eq!(after.len(), before.len() + 2, "{after:?}");
    let find = |name: &str| {
        let found = after.iter().find(|one| one.matches(name));
        found.unwrap_or_else(|| panic!("nobody is called {name}"))
    };
    let renamed = find("Maiden Name");
    assert_eq!(renamed.uuid, known.uuid);
    assert_eq!(
        renamed.name(),
        known.name(),
        "the older name is not the one to show"
    );
    // Names are as old as the whole export, not as each issue.
    let maiden = &renamed.names[0];
    assert_eq!(maiden.first_seen.to_rfc3339(), "2020-05-01T00:00:00+00:00");
    let stranger = find("Stranger");
    let stranger_id = stranger.account_id.as_ref().map(AccountId::as_str);
    assert_eq!(stranger_id, Some("557058:stranger"));
    let only = find("Only A. Name");
    assert!(only.uuid.is_none() && only.account_id.is_none());
}

#[tokio::test]
async fn a_description_tells_whom_it_mentions() {
    let (remote, local) = bench().await;
    local.import().await;
    let id = talkative(&local).await[0];
    let summary = json!({
        "raw": "@{557058:elsewhere}",
        "markup": "markdown",
        "html": "<p><span class=\"ap-mention\" data-atlassian-id=\"557058:elsewhere\">@Who Never Wrote</span></p>",
    });
    remote.mutate(Mutation::EditPullRequest {
        repository: NAME.to_owned(),
        id,
        fields: Map::from_iter([("summary".to_owned(), summary)]),
    });
    local.import().await;
    let people = people(&local).await;
    let found = people.iter().find(|one| one.matches("557058:elsewhere"));
    let found = found.unwrap_or_else(|| panic!("{people:?}"));
    assert_eq!(of_kind(found, NameKind::Mention), ["Who Never Wrote"]);
    assert_eq!(found.name(), "Who Never Wrote");
}
