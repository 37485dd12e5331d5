//! Whatever is wrong: a clear error or a named gap, nothing lost, no panic.

use bucketload_simulator::{Effect, Fault, Mutation, SeedOptions};
use serde_json::{Value, json};

use crate::support::{Double, Ran, bare_command, run, small, stage};

const NAME: &str = "seaside/lighthouse";

#[track_caller]
fn says(ran: &Ran, parts: &[&str]) {
    for part in parts {
        assert!(
            ran.stderr.contains(part),
            "“{part}” is missing in\n{}",
            ran.stderr
        );
    }
    assert!(!ran.stderr.contains("panicked"), "{}", ran.stderr);
}

/// Imports with a fault and without it again; returns the first.
fn with_fault(fault: Fault, code: i32) -> Ran {
    let folder = tempfile::tempdir().unwrap();
    let double = Double::seeded(small());
    let data_dir = folder.path().join("data");
    double.control().add_fault(fault);
    let ran = double
        .run(&data_dir, &["import", NAME, "--json"])
        .expect(code);
    double.control().clear_faults();
    let again = double.run(&data_dir, &["import", NAME, "--json"]).expect(0);
    let report = again.report();
    assert_eq!(report["state"], "complete");
    assert_eq!(stage(&report, "pull_requests")["stored"], 12);
    ran
}

fn gap<'a>(report: &'a Value, reason: &str) -> &'a Value {
    let gaps = report["gaps"].as_array().unwrap();
    gaps.iter()
        .find(|gap| gap["reason"] == reason)
        .unwrap_or_else(|| panic!("no gap {reason} in {gaps:?}"))
}

#[test]
fn an_unknown_repository() {
    let folder = tempfile::tempdir().unwrap();
    let double = Double::seeded(small());
    let ran = double
        .run(folder.path(), &["import", "seaside/nowhere"])
        .expect(1);
    says(&ran, &["seaside/nowhere", "404", "check the name"]);
}

#[test]
fn a_private_repository_without_a_credential() {
    let folder = tempfile::tempdir().unwrap();
    let double = Double::seeded(SeedOptions {
        private_repositories: 1,
        ..small()
    });
    let ran = run(double
        .command(folder.path())
        .env_remove("BUCKETLOAD_BITBUCKET_TOKEN")
        .args(["import", NAME]));
    says(&ran.expect(1), &["private", "BUCKETLOAD_BITBUCKET_TOKEN"]);
    double.run(folder.path(), &["import", NAME]).expect(0);
}

#[test]
fn a_public_repository_needs_no_credential() {
    let folder = tempfile::tempdir().unwrap();
    let double = Double::seeded(small());
    let ran = run(double
        .command(folder.path())
        .env_remove("BUCKETLOAD_BITBUCKET_TOKEN")
        .args(["import", NAME, "--json"]));
    let report = ran.expect(0).report();
    assert_eq!(report["state"], "complete");
    assert_eq!(stage(&report, "users")["expected"], Value::Null);
}

#[test]
fn a_personal_api_token_is_for_rest_and_git() {
    let folder = tempfile::tempdir().unwrap();
    let double = Double::seeded(SeedOptions {
        private_repositories: 1,
        ..small()
    });
    let ran = run(double
        .command(folder.path())
        .env_remove("BUCKETLOAD_BITBUCKET_TOKEN")
        .env("BUCKETLOAD_BITBUCKET_EMAIL", "ada@example.com")
        .env("BUCKETLOAD_BITBUCKET_API_TOKEN", "simulator-api-token")
        .args(["import", NAME, "--json"]));
    assert_eq!(ran.expect(0).report()["state"], "complete");
}

#[test]
fn a_wrong_token() {
    let folder = tempfile::tempdir().unwrap();
    let double = Double::seeded(small());
    let ran = run(double
        .command(folder.path())
        .env("BUCKETLOAD_BITBUCKET_TOKEN", "s3cret-and-wrong")
        .args(["import", NAME, "-vv"]));
    let ran = ran.expect(4);
    says(&ran, &["refuses the access token", "make a new one"]);
    assert!(
        !ran.stderr.contains("s3cret"),
        "the token stands in the log"
    );
}

#[test]
fn a_token_without_the_scope() {
    let folder = tempfile::tempdir().unwrap();
    let double = Double::seeded(small());
    let import = |token: &str| {
        run(double
            .command(&folder.path().join(token))
            .env("BUCKETLOAD_BITBUCKET_TOKEN", token)
            .args(["import", NAME, "--json"]))
    };
    let ran = import("simulator-no-scopes").expect(4);
    says(&ran, &["the scope “repository”"]);

    // The repository may be read with this one, its pull requests may not.
    let report = import("simulator-repository-only").expect(3).report();
    assert_eq!(report["state"], "complete_with_gaps");
    assert_eq!(stage(&report, "git")["state"], "complete");
    let gaps = report["gaps"].as_array().unwrap();
    let gap = gaps
        .iter()
        .find(|gap| gap["stage"] == "pull_requests")
        .unwrap();
    assert_eq!(gap["reason"], "not_permitted");
    assert!(
        gap["detail"].as_str().unwrap().contains("pullrequest"),
        "{gap}"
    );
}

