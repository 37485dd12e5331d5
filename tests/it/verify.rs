//! `bucketload verify`, as somebody runs it who wants to know.

use std::path::Path;

use bucketload_simulator::{Effect, Fault, IssueTracker, Mutation, RequestKind, SeedOptions};
use serde_json::{Value, json};

use crate::support::{Double, bare_command, run, small};
use crate::update::execute;

const NAME: &str = "seaside/lighthouse";

fn entry(document: &Value) -> &Value {
    &document["repositories"][0]
}

#[test]
fn what_no_import_brought_to_an_end_is_not_called_proven() {
    let folder = tempfile::tempdir().unwrap();
    let double = Double::seeded(small());
    let verify = |code| {
        let document = run(bare_command(folder.path()).args(["verify", "--json"]));
        let document = document.expect(code).json();
        entry(&document)["state"].clone()
    };
    let fault = Fault::on_path("/pullrequests?", Effect::NotJson);
    double.control().add_fault(fault.times(20));
    double.run(folder.path(), &["import", NAME]).expect(1);
    assert_eq!(verify(3), "incomplete");
    let said = run(bare_command(folder.path()).arg("verify")).expect(3);
    assert!(said.stdout.contains("not all is there"), "{}", said.stdout);
    double.control().clear_faults();
    double.run(folder.path(), &["import", NAME]).expect(0);
    assert_eq!(verify(0), "proven");
    // A later one that waits takes nothing away.
    double
        .run(folder.path(), &["import", NAME, "--queue"])
        .expect(0);
    assert_eq!(verify(0), "proven");
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

/// What `verify --online` finds: stages and how many objects.
fn behind(double: &Double, folder: &Path, more: &[&str]) -> Vec<(String, u64)> {
    let arguments = [&["verify", "--online", "--json"], more].concat();
    let ran = double.run(folder, &arguments);
    let document = ran.json();
    let differences = entry(&document)["online"]["behind"].as_array().unwrap();
    let differences = differences.iter().map(|it| {
        let stage = it["stage"].as_str().unwrap().to_owned();
        (stage, it["objects"].as_u64().unwrap())
    });
    let differences: Vec<_> = differences.collect();
    ran.expect(if differences.is_empty() { 0 } else { 3 });
    differences
}

fn owned(found: &[(&str, u64)]) -> Vec<(String, u64)> {
    let found = found
        .iter()
        .map(|(stage, count)| ((*stage).to_owned(), *count));
    found.collect()
}

fn asked(double: &Double) -> usize {
    let log = double.control().requests();
    log.iter()
        .filter(|one| one.kind == RequestKind::Rest)
        .count()
}

#[test]
fn what_bitbucket_has_more_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let double = Double::seeded(SeedOptions {
        issue_tracker: IssueTracker::Answers,
        ..small()
    });
    double.run(folder.path(), &["import", NAME]).expect(0);
    double.control().reset_log();
    assert_eq!(behind(&double, folder.path(), &[]), []);
    // The repository, pull requests, issues by their number and what changed, downloads.
    assert_eq!(asked(&double), 5);

    let mutate = |mutation| double.control().mutate(mutation).unwrap();
    let repository = || NAME.to_owned();
    mutate(Mutation::AddComment {
        repository: repository(),
        pull_request: 3,
        text: "And the railing".to_owned(),
    });
    mutate(Mutation::AddIssueComment {
        repository: repository(),
        issue: 1,
        text: "It still leaks".to_owned(),
    });
    assert_eq!(
        behind(&double, folder.path(), &[]),
        owned(&[
            ("pull_requests", 1),
            ("pull_request_comments", 1),
            ("issues", 1)
        ])
    );
    double.run(folder.path(), &["import", NAME]).expect(0);
    assert_eq!(behind(&double, folder.path(), &[]), []);

    mutate(Mutation::AddIssue {
        repository: repository(),
        title: "It leaks".to_owned(),
    });
    mutate(Mutation::MoveBranch {
        repository: repository(),
        branch: "new-paint".to_owned(),
        to: "main".to_owned(),
    });
    // Of the downloads one is lost here, and one is not the one that Bitbucket has.
    let lost = "delete from objects where kind = 'downloads' and entry_key in (
        select min(entry_key) from objects where kind = 'downloads')";
    execute(&double, folder.path(), lost);
    let other = "update objects set source = replace(source, '\"size\":', '\"size\":1')
        where kind = 'downloads' and entry_key in (
            select min(entry_key) from objects where kind = 'downloads')";
    execute(&double, folder.path(), other);
    assert_eq!(
        behind(&double, folder.path(), &[]),
        owned(&[("issues", 1), ("downloads", 2), ("git", 1)])
    );
    double
        .run(folder.path(), &["import", NAME, "--full"])
        .expect(0);
    assert_eq!(behind(&double, folder.path(), &[]), []);

    mutate(Mutation::RemoveRepository {
        repository: repository(),
    });
    let gone = double.run(folder.path(), &["verify", "--online"]).expect(0);
    assert!(
        gone.stdout.contains("the archive is what there is"),
        "{}",
        gone.stdout
    );
}

