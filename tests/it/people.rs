//! `people`: everybody whom the archive knows, by every name.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use bucketload_archive::{Archive, DataDir, Person};
use bucketload_model::{Mention, mentions};
use bucketload_simulator::{Mutation, ReplayOptions, World};
use serde_json::{Map, Value, json};

use crate::support::{Double, assert_same, bare_command, export, files, lines, run, shared, small};

const NAME: &str = "seaside/lighthouse";

fn people(data_dir: &Path, text: &str) -> Vec<Value> {
    let told = run(bare_command(data_dir).args(["people", text, "--json"])).expect(0);
    told.json()["people"].as_array().unwrap().clone()
}

fn names<'a>(person: &'a Value, kind: &str) -> Vec<&'a str> {
    let names = person["names"].as_array().unwrap().iter();
    names
        .filter(|name| name["kind"] == kind)
        .map(|name| name["name"].as_str().unwrap())
        .collect()
}

#[test]
fn a_renamed_person_is_found_by_either_name_also_in_an_export() {
    let folder = tempfile::tempdir().unwrap();
    let double = Double::seeded(small());
    let data_dir = folder.path().join("data");
    double.run(&data_dir, &["import", NAME]).expect(0);
    let out = |what: &str| folder.path().join(what);
    let before = export(&data_dir, &out("before"), NAME);
    let users = std::fs::read_to_string(before.join("users.jsonl")).unwrap();
    assert!(!users.contains("\"names\""), "{users}");

    let (key, pull_request) = lines(&before.join("pull_requests.jsonl")).pop().unwrap();
    let mut author = pull_request["author"].clone();
    let old = author["display_name"].as_str().unwrap().to_owned();
    author["display_name"] = json!("Renamed Overnight");
    let mutation = Mutation::EditPullRequest {
        repository: NAME.to_owned(),
        id: key["pull_request"].as_u64().unwrap(),
        fields: Map::from_iter([("author".to_owned(), author.clone())]),
    };
    double.control().mutate(mutation).unwrap();
    double.run(&data_dir, &["import", NAME]).expect(0);

    let found = people(&data_dir, "renamed over");
    assert_eq!(found.len(), 1, "{found:?}");
    let person = &found[0];
    assert_eq!(person["name"], "Renamed Overnight");
    assert_eq!(person["uuid"], author["uuid"]);
    assert_eq!(person["account_id"], author["account_id"]);
    assert_eq!(person["is_former"], false);
    assert_eq!(
        names(person, "display_name"),
        [old.as_str(), "Renamed Overnight"]
    );
    let places = person["repositories"].as_array().unwrap();
    assert_eq!(places[0]["repository"], NAME);
    assert!(places[0]["pull_requests"].as_u64() > Some(0), "{places:?}");
    for text in [
        old.as_str(),
        author["uuid"].as_str().unwrap(),
        author["account_id"].as_str().unwrap(),
    ] {
        assert!(people(&data_dir, text).contains(person), "{text}");
    }
    let told = run(bare_command(&data_dir).args(["people", "renamed over"])).expect(0);
    assert!(told.stdout.starts_with("Renamed Overnight"));
    assert!(told.stdout.contains(&old), "{}", told.stdout);
    let told = run(bare_command(&data_dir).args(["people", "nobody of that name"])).expect(0);
    assert!(told.stdout.contains("knows nobody"), "{}", told.stdout);

    // All of it goes into an export, and comes out of it.
    let exported = export(&data_dir, &out("one"), NAME);
    let restored = out("restored");
    run(bare_command(&restored)
        .args(["import", "--from-export"])
        .arg(&exported))
    .expect(0);
    let again = export(&restored, &out("two"), NAME);
    assert_same(&files(&exported), &files(&again));
    let back = &people(&restored, "renamed over")[0];
    let of_kind = |person: &Value| -> Vec<Value> {
        let names = person["names"].as_array().unwrap().iter();
        names
            .filter(|name| name["kind"] == "display_name")
            .cloned()
            .collect()
    };
    assert_eq!(of_kind(back), of_kind(person));
}

/// The texts of comments as they were written.
fn texts(export: &Path) -> Vec<String> {
    let comments = lines(&export.join("pull_request_comments.jsonl")).into_iter();
    comments
        .filter_map(|(_, comment)| Some(comment["content"]["raw"].as_str()?.to_owned()))
        .collect()
}

#[test]
fn mentions_in_recorded_texts_have_names() {
    let Some(folder) = shared("recorded/repositories") else {
        eprintln!("skipped: no recordings on this machine");
        return;
    };
    let name = "ignitionrobotics/ign-launch";
    let world = World::replay(ReplayOptions {
        files: vec![folder.join("ignitionrobotics__ign-launch.jsonl.gz")],
        ..ReplayOptions::default()
    });
    let double = Double::serve(world.unwrap());
    let folder = tempfile::tempdir().unwrap();
    let data_dir = folder.path().join("data");
    double.run(&data_dir, &["import", name, "--skip", "git"]);
    let texts = texts(&export(&data_dir, &folder.path().join("export"), name));
    let found: BTreeSet<Mention> = texts
        .iter()
        .flat_map(|text| mentions(text))
        .map(|(_, mention)| mention)
        .filter(|mention| matches!(mention, Mention::Account(_)))
        .collect();
    assert_eq!(found.len(), 3, "{found:?}");
    let told: BTreeMap<_, _> = double.runtime.block_on(async {
        let archive = Archive::open_existing(&DataDir::new(&data_dir)).await;
        archive.unwrap().people_mentioned(&found).await.unwrap()
    });
    let mut names: Vec<&str> = told.values().map(Person::name).collect();
    names.sort_unstable();
    assert_eq!(names, ["Addisu Z. Taddese", "Ian Chen", "Michael Carroll"]);
}
