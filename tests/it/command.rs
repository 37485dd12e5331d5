//! The surface that scripts rely on.

use bucketload_simulator::{Effect, Fault, SeedOptions};
use serde_json::json;

use crate::support::{Double, bare_command, lines, run, small, stage};

#[test]
fn a_workspace_is_imported_whole_and_each_repository_once() {
    let folder = tempfile::tempdir().unwrap();
    let double = Double::seeded(SeedOptions {
        repositories: 2,
        private_repositories: 1,
        empty_repository: true,
        ..small()
    });
    let ran = double.run(
        folder.path(),
        &[
            "import",
            "seaside",
            "seaside/lighthouse",
            "https://bitbucket.org/seaside/harbour",
            "--json",
        ],
    );
    let json = ran.expect(0).json();
    let reports = json["imports"].as_array().unwrap();
    let mut names: Vec<_> = reports
        .iter()
        .map(|one| one["source"].as_str().unwrap())
        .collect();
    names.sort_unstable();
    assert_eq!(
        names,
        ["seaside/empty", "seaside/harbour", "seaside/lighthouse"]
    );
    // The list of members belongs to the workspace: it is read once.
    let asked: u64 = reports
        .iter()
        .filter_map(|one| one["requests"]["by_endpoint"]["members"].as_u64())
        .sum();
    assert_eq!(asked, 1);
    for report in reports {
        for stage in report["stages"].as_array().unwrap() {
            assert_eq!(stage["missing"], 0, "{report}");
        }
    }

    let list = run(bare_command(folder.path()).args(["list", "--json"]))
        .expect(0)
        .json();
    assert_eq!(list["repositories"].as_array().unwrap().len(), 3);
    let text = run(bare_command(folder.path()).args(["status", "seaside/harbour"]));
    assert!(text.expect(0).stdout.contains("pull_request_comments"));
    let export = folder.path().join("export");
    run(bare_command(folder.path())
        .args(["export", "seaside", "--format", "jsonl", "--output"])
        .arg(&export))
    .expect(0);
    for name in names {
        assert!(export.join(name).join("manifest.json").exists(), "{name}");
    }
}

#[test]
fn a_report_has_the_shape_that_scripts_rely_on() {
    let folder = tempfile::tempdir().unwrap();
    let double = Double::seeded(small());
    let report = double
        .run(folder.path(), &["import", "seaside/lighthouse", "--json"])
        .expect(0)
        .report();
    for key in [
        "id",
        "source",
        "state",
        "requests",
        "stages",
        "gaps",
        "git",
        "started_at",
        "finished_at",
    ] {
        assert!(report.get(key).is_some(), "{key}");
    }
    assert_eq!(report["requests"]["by_endpoint"]["pullrequests"], 1);
    let by_endpoint = report["requests"]["by_endpoint"].as_object().unwrap();
    let sum: u64 = by_endpoint.values().map(|one| one.as_u64().unwrap()).sum();
    assert_eq!(report["requests"]["total"], sum);
    assert!(report["git"]["bytes_received"].as_u64().unwrap() > 0);
    let names: Vec<_> = report["stages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|stage| stage["name"].clone())
        .collect();
    assert_eq!(
        names,
        [
            "repository",
            "git",
            "lfs",
            "wiki",
            "users",
            "pull_requests",
            "pull_request_comments",
            "pull_request_activity",
            "pull_request_tasks",
            "pull_request_statuses",
            "pull_request_diffs",
            "issues",
            "issue_comments",
            "issue_changes",
            "issue_attachments",
            "downloads",
            "images",
            "settings",
            "finish"
        ]
    );
    let pull_requests = stage(&report, "pull_requests");
    assert_eq!(
        (&pull_requests["expected"], &pull_requests["stored"]),
        (&json!(12), &json!(12))
    );
}

#[test]
fn a_dry_run_tells_the_cost_and_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let double = Double::seeded(SeedOptions {
        pull_requests: 120,
        ..small()
    });
    double.control().reset_log();
    let plan = double
        .run(
            folder.path(),
            &["import", "seaside/lighthouse", "--dry-run", "--json"],
        )
        .expect(0)
        .json();
    // The repository, and one small question for each list: pull requests, those with
    // comments, those with tasks, members, downloads; the newest activity, and one discussion
    // to compare with.
    assert_eq!(double.control().requests().len(), 8);
    let plan = &plan["plans"][0];
    assert_eq!(stage(plan, "pull_requests")["objects"], 120);
    assert_eq!(stage(plan, "pull_requests")["requests_max"], 3);
    // What is not known is how long the activity is, whether the members were read
    // already, what the clone will lack, and what there is of settings and of resolved tasks.
    let (min, max) = (
        plan["requests_min"].as_u64().unwrap(),
        plan["requests_max"].as_u64().unwrap(),
    );
    let range = |name: &str| {
        let of = |key: &str| stage(plan, name)[key].as_u64().unwrap();
        of("requests_max") - of("requests_min")
    };
    let open = [
        "pull_request_activity",
        "pull_request_tasks",
        "pull_request_diffs",
        "settings",
    ];
    assert_eq!(max - min, 1 + open.into_iter().map(range).sum::<u64>());
    assert!(!folder.path().join("repositories").exists());
    let report = double
        .run(folder.path(), &["import", "seaside/lighthouse", "--json"])
        .expect(0)
        .report();
    let actual = report["requests"]["total"].as_u64().unwrap();
    assert!(
        (min..=max).contains(&actual),
        "{min} to {max}, and it took {actual}"
    );
}

