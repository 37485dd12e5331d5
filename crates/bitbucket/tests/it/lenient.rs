//! Objects: read as far as they can be, kept as they are.

use bucketload_bitbucket::{Comment, Membership, Page, PullRequest, Repository};
use bucketload_simulator::{Effect, Fault};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::support::{double, name, ok};

/// One page with these objects, each as it stands.
async fn page_of<T: DeserializeOwned>(objects: &[&str]) -> Page<T> {
    let double = double().await;
    let body = format!("{{\"values\": [{}]}}", objects.join(" ,\n"));
    double.control.add_fault(Fault::on_path("/2.0/", ok(&body)));
    double.page().await.unwrap()
}

fn sources<T>(page: &Page<T>) -> Vec<&str> {
    page.items.iter().map(|item| item.source.get()).collect()
}

#[tokio::test]
async fn the_source_is_byte_for_byte_what_was_sent() {
    let odd = [
        r#"{ "id" : 1,   "b": 1, "a": 1.50, "b2": 1e400, "big": 123456789012345678901234567890 }"#,
        "{\"id\":2,\n\t\"title\":\"\\u00e9\\/\\u0000\u{2028}\\ud83d\\ude00\u{1F600}\"}",
        r#"{"id":3,"x":-0.0,"y":1E+2,"duplicate":1,"duplicate":2,"z":{"":[[[]]]}}"#,
        r#"{"id":4,"title":"cut \ud83d here"}"#,
    ];
    let page = page_of::<PullRequest>(&odd).await;
    assert_eq!(sources(&page), odd);
    assert!(page.unreadable.is_empty(), "{:?}", page.unreadable);
}

#[tokio::test]
async fn the_source_is_what_the_simulator_serves() {
    let double = double().await;
    let typed = double.page::<PullRequest>().await.unwrap();
    let raw = double.page::<Box<serde_json::value::RawValue>>().await;
    assert_eq!(sources(&typed), sources(&raw.unwrap()));
    assert_eq!(typed.items.len(), 30);
}

