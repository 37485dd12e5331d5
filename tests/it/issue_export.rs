//! Issues from an export, as a person takes them.

use bucketload_simulator::{IssueTracker, Mutation, SeedOptions};
use serde_json::json;

use crate::support::{Double, bare_command, export, lines, run, small, stage};

const NAME: &str = "seaside/lighthouse";

fn document() -> String {
    let issue = |id: i64| json!({ "id": id, "title": "It boils over", "status": "new" });
    json!({
        "issues": [issue(1), issue(2)],
        "comments": [{ "id": 5, "issue": 1, "content": "Turn it down", "user": "ada" }],
        "logs": [],
        "attachments": [],
    })
    .to_string()
}

#[test]
fn an_export_is_taken_without_bitbucket_and_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let data_dir = folder.path().join("data");
    let file = folder.path().join("db-2.0.json");
    std::fs::write(&file, document()).unwrap();
    let path = file.to_str().unwrap();
    // No server is asked: there is none at the address of nobody.
    let taken = run(bare_command(&data_dir)
        .env("BUCKETLOAD_BITBUCKET_API_URL", "http://127.0.0.1:1/2.0")
        .args(["import", NAME, "--offline", "--issues-export", path]))
    .expect(0);
    assert!(
        taken.stdout.contains("2 issues, 1 comment"),
        "{}",
        taken.stdout
    );
    let exported = export(&data_dir, &folder.path().join("first"), NAME);
    assert_eq!(lines(&exported.join("issues.jsonl")).len(), 2);

    let double = Double::seeded(small());
    let ran = double.run(
        &data_dir,
        &["import", NAME, "--issues-export", path, "--json"],
    );
    let ran = ran.expect(0);
    assert_eq!(ran.report()["state"], "complete");
    assert_eq!(ran.json()["issue_exports"][0]["written"], 0);
    let exported = export(&data_dir, &folder.path().join("second"), NAME);
    assert_eq!(lines(&exported.join("issue_comments.jsonl")).len(), 1);
    assert!(!lines(&exported.join("pull_requests.jsonl")).is_empty());
}

#[test]
fn where_the_repository_is_gone_the_way_without_bitbucket_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let data_dir = folder.path().join("data");
    let file = folder.path().join("db-2.0.json");
    std::fs::write(&file, document()).unwrap();
    let double = Double::seeded(small());
    let repository = NAME.to_owned();
    let mutation = Mutation::RemoveRepository { repository };
    double.control().mutate(mutation).unwrap();
    let arguments = ["import", NAME, "--issues-export", file.to_str().unwrap()];
    let ran = double.run(&data_dir, &arguments).expect(1);
    assert!(ran.stderr.contains("add --offline"), "{}", ran.stderr);
    // An import that takes nothing else has no use for it.
    let ran = double.run(&data_dir, &["import", NAME]).expect(1);
    assert!(!ran.stderr.contains("--offline"), "{}", ran.stderr);
    let offline = [&arguments[..], &["--offline"]].concat();
    double.run(&data_dir, &offline).expect(0);
}

/// Since August 2026: what lacks its issues says so and how to help it, and with an export
/// nothing is missing.
#[test]
fn after_the_sunset_an_export_brings_what_the_tracker_had() {
    let folder = tempfile::tempdir().unwrap();
    let data_dir = folder.path().join("data");
    let file = folder.path().join("db-2.0.json");
    std::fs::write(&file, document()).unwrap();
    let double = Double::seeded(SeedOptions {
        issue_tracker: IssueTracker::Removed,
        ..small()
    });
    let ran = double.run(&data_dir, &["import", NAME, "--json"]).expect(3);
    let report = ran.report();
    assert_eq!(report["state"], "complete_with_gaps");
    let [gap] = report["gaps"].as_array().unwrap().as_slice() else {
        panic!("{}", report["gaps"]);
    };
    assert_eq!(gap["stage"], "issues");
    assert_eq!(gap["reason"], "removed_by_atlassian");
    let remedy = format!("bucketload import {NAME} --issues-export FILE");
    assert!(gap["detail"].as_str().unwrap().contains(&remedy), "{gap}");

    let path = file.to_str().unwrap();
    let with_export = ["import", NAME, "--issues-export", path, "--json"];
    let report = double.run(&data_dir, &with_export).expect(0).report();
    assert_eq!(report["state"], "complete");
    let issues = stage(&report, "issues");
    assert_eq!(
        (&issues["expected"], &issues["stored"]),
        (&json!(2), &json!(2))
    );
    run(bare_command(&data_dir).args(["verify", NAME])).expect(0);
    // And the next time, too.
    double.run(&data_dir, &["import", NAME]).expect(0);
}

#[test]
fn what_is_no_export_or_not_of_one_repository_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let data_dir = folder.path().join("data");
    let file = folder.path().join("export.zip");
    std::fs::write(&file, "PK and nothing else").unwrap();
    let path = file.to_str().unwrap();
    let offline = ["import", NAME, "--offline", "--issues-export", path];
    let said = run(bare_command(&data_dir).args(offline)).expect(2).stderr;
    assert!(said.contains("give the zip as Bitbucket made it"), "{said}");
    for sources in [&["seaside"][..], &[NAME, "seaside/other"]] {
        let ran = run(bare_command(&data_dir)
            .arg("import")
            .args(sources)
            .args(["--issues-export", path]));
        assert!(ran.expect(2).stderr.contains("one repository"));
    }
    run(bare_command(&data_dir).args(["import", NAME, "--offline"])).expect(2);
}
