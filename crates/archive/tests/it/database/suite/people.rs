//! People: names over time, joined by whatever ids are known, and who is mentioned.

#![expect(
    clippy::unwrap_used,
    reason = "a helper that fails is a test that fails"
)]

use std::collections::{BTreeMap, BTreeSet};

use bucketload_archive::{
    AccountRecord, Archive, CommentRecord, IssueOrigin, NameKind, ObjectKey, ObjectRecord,
    PeopleMet, Person, PersonName, PullRequestRecord, provisional_repository,
};
use bucketload_model::{AccountId, AccountUuid, Mention, Stage, mentions};

use super::{store, with_repository};
use crate::support::{
    Store, account, account_uuid, at, comment, import_id, name, pull_request, repository_uuid,
};

const ANNAS_ID: &str = "557058:65740f22-cc56-4418-9608-7e17d0ed47b7";

fn named<'a>(uuid: &'a AccountUuid, name: &'a str, nickname: &'a str) -> AccountRecord<'a> {
    AccountRecord {
        display_name: Some(name),
        nickname: Some(nickname),
        ..account(uuid, "{}")
    }
}

/// What an object tells, met at a second.
async fn learn(store: &Store, source: &str, origin: IssueOrigin, second: i64) {
    let mut met = PeopleMet::default();
    met.learn(source, origin);
    let mut transaction = store.begin().await;
    transaction
        .put_people_met(&repository_uuid(1), &met, at(second))
        .await
        .unwrap();
    transaction.commit().await.unwrap();
}

async fn people(store: &Store) -> Vec<Person> {
    store.archive.people().await.unwrap()
}

/// A person's names of a kind, with the seconds of the first and last time.
fn names(person: &Person, kind: NameKind) -> Vec<(&str, i64, i64)> {
    let second = |time: chrono::DateTime<chrono::Utc>| (time - at(0)).num_seconds();
    let names = person.names.iter().filter(|name| name.kind == kind);
    names
        .map(|name| {
            (
                name.name.as_str(),
                second(name.first_seen),
                second(name.last_seen),
            )
        })
        .collect()
}

/// Whom a text mentions, each with the name that it is resolved to.
async fn mentioned(store: &Store, text: &str) -> BTreeMap<String, String> {
    let found: BTreeMap<_, _> = mentions(text)
        .map(|(place, mention)| (mention, text[place].to_owned()))
        .collect();
    let wanted: BTreeSet<Mention> = found.keys().cloned().collect();
    let people = store.archive.people_mentioned(&wanted).await.unwrap();
    people
        .iter()
        .map(|(mention, person)| (found[mention].clone(), person.name().to_owned()))
        .collect()
}

#[tokio::test]
async fn who_was_renamed_keeps_every_name() {
    let Some((store, uuid)) = with_repository().await else {
        return;
    };
    let anna = account_uuid(1);
    let old = named(&anna, "Anna Smith", "anna");
    let new = named(&anna, "Anna Jones", "anna");
    store.put_accounts(&uuid, import_id(10), vec![old]).await;
    store
        .put_accounts(&uuid, import_id(20), vec![old, new])
        .await;
    // An import that began earlier ends later.
    store.put_accounts(&uuid, import_id(5), vec![old]).await;
    store.put_accounts(&uuid, import_id(30), vec![new]).await;
    let people = people(&store).await;
    assert_eq!(people.len(), 1, "{people:?}");
    let [anna] = &people[..] else { unreachable!() };
    assert_eq!(anna.name(), "Anna Jones");
    assert_eq!(
        names(anna, NameKind::DisplayName),
        [("Anna Smith", 5, 20), ("Anna Jones", 20, 30)]
    );
    assert_eq!(names(anna, NameKind::Nickname), [("anna", 5, 30)]);
    assert_eq!(anna.repositories, BTreeSet::from([uuid]));
}

#[tokio::test]
async fn what_tells_nothing_new_writes_nothing() {
    let Some((store, uuid)) = with_repository().await else {
        return;
    };
    let person = account_uuid(1);
    let anna = named(&person, "Anna", "anna");
    store.put_accounts(&uuid, import_id(10), vec![anna]).await;
    store.watch().await;
    store.put_accounts(&uuid, import_id(10), vec![anna]).await;
    assert_eq!(store.touched().await, [""; 0]);
    store.put_accounts(&uuid, import_id(11), vec![anna]).await;
    assert_eq!(store.touched().await, ["update person_names"; 2]);
}

#[tokio::test]
async fn thousands_of_people_come_at_once() {
    let Some((store, uuid)) = with_repository().await else {
        return;
    };
    // Fewer than the rows of accounts take in one statement, more than their names would.
    let ids: Vec<_> = (0..3000).map(account_uuid).collect();
    let records = ids.iter().map(|id| named(id, "Anna", "anna"));
    store
        .put_accounts(&uuid, import_id(0), records.collect())
        .await;
    assert_eq!(store.count("person_names").await, 6000);
}