#[tokio::test]
async fn an_object_without_a_usable_id_costs_nobody_the_others() {
    let objects = [
        r#"{"id": 1}"#,
        r#"{"title": "no id"}"#,
        r#"{"id": "2"}"#,
        r#"{"id": null}"#,
        r#"{"id": 1.5}"#,
        r#"{"id": 99999999999999999999}"#,
        "7",
        "null",
        r#""text""#,
        "[]",
        r#"{"id": 9, "title": "last"}"#,
    ];
    let page = page_of::<PullRequest>(&objects).await;
    let ids: Vec<i64> = page.items.iter().map(|item| item.value.id.0).collect();
    assert_eq!(ids, [1, 9]);
    let places: Vec<usize> = page.unreadable.iter().map(|item| item.index).collect();
    assert_eq!(places, [1, 2, 3, 4, 5, 6, 7, 8, 9]);
    assert!(page.unreadable[1].problem.contains("id"), "{page:?}");
    // Comments and repositories are no different.
    let page = page_of::<Comment>(&[r#"{"id": 4711}"#, r#"{"id": {}}"#]).await;
    assert_eq!((page.items.len(), page.unreadable.len()), (1, 1));
    let uuid = r#"{"uuid": "{7b764bc5-c3f3-4910-a90b-4cdc229a66b7}"}"#;
    let page = page_of::<Repository>(&[uuid, r#"{"uuid": "7"}"#, "{}"]).await;
    assert_eq!((page.items.len(), page.unreadable.len()), (1, 2));
}

#[tokio::test]
async fn one_unreadable_object_among_real_ones() {
    let double = double().await;
    let effect = Effect::RemoveField {
        field: "values[7].id".to_owned(),
    };
    double.control.add_fault(Fault::on_path("/2.0/", effect));
    let page = double.page::<PullRequest>().await.unwrap();
    assert_eq!((page.items.len(), page.unreadable.len()), (29, 1));
    assert_eq!(page.unreadable[0].index, 7);
}

/// Every field but the id, with each of these instead of what it should be.
#[tokio::test]
async fn other_fields_of_any_type_read_as_absent_and_stay_in_the_source() {
    let fields = [
        "title",
        "state",
        "comment_count",
        "created_on",
        "updated_on",
        "source",
        "destination",
        "author",
        "closed_by",
        "reviewers",
        "participants",
    ];
    let strange = [
        "null",
        "true",
        "-1.5",
        "1e400",
        "\"\\ud83d\"",
        "[]",
        "[null, 1, {}]",
        "{}",
        r#"{"branch": 7, "user": [], "uuid": 3}"#,
    ];
    let objects: Vec<String> = fields
        .iter()
        .flat_map(|field| strange.map(|value| format!(r#"{{"id": 1, "{field}": {value}}}"#)))
        .collect();
    let objects: Vec<&str> = objects.iter().map(String::as_str).collect();
    let page = page_of::<PullRequest>(&objects).await;
    assert!(page.unreadable.is_empty(), "{:?}", page.unreadable);
    assert_eq!(sources(&page), objects);
    for item in &page.items {
        let pull_request = &item.value;
        assert_eq!(pull_request.title, None, "{}", item.source);
        assert_eq!(pull_request.comment_count, None, "{}", item.source);
        assert_eq!(pull_request.source_branch(), None, "{}", item.source);
        let readable = pull_request.accounts().filter(|one| one.value.is_some());
        assert_eq!(readable.count(), 0, "{}", item.source);
    }
}

#[tokio::test]
async fn fields_of_comments_and_members_are_no_different() {
    let page = page_of::<Comment>(&[
        r#"{"id": 1, "deleted": "no", "inline": 7, "parent": "x", "user": 1e400, "resolution": []}"#,
        r#"{"id": 2, "deleted": true, "inline": {"path": 7}, "parent": {"id": "7"}}"#,
        r#"{"id": 3, "inline": {"path": "a", "from": 1e400}, "parent": {"id": 2, "depth": "x"}}"#,
    ])
    .await;
    assert!(page.unreadable.is_empty(), "{:?}", page.unreadable);
    let [first, second, third] = &page.items[..] else {
        panic!("{page:?}");
    };
    assert_eq!(first.value.deleted, None);
    assert!(first.value.parent.is_none() && first.value.inline.is_none());
    assert_eq!(second.value.deleted, Some(true));
    assert!(second.value.parent.is_none());
    assert_eq!(third.value.parent.as_ref().unwrap().id.0, 2);
    let path = third.value.inline.as_ref().unwrap().path.as_deref();
    assert_eq!(path, Some("a"));

    let page = page_of::<Membership>(&[r#"{"user": {"uuid": 7}}"#, r#"{"user": null}"#]).await;
    assert_eq!(page.items.len(), 2);
    assert!(
        page.items
            .iter()
            .all(|item| item.value.user.value.is_none())
    );
}

#[tokio::test]
async fn unknown_states_and_fields_are_kept() {
    let page = page_of::<PullRequest>(&[r#"{"id": 1, "state": "QUEUED", "mood": "fine"}"#]).await;
    assert_eq!(page.items[0].value.state.as_deref(), Some("QUEUED"));
    assert!(page.items[0].source.get().contains("mood"));
}

#[tokio::test]
async fn a_repository_that_names_odd_things_is_still_one() {
    let double = double().await;
    for (field, value) in [
        ("mainbranch", json!("main")),
        ("slug", json!("../../etc")),
        ("owner", json!(["nobody"])),
        ("size", json!("large")),
        ("is_private", json!("maybe")),
    ] {
        double.control.clear_faults();
        let effect = Effect::ReplaceField {
            field: field.to_owned(),
            value: value.clone(),
        };
        double.control.add_fault(Fault::on_path("/2.0/", effect));
        let answer = double.client.repository(&name()).await.unwrap();
        let source: Value = serde_json::from_str(answer.item.source.get()).unwrap();
        assert_eq!(source[field], value);
        assert!(answer.item.value.slug.is_none() || field != "slug");
    }
}
