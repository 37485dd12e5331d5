//! `bucketload verify`, as somebody runs it who wants to know.

use bucketload_simulator::{Mutation, RequestKind, SeedOptions};
use serde_json::Value;

use crate::support::{Double, bare_command, run, small};
use crate::update::execute;

const NAME: &str = "seaside/lighthouse";

fn entry(document: &Value) -> &Value {
    &document["repositories"][0]
}

#[test]
fn an_archive_is_proven_and_a_lost_object_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let double = Double::seeded(small());
    double.run(folder.path(), &["import", NAME]).expect(0);
    let proven = run(bare_command(folder.path()).args(["verify", NAME])).expect(0);
    assert!(
        proven.stdout.starts_with("seaside/lighthouse: proven\n"),
        "{}",
        proven.stdout
    );
    assert!(proven.stdout.contains("last proven"), "{}", proven.stdout);
    let document = run(bare_command(folder.path()).args(["verify", "--json"]))
        .expect(0)
        .json();
    assert_eq!(entry(&document)["state"], "proven");
    assert_eq!(entry(&document)["git"]["is_read"], true);
    let list = run(bare_command(folder.path()).args(["list", "--json"])).expect(0);
    let list = list.json();
    assert_eq!(
        list["repositories"][0]["proven_at"],
        entry(&document)["proven_at"]
    );

    execute(
        &double,
        folder.path(),
        "delete from pull_request_comments where id in (
             select id from pull_request_comments order by id limit 1)",
    );
    let document = run(bare_command(folder.path()).args(["verify", "--json"]))
        .expect(3)
        .json();
    assert_eq!(entry(&document)["state"], "problems");
    let problems = entry(&document)["problems"].as_array().unwrap();
    assert!(
        problems
            .iter()
            .any(|problem| problem["stage"] == "pull_request_comments"
                && problem["kind"] == "missing"),
        "{document}"
    );
    let told = run(bare_command(folder.path()).args(["verify", NAME])).expect(3);
    assert!(
        told.stdout.contains("bucketload import --full"),
        "{}",
        told.stdout
    );
    // And that helps.
    double
        .run(folder.path(), &["import", NAME, "--full"])
        .expect(0);
    run(bare_command(folder.path()).args(["verify", NAME])).expect(0);
}

#[test]
fn what_bitbucket_has_more_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let double = Double::seeded(small());
    double.run(folder.path(), &["import", NAME]).expect(0);
    double.control().reset_log();
    let same = double.run(folder.path(), &["verify", "--online", "--json"]);
    let same = same.expect(0).json();
    assert_eq!(entry(&same)["online"]["behind"], Value::Array(Vec::new()));
    let log = double.control().requests();
    let rest = log.iter().filter(|one| one.kind == RequestKind::Rest);
    assert_eq!(rest.count(), 2);

    let repository = NAME.to_owned();
    let title = "Repaint it".to_owned();
    let mutation = Mutation::AddPullRequest { repository, title };
    double.control().mutate(mutation).unwrap();
    let mutation = Mutation::MoveBranch {
        repository: NAME.to_owned(),
        branch: "new-paint".to_owned(),
        to: "main".to_owned(),
    };
    double.control().mutate(mutation).unwrap();
    let behind = double.run(folder.path(), &["verify", "--online", "--json"]);
    let behind = behind.expect(3).json();
    let differences = entry(&behind)["online"]["behind"].as_array().unwrap();
    let stages: Vec<_> = differences.iter().map(|it| &it["stage"]).collect();
    assert_eq!(stages, ["pull_requests", "git"], "{behind}");
    double.run(folder.path(), &["import", NAME]).expect(0);
    double.run(folder.path(), &["verify", "--online"]).expect(0);

    let repository = NAME.to_owned();
    let mutation = Mutation::RemoveRepository { repository };
    double.control().mutate(mutation).unwrap();
    let gone = double.run(folder.path(), &["verify", "--online"]).expect(0);
    assert!(
        gone.stdout.contains("the archive is what there is"),
        "{}",
        gone.stdout
    );
}

#[test]
fn those_that_were_proven_longest_ago_come_first() {
    let folder = tempfile::tempdir().unwrap();
    let double = Double::seeded(SeedOptions {
        repositories: 2,
        ..small()
    });
    double.run(folder.path(), &["import", "seaside"]).expect(0);
    run(bare_command(folder.path()).args(["verify", NAME])).expect(0);
    let document = run(bare_command(folder.path()).args(["verify", "--json"])).expect(0);
    let document = document.json();
    let order: Vec<_> = document["repositories"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| entry["source"].as_str().unwrap())
        .collect();
    assert_eq!(order.last(), Some(&NAME), "{order:?}");
    let none = run(bare_command(folder.path()).args(["verify", "--max-time", "0s", "--json"]));
    let none = none.expect(0).json();
    assert_eq!(none["repositories"], Value::Array(Vec::new()));
    assert_eq!(none["not_reached"].as_array().unwrap().len(), order.len());
}

#[test]
fn what_cannot_be_meant_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let double = Double::seeded(small());
    run(bare_command(folder.path()).args(["verify"])).expect(1);
    double.run(folder.path(), &["import", NAME]).expect(0);
    let unknown = run(bare_command(folder.path()).args(["verify", "seaside/ferry"])).expect(2);
    assert!(
        unknown.stderr.contains("not in the archive"),
        "{}",
        unknown.stderr
    );
    for wrong in [["--sample", "0%"], ["--max-time", "soon"]] {
        run(bare_command(folder.path()).arg("verify").args(wrong)).expect(2);
    }
}