#[test]
fn stages_can_be_chosen() {
    let folder = tempfile::tempdir().unwrap();
    let double = Double::seeded(small());
    double.control().reset_log();
    let report = double
        .run(
            folder.path(),
            &["import", "seaside/lighthouse", "--only", "git", "--json"],
        )
        .expect(0)
        .report();
    assert_eq!(report["requests"]["total"], 1);
    assert_eq!(stage(&report, "pull_requests")["state"], "skipped");
    // What was left out comes later, and git is up to date already.
    let report = double
        .run(folder.path(), &["import", "seaside/lighthouse", "--json"])
        .expect(0)
        .report();
    assert_eq!(stage(&report, "pull_requests")["stored"], 12);
    assert_eq!(report["git"]["bytes_received"], 0);

    let ran = double.run(folder.path(), &["import", "a/b", "--only", "pull_request"]);
    assert!(
        ran.expect(2)
            .stderr
            .contains("did you mean “pull_requests”?")
    );
    let ran = double.run(folder.path(), &["import", "a/b", "--skip", "finish"]);
    assert!(ran.expect(2).stderr.contains("cannot be skipped"));
}

#[test]
fn json_mode_leaves_standard_output_to_the_document() {
    let folder = tempfile::tempdir().unwrap();
    let double = Double::seeded(small());
    let ran = run(double
        .command(folder.path())
        .env("BUCKETLOAD_LOG", "trace")
        .args(["import", "seaside/lighthouse", "--json", "-vv"]));
    let ran = ran.expect(0);
    assert_eq!(ran.report()["state"], "complete");
    assert!(!ran.stderr.is_empty());
    assert!(
        !ran.stderr.contains(crate::support::TOKEN),
        "the token stands in the log"
    );
}

#[test]
fn the_token_is_nowhere_in_the_archive() {
    let folder = tempfile::tempdir().unwrap();
    let double = Double::seeded(small());
    double
        .run(folder.path(), &["import", "seaside/lighthouse"])
        .expect(0);
    let found = std::process::Command::new("grep")
        .args(["-rl", crate::support::TOKEN])
        .arg(folder.path())
        .output()
        .unwrap();
    assert_eq!(String::from_utf8(found.stdout).unwrap(), "");
}

#[test]
fn the_manifest_proves_every_file() {
    let folder = tempfile::tempdir().unwrap();
    let double = Double::seeded(small());
    let data_dir = folder.path().join("data");
    double
        .run(&data_dir, &["import", "seaside/lighthouse"])
        .expect(0);
    let export =
        crate::support::export(&data_dir, &folder.path().join("out"), "seaside/lighthouse");
    let manifest = std::fs::read_to_string(export.join("manifest.json")).unwrap();
    let manifest: serde_json::Value = serde_json::from_str(&manifest).unwrap();
    let files = manifest["files"].as_object().unwrap();
    assert!(files.contains_key("git.bundle"));
    for (name, file) in files {
        let output = std::process::Command::new("sha256sum")
            .arg(export.join(name))
            .output()
            .unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(text.starts_with(file["sha256"].as_str().unwrap()), "{name}");
        if let Some(objects) = file["objects"].as_u64() {
            assert_eq!(lines(&export.join(name)).len() as u64, objects, "{name}");
        }
    }
    let verified = std::process::Command::new("git")
        .args(["clone", "-q"])
        .arg(export.join("git.bundle"))
        .arg(folder.path().join("clone"))
        .status()
        .unwrap();
    assert!(verified.success());
}

#[test]
fn reading_what_is_not_there() {
    let folder = tempfile::tempdir().unwrap();
    for arguments in [
        &["list"][..],
        &["status"],
        &["export", "a/b", "--format", "jsonl", "--output", "x"],
    ] {
        let ran = run(bare_command(&folder.path().join("nothing")).args(arguments)).expect(1);
        assert!(ran.stderr.contains("there is no archive"), "{}", ran.stderr);
    }
    assert!(!folder.path().join("nothing").exists());
}

#[test]
fn an_announced_removal_is_kept_and_shown() {
    let folder = tempfile::tempdir().unwrap();
    let double = Double::seeded(small());
    let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    double.control().add_fault(Fault::on_path(
        "/members",
        Effect::Answer {
            status: 200,
            headers: vec![
                header("deprecation", "@1771545600"),
                header("sunset", "Fri, 21 Aug 2026 00:00:00 UTC"),
                header(
                    "link",
                    "<https://example.org/#CHANGE-1>; rel=\"deprecation\"",
                ),
            ],
            body: r#"{"values": [], "size": 0}"#.to_owned(),
        },
    ));
    let ran = double
        .run(folder.path(), &["import", "seaside/lighthouse"])
        .expect(0);
    assert!(ran.stderr.contains("announces a removal"), "{}", ran.stderr);
    let shown = run(bare_command(folder.path()).arg("status"))
        .expect(0)
        .stdout;
    assert!(shown.contains("announces to remove “members”"), "{shown}");
    assert!(
        shown.contains("21 Aug 2026") && shown.contains("#CHANGE-1"),
        "{shown}"
    );
}