#[tokio::test]
async fn an_export_of_issues_and_bitbucket_know_the_same_person_by_different_ids() {
    let Some((store, uuid)) = with_repository().await else {
        return;
    };
    let reporter =
        format!(r#"{{"reporter": {{"display_name": "Anna Smith", "account_id": "{ANNAS_ID}"}}}}"#);
    learn(&store, &reporter, IssueOrigin::IssueExport, -1000).await;
    let anna = account_uuid(1);
    let short = named(&anna, "Anna Jones", "anna");
    store.put_accounts(&uuid, import_id(1), vec![short]).await;
    assert_eq!(people(&store).await.len(), 2);
    // The members of the workspace have both ids.
    let long = AccountRecord {
        account_id: Some(ANNAS_ID),
        ..short
    };
    let mut transaction = store.begin().await;
    transaction
        .put_member_names(&name().workspace, import_id(2), [long])
        .await
        .unwrap();
    transaction.commit().await.unwrap();
    let people = people(&store).await;
    assert_eq!(people.len(), 1, "{people:?}");
    let found = &people[0];
    assert_eq!(found.uuid.as_ref(), Some(&anna));
    assert_eq!(
        found.account_id.as_ref().map(AccountId::as_str),
        Some(ANNAS_ID)
    );
    assert_eq!(
        names(found, NameKind::DisplayName),
        [("Anna Smith", -1000, -1000), ("Anna Jones", 1, 2)]
    );
    assert_eq!(found.workspaces, BTreeSet::from([name().workspace]));
    // Either id leads to all of it.
    let text = format!(
        "@{{{ANNAS_ID}}} and @{}, not @{{557058:nobody}}",
        anna.as_str()
    );
    let told = mentioned(&store, &text).await;
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told.values().all(|name| name == "Anna Jones"), "{told:?}");
}

#[tokio::test]
async fn who_is_gone_is_kept_with_the_name_they_had() {
    let Some((store, uuid)) = with_repository().await else {
        return;
    };
    let (anna, jo) = (account_uuid(1), account_uuid(2));
    let before = named(&anna, "Anna", "anna");
    let after = named(&anna, "Former user", "anna");
    let closed = AccountRecord {
        source: r#"{"account_status": "closed"}"#,
        ..named(&jo, "Jo", "jo")
    };
    store
        .put_accounts(&uuid, import_id(1), vec![before, closed])
        .await;
    let one = people(&store).await;
    let gone = |people: &[Person]| -> Vec<(String, bool)> {
        let told = people.iter();
        told.map(|one| (one.name().to_owned(), one.is_former))
            .collect()
    };
    assert_eq!(gone(&one), [("Anna".into(), false), ("Jo".into(), true)]);
    store.put_accounts(&uuid, import_id(2), vec![after]).await;
    // An account of which nothing is left but a name.
    let source = r#"{"user": {"type": "user", "display_name": "Zoe", "uuid": null}}"#;
    learn(&store, source, IssueOrigin::Bitbucket, 2).await;
    let expected = [
        ("Anna".into(), true),
        ("Jo".into(), true),
        ("Zoe".into(), true),
    ];
    assert_eq!(gone(&people(&store).await), expected);
    // And back again.
    let open = named(&jo, "Jo", "jo");
    store.put_accounts(&uuid, import_id(3), vec![open]).await;
    assert!(!people(&store).await[1].is_former);
}

#[tokio::test]
async fn rendered_texts_tell_whom_they_mention() {
    let Some((store, uuid)) = with_repository().await else {
        return;
    };
    let text = format!("Hello @{{{ANNAS_ID}}}, @jo and @mo");
    assert_eq!(mentioned(&store, &text).await, BTreeMap::new());
    let rendered = format!(
        r#"{{"content": {{"html": "<p>Hello <span class=\"ap-mention\" data-atlassian-id=\"{ANNAS_ID}\">@Anna Smith</span></p>"}}}}"#
    );
    learn(&store, &rendered, IssueOrigin::Bitbucket, 1).await;
    // A nickname that one person has is theirs; one of two is nobody's.
    let (jo, mo, mo_too) = (account_uuid(1), account_uuid(2), account_uuid(3));
    let accounts = vec![
        named(&jo, "Jo Kettle", "jo"),
        named(&mo, "Mo", "mo"),
        named(&mo_too, "Moritz", "mo"),
    ];
    store.put_accounts(&uuid, import_id(1), accounts).await;
    let expected = [
        (format!("@{{{ANNAS_ID}}}"), "Anna Smith".to_owned()),
        ("@jo".to_owned(), "Jo Kettle".to_owned()),
    ];
    assert_eq!(mentioned(&store, &text).await, BTreeMap::from(expected));
}