#[test]
fn an_empty_repository_is_no_error() {
    let folder = tempfile::tempdir().unwrap();
    let double = Double::seeded(SeedOptions {
        empty_repository: true,
        ..small()
    });
    let report = double
        .run(folder.path(), &["import", "seaside/empty", "--json"])
        .expect(0)
        .report();
    assert_eq!(report["state"], "complete");
    assert_eq!(report["git"]["refs"], 0);
    crate::support::export(
        folder.path(),
        &folder.path().join("export"),
        "seaside/empty",
    );
}

#[test]
fn what_is_no_bitbucket_repository() {
    let folder = tempfile::tempdir().unwrap();
    for (source, part) in [
        ("https://github.com/a/b", "not on bitbucket.org"),
        ("a/b/c", "names no repository"),
        ("../../etc", "names no repository"),
        ("https://sam:s3cret@example.org/a/b", "not on bitbucket.org"),
    ] {
        let ran = run(bare_command(folder.path()).args(["import", source])).expect(2);
        says(&ran, &[part, "bitbucket.org address"]);
        assert!(!ran.stderr.contains("s3cret"));
    }
}

#[test]
fn a_repository_that_is_not_in_git() {
    let folder = tempfile::tempdir().unwrap();
    let double = Double::seeded(small());
    let mutation = Mutation::SetScm {
        repository: NAME.to_owned(),
        scm: "hg".to_owned(),
    };
    double.control().mutate(mutation).unwrap();
    let report = double
        .run(folder.path(), &["import", NAME, "--json"])
        .expect(3)
        .report();
    assert_eq!(gap(&report, "unsupported_scm")["stage"], "git");
    assert_eq!(stage(&report, "pull_requests")["state"], "complete");
}

#[test]
fn a_database_of_a_newer_version() {
    let folder = tempfile::tempdir().unwrap();
    let double = Double::seeded(small());
    double.run(folder.path(), &["import", NAME]).expect(0);
    double.runtime.block_on(async {
        let options =
            sqlx::sqlite::SqliteConnectOptions::new().filename(folder.path().join("bucketload.db"));
        let pool = sqlx::SqlitePool::connect_with(options).await.unwrap();
        sqlx::query(
            "insert into _sqlx_migrations (version, description, success, checksum, execution_time)
             values (9999, 'from the future', 1, x'00', 0)",
        )
        .execute(&pool)
        .await
        .unwrap();
        pool.close().await;
    });
    for command in [&["import", NAME][..], &["list"], &["status"]] {
        says(
            &double.run(folder.path(), command).expect(1),
            &["newer bucketload", "9999"],
        );
    }
}

#[test]
fn a_repository_that_is_being_imported() {
    let folder = tempfile::tempdir().unwrap();
    let double = Double::seeded(small());
    double
        .control()
        .add_fault(Fault::on_path("/pullrequests", Effect::Hang));
    let mut first = double
        .command(folder.path())
        .args(["import", NAME])
        .stderr(std::process::Stdio::null())
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap();
    double
        .runtime
        .block_on(double.control().wait_for_request(2));
    let ran = double.run(folder.path(), &["import", NAME]).expect(1);
    says(
        &ran,
        &["is being imported by process", &first.id().to_string()],
    );
    // Looking is always allowed.
    let status = double.run(folder.path(), &["status", "--json"]).expect(0);
    assert_eq!(status.report()["state"], "running");
    first.kill().unwrap();
    first.wait().unwrap();
    let status = double.run(folder.path(), &["status", "--json"]).expect(0);
    assert_eq!(status.report()["state"], "cancelled");
}

#[test]
fn a_body_that_is_no_json() {
    let ran = with_fault(
        Fault::on_path("/pullrequests?", Effect::NotJson).times(20),
        1,
    );
    says(&ran, &["not JSON", "run the same command again"]);
    assert_eq!(ran.report()["state"], "failed");
    // Passing trouble is not even noticed.
    with_fault(
        Fault::on_path("/pullrequests?", Effect::NotJson).times(1),
        0,
    );
    with_fault(Fault::on_path("/comments", Effect::Truncate).times(1), 0);
    with_fault(
        Fault::on_path("/pullrequests", Effect::Html { status: 502 }).times(2),
        0,
    );
}