/// Whoever left a stage out is not told of it; whoever may not see a list is.
#[test]
fn what_was_left_out_is_not_compared_and_what_is_refused_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let double = Double::seeded(small());
    let only = ["import", NAME, "--only", "pull_requests"];
    double.run(folder.path(), &only).expect(0);
    let mutation = Mutation::AddComment {
        repository: NAME.to_owned(),
        pull_request: 3,
        text: "And the railing".to_owned(),
    };
    double.control().mutate(mutation).unwrap();
    double.control().reset_log();
    assert_eq!(
        behind(&double, folder.path(), &[]),
        owned(&[("pull_requests", 1)])
    );
    assert_eq!(asked(&double), 2);

    double.run(folder.path(), &["import", NAME]).expect(0);
    let refusal = Effect::Answer {
        status: 403,
        headers: Vec::new(),
        body: String::new(),
    };
    let path = format!("/2.0/repositories/{NAME}/downloads");
    double.control().add_fault(Fault::on_path(&path, refusal));
    let ran = double.run(folder.path(), &["verify", "--online"]).expect(0);
    assert!(
        ran.stdout.contains("not compared: downloads: "),
        "{}",
        ran.stdout
    );
}

#[test]
fn of_a_long_list_a_part_is_read_and_what_changed() {
    let folder = tempfile::tempdir().unwrap();
    let double = Double::seeded(SeedOptions {
        pull_requests: 520,
        ..small()
    });
    let only = ["import", NAME, "--only", "pull_requests,git"];
    double.run(folder.path(), &only).expect(0);
    let edit = |id| {
        let fields = json!({ "title": "Repaint it" });
        let mutation = Mutation::EditPullRequest {
            repository: NAME.to_owned(),
            id,
            fields: fields.as_object().unwrap().clone(),
        };
        double.control().mutate(mutation).unwrap();
    };
    for id in [7, 300] {
        edit(id);
    }
    // Nobody would look for it, but for the number.
    let lost = "delete from pull_requests where id = 400";
    execute(&double, folder.path(), lost);
    double.control().reset_log();
    let sample = ["--sample", "1%"];
    let found = behind(&double, folder.path(), &sample);
    assert_eq!(found, owned(&[("pull_requests", 3)]));
    // The repository, the number, what changed, and one page.
    assert_eq!(asked(&double), 4);

    double.control().reset_log();
    let ran = double.run(folder.path(), &["verify", "--online"]).expect(3);
    assert!(
        ran.stdout.contains("of 520 pull requests\n") && ran.stdout.contains("compared one by one"),
        "{}",
        ran.stdout
    );
    // Ten pages, or what is left from where the day begins.
    let asked = asked(&double);
    assert!(asked == 4 || asked == 13, "{asked} requests");
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