#[tokio::test]
async fn people_of_an_export_of_issues_go_with_it() {
    let Some(store) = store().await else { return };
    let (provisional, uuid) = (provisional_repository(&name()).unwrap(), repository_uuid(1));
    store.put_repository(&provisional, "{}").await;
    let mut met = PeopleMet::default();
    let issue = r#"{"reporter": "anna", "assignee": "jo"}"#;
    met.learn(issue, IssueOrigin::IssueExport);
    let mut transaction = store.begin().await;
    transaction
        .put_people_met(&provisional, &met, at(0))
        .await
        .unwrap();
    transaction.commit().await.unwrap();
    let elsewhere = "teapots/provisional".parse().unwrap();
    store
        .put_repository_as(&provisional, &elsewhere, "{}")
        .await;
    store.put_repository(&uuid, "{}").await;
    // One of them is known there.
    learn(&store, r#"{"user": "jo"}"#, IssueOrigin::IssueExport, 5).await;
    let mut transaction = store.begin().await;
    let adopted = transaction.adopt_issue_export(&name(), &uuid).await;
    assert!(adopted.unwrap());
    transaction.commit().await.unwrap();
    let people = people(&store).await;
    let names: Vec<_> = people.iter().map(Person::name).collect();
    assert_eq!(names, ["anna", "jo"]);
    for person in &people {
        assert_eq!(person.repositories, BTreeSet::from([uuid.clone()]));
    }
}

#[tokio::test]
async fn times_that_an_export_tells_replace_those_of_reading_it_back() {
    let Some((store, uuid)) = with_repository().await else {
        return;
    };
    let anna = account_uuid(1);
    let now = named(&anna, "Anna Jones", "anna");
    store.put_accounts(&uuid, import_id(99), vec![now]).await;
    let name = |name: &str, first, last| PersonName {
        kind: NameKind::DisplayName,
        name: name.to_owned(),
        first_seen: at(first),
        last_seen: at(last),
    };
    let told = [name("Anna Smith", 1, 2), name("Anna Jones", 2, 3)];
    let mut transaction = store.begin().await;
    transaction
        .restore_names(&uuid, &anna, &told)
        .await
        .unwrap();
    transaction.commit().await.unwrap();
    let people = people(&store).await;
    assert_eq!(
        names(&people[0], NameKind::DisplayName),
        [("Anna Smith", 1, 2), ("Anna Jones", 2, 3)]
    );
}

#[tokio::test]
async fn what_accounts_did_and_may_do_is_told_for_each_repository() {
    let Some((store, uuid)) = with_repository().await else {
        return;
    };
    let (anna, jo) = (account_uuid(1), account_uuid(2));
    let opened = PullRequestRecord {
        author: Some(anna.as_str()),
        ..pull_request(1, Some(2), "{}")
    };
    store.put_pull_requests(&uuid, &[opened]).await;
    let by = |author, id| CommentRecord {
        author,
        ..comment(id, "{}")
    };
    let comments = [
        by(Some(jo.as_str()), 1),
        by(Some(jo.as_str()), 2),
        by(None, 3),
    ];
    store.put_comments(&uuid, 1, &comments).await;
    let permissions = format!(
        r#"[{{"permission": "admin", "user": {{"uuid": "{}"}}}}, {{"permission": "read", "user": null}}]"#,
        jo.as_str()
    );
    let record = ObjectRecord {
        key: ObjectKey {
            parent: 0,
            id: 6,
            key: "user_permissions",
        },
        created_on: None,
        updated_on: None,
        source: &permissions,
    };
    let mut transaction = store.begin().await;
    transaction
        .put_objects(&uuid, Stage::Settings, &[record])
        .await
        .unwrap();
    transaction.commit().await.unwrap();
    let all = store.archive.involvements().await.unwrap();
    let told = |who: &AccountUuid| {
        let it = all[&(who.clone(), uuid.clone())].clone();
        (it.pull_requests, it.comments, it.permission)
    };
    assert_eq!(all.len(), 2, "{all:?}");
    assert_eq!(told(&anna), (1, 0, None));
    assert_eq!(told(&jo), (0, 2, Some("admin".to_owned())));
}

#[tokio::test]
async fn an_older_archive_knows_the_names_of_its_accounts() {
    let Some((store, uuid)) = with_repository().await else {
        return;
    };
    let import = store.start_import(7, &name()).await;
    let (anna, jo) = (account_uuid(1), account_uuid(2));
    let both = AccountRecord {
        account_id: Some(ANNAS_ID),
        ..named(&anna, "Anna", "anna")
    };
    let nameless = account(&jo, "{}");
    store
        .put_accounts(&uuid, import, vec![both, nameless])
        .await;
    // An import that was forgotten, as the oldest are.
    let former = AccountRecord {
        source: r#"{"of": "later"}"#,
        ..named(&jo, "Former user", "")
    };
    store.put_accounts(&uuid, import_id(9), vec![former]).await;
    let expected = people(&store).await;
    let mut side = store.side().await;
    side.run("drop table person_names").await;
    side.run("delete from _sqlx_migrations where version = 19")
        .await;
    let again = Archive::open(&store.data_dir).await.unwrap();
    let people = again.people().await.unwrap();
    let told = |people: &[Person]| -> Vec<_> {
        let told = people.iter();
        told.map(|one| (one.name().to_owned(), one.account_id.clone(), one.is_former))
            .collect()
    };
    assert_eq!(told(&people), told(&expected));
    assert_eq!(names(&people[0], NameKind::DisplayName), [("Anna", 7, 7)]);
    assert_eq!(
        names(&people[1], NameKind::DisplayName),
        [("Former user", 7, 7)]
    );
}