#[test]
fn json_with_a_missing_or_unexpected_field() {
    // An object without its id is a gap, and costs nobody the others.
    for effect in [
        Effect::RemoveField {
            field: "values[2].id".to_owned(),
        },
        Effect::ReplaceField {
            field: "values[2].id".to_owned(),
            value: json!("seven"),
        },
    ] {
        let ran = with_fault(Fault::on_path("/pullrequests?", effect), 3);
        let report = ran.report();
        assert_eq!(report["state"], "complete_with_gaps");
        let gap = gap(&report, "unreadable");
        assert!(gap["detail"].as_str().unwrap().contains("id"), "{gap}");
        let stage = stage(&report, "pull_requests");
        assert_eq!(
            (&stage["stored"], &stage["missing"]),
            (&json!(11), &json!(1))
        );
    }
    // A field that only sorts is not worth a gap.
    let odd = Effect::ReplaceField {
        field: "values[2].title".to_owned(),
        value: json!({ "not": "a text" }),
    };
    with_fault(Fault::on_path("/pullrequests?", odd), 0);
    let ran = with_fault(
        Fault::on_path(
            "/pullrequests?",
            Effect::RemoveField {
                field: "values".to_owned(),
            },
        ),
        1,
    );
    says(&ran, &["values"]);
}

#[test]
fn a_next_that_points_to_another_host() {
    let foreign = Effect::ForeignNext {
        host: "attacker.example".to_owned(),
    };
    let folder = tempfile::tempdir().unwrap();
    let double = Double::seeded(SeedOptions {
        pull_requests: 60,
        ..small()
    });
    let data_dir = folder.path().join("data");
    let control = double.control();
    control.add_fault(Fault::on_path("/pullrequests?", foreign));
    let ran = double.run(&data_dir, &["import", NAME, "--json"]).expect(1);
    says(&ran, &["another host", "nothing was sent there"]);
    assert_eq!(ran.report()["state"], "failed");
    control.clear_faults();
    let report = double
        .run(&data_dir, &["import", NAME, "--json"])
        .expect(0)
        .report();
    assert_eq!(stage(&report, "pull_requests")["stored"], 60);
}

#[test]
fn discussions_that_cannot_be_read_are_named_one_by_one() {
    let forbidden = Effect::Answer {
        status: 403,
        headers: Vec::new(),
        body: r#"{"type":"error","error":{"message":"Forbidden"}}"#.to_owned(),
    };
    // The first one is asked for to compare it with the activity, and once more as a
    // discussion to read.
    let ran = with_fault(
        Fault::on_path("*/pullrequests/*/comments*", forbidden).times(3),
        3,
    );
    let report = ran.report();
    let gaps = report["gaps"].as_array().unwrap();
    assert_eq!(gaps.len(), 2);
    for gap in gaps {
        assert_eq!(gap["reason"], "not_permitted");
        assert!(
            gap["object"]
                .as_str()
                .unwrap()
                .starts_with("comments of pull request #")
        );
        assert!(gap["url"].as_str().unwrap().contains("/comments"));
    }
    let stage = stage(&report, "pull_request_comments");
    let number = |key: &str| stage[key].as_u64().unwrap();
    assert_eq!(number("expected"), number("stored") + number("missing"));
    assert!(number("missing") > 0);
}

#[test]
fn a_server_that_is_not_there() {
    let folder = tempfile::tempdir().unwrap();
    let double = Double::seeded(small());
    let ran = run(double
        .command(folder.path())
        .env("BUCKETLOAD_BITBUCKET_API_URL", "http://127.0.0.1:9/2.0")
        .args(["import", NAME]));
    says(
        &ran.expect(1),
        &["cannot reach Bitbucket", "check the network"],
    );
}

#[test]
fn plain_http_elsewhere_and_wrong_settings() {
    let folder = tempfile::tempdir().unwrap();
    for (name, value, part) in [
        (
            "BUCKETLOAD_BITBUCKET_API_URL",
            "http://api.example.org/2.0",
            "not encrypted",
        ),
        (
            "BUCKETLOAD_BITBUCKET_WEB_URL",
            "http://example.org",
            "not encrypted",
        ),
        ("BUCKETLOAD_REST_QUOTA", "many", "BUCKETLOAD_REST_QUOTA"),
        (
            "BUCKETLOAD_DATABASE_URL",
            "postgres://x",
            "names no database",
        ),
        ("BUCKETLOAD_BITBUCKET_TOKEN", "two\nlines", "line break"),
    ] {
        let ran = run(bare_command(folder.path())
            .env(name, value)
            .args(["import", NAME]));
        says(&ran.expect(2), &[part, "what to do"]);
    }
}
