//! `bucketload doctor`: every finding with its remedy, and exit codes.

use std::path::Path;
use std::process::{Command, Stdio};

use bucketload_simulator::{
    Announcement, Credential, CredentialKind, Effect, Fault, IssueTracker, Mutation, RateLimit,
    RetryHint, SeedOptions,
};
use serde_json::Value;

use crate::support::{Double, Ran, bare_command, run, small};
use crate::update::{PAGE_BYTES, begin_of_table};

/// The check of a name in the JSON document.
#[track_caller]
fn check(ran: &Ran, name: &str) -> Value {
    let mut json = ran.json();
    let checks = json["checks"].as_array_mut().unwrap();
    let found = checks.iter_mut().find(|one| one["check"] == name);
    found
        .unwrap_or_else(|| panic!("no check {name}:\n{}", ran.stdout))
        .take()
}

/// State and text of a check.
#[track_caller]
fn state(ran: &Ran, name: &str) -> (String, String) {
    let check = check(ran, name);
    let text = |field: &str| check[field].as_str().unwrap().to_owned();
    (text("state"), text("finding"))
}

/// The command for people, with a token.
fn with_token(double: &Double, folder: &Path, token: &str, arguments: &[&str]) -> Command {
    let mut command = double.command(folder);
    command
        .env("BUCKETLOAD_BITBUCKET_TOKEN", token)
        .env("BUCKETLOAD_REST_QUOTA", "1000")
        .arg("doctor")
        .args(arguments);
    command
}

/// What it says, without what differs between machines and runs.
fn shown(ran: &Ran, double: &Double, folder: &Path) -> String {
    let mut text = ran.stdout.clone();
    for (from, to) in [
        (double.web_url(), "[simulator]"),
        (folder.to_str().unwrap().to_owned(), "[folder]"),
    ] {
        text = text.replace(&from, to);
    }
    let lines = text.lines().map(|line| match line.find(" GiB free") {
        Some(_) => "ok    disk space          [space] free".to_owned(),
        None if line.starts_with("ok    database") && line.contains("schema") => {
            "ok    database            undamaged, schema [version]".to_owned()
        }
        None if line.starts_with("ok    git ") => {
            "ok    git                 git [version]".to_owned()
        }
        None => line.to_owned(),
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn all_is_well_before_and_after_the_first_import() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let double = Double::seeded(small());
    let before = run(&mut with_token(
        &double,
        &data,
        "simulator-full-access",
        &[],
    ))
    .expect(0);
    assert!(!data.exists(), "looking makes nothing");
    double
        .run(&data, &["import", "seaside/lighthouse", "--skip", "git"])
        .expect(0);
    double.control().reset_log();
    let mut command = with_token(&double, &data, "simulator-full-access", &["--json"]);
    let ran = run(&mut command).expect(0);
    let asked = double.control().requests().len();
    assert!(asked <= 10, "{asked} requests");
    assert_eq!(ran.json()["state"], "ok");
    let (state, text) = state(&ran, "quota");
    assert_eq!(state, "ok");
    // The import was without a limit of its own and so without an account.
    assert_eq!(text, format!("{asked} of 1000 requests used"));
    assert!(state_is(&ran, "database", "ok"));
    let after = run(&mut with_token(
        &double,
        &data,
        "simulator-full-access",
        &["seaside"],
    ));
    insta::assert_snapshot!(format!(
        "{}\n\n--- after an import, on a workspace\n{}",
        shown(&before, &double, folder.path()),
        shown(&after.expect(0), &double, folder.path())
    ));
}

#[track_caller]
fn state_is(ran: &Ran, name: &str, wanted: &str) -> bool {
    state(ran, name).0 == wanted
}

#[test]
fn a_wrong_token_is_told_from_one_without_an_account() {
    let folder = tempfile::tempdir().unwrap();
    let double = Double::seeded(small());
    let ran = run(&mut with_token(
        &double,
        folder.path(),
        "nobody-knows-it",
        &[],
    ))
    .expect(4);
    let on_a_repository = ["seaside/lighthouse"];
    let mut command = with_token(&double, folder.path(), "nobody-knows-it", &on_a_repository);
    let certain = run(&mut command).expect(4);
    insta::assert_snapshot!(format!(
        "{}\n\n--- on a repository\n{}",
        shown(&ran, &double, folder.path()),
        shown(&certain, &double, folder.path())
    ));
    let mut command = with_token(
        &double,
        folder.path(),
        "simulator-access-token",
        &on_a_repository,
    );
    let ran = run(command.arg("--json")).expect(0);
    let (state, text) = state(&ran, "credential");
    assert_eq!(state, "ok");
    assert!(text.contains("repository, project or workspace"), "{text}");
}

#[test]
fn a_missing_scope_is_named_with_what_an_import_lacks() {
    let folder = tempfile::tempdir().unwrap();
    let double = Double::seeded(small());
    let repository = ["seaside/lighthouse"];
    let mut command = with_token(
        &double,
        folder.path(),
        "simulator-repository-only",
        &repository,
    );
    let ran = run(&mut command).expect(4);
    insta::assert_snapshot!(shown(&ran, &double, folder.path()));
    // Without members an import is whole but for their list.
    double.control().add_credential(
        Credential::new("no-account", CredentialKind::AccessToken).with_scopes(&["pullrequest"]),
    );
    let mut command = with_token(&double, folder.path(), "no-account", &repository);
    let ran = run(command.arg("--json")).expect(0);
    assert!(state_is(&ran, "pull_requests", "ok"));
    let members = check(&ran, "members");
    assert_eq!(members["state"], "warning");
    let remedy = members["remedy"].as_str().unwrap();
    assert!(
        remedy.contains("“account”") && remedy.contains("read:workspace:bitbucket"),
        "{remedy}"
    );
    let mut command = with_token(&double, folder.path(), "simulator-no-scopes", &repository);
    let ran = run(command.arg("--json")).expect(4);
    assert!(state_is(&ran, "repository", "not_authorised"));
}

/// Settings and issues: which will be gaps, and which scope would bring them.
#[test]
fn what_will_be_a_gap_is_told_with_the_scope_that_it_takes() {
    let folder = tempfile::tempdir().unwrap();
    let double = Double::seeded(SeedOptions {
        issue_tracker: IssueTracker::Answers,
        ..small()
    });
    let arguments = ["seaside/lighthouse", "--json"];
    let mut command = with_token(&double, folder.path(), "simulator-plain-import", &arguments);
    let ran = run(&mut command).expect(0);
    assert!(state_is(&ran, "project", "ok"));
    for (name, lack, scopes) in [
        (
            "issues",
            "issue_attachments",
            ["“issue”", "“read:issue:bitbucket”"],
        ),
        (
            "webhooks",
            "gaps: webhooks",
            ["“webhook”", "“read:webhook:bitbucket”"],
        ),
        (
            "administration",
            "deploy keys",
            ["“repository:admin”", "“admin:repository:bitbucket”"],
        ),
        (
            "pipelines",
            "pipeline variables",
            ["“pipeline”", "“read:pipeline:bitbucket”"],
        ),
    ] {
        let (state, text) = state(&ran, name);
        assert_eq!(state, "warning", "{name}");
        assert!(
            text.contains("lacks the scope") && text.contains(lack),
            "{text}"
        );
        let check = check(&ran, name);
        let remedy = check["remedy"].as_str().unwrap();
        assert!(
            scopes.iter().all(|scope| remedy.contains(scope)),
            "{remedy}"
        );
        assert_eq!(remedy.contains("--skip settings"), name != "issues");
    }
    // What the doctor foretells is what an import names.
    let mut command = double.command(folder.path());
    command
        .env("BUCKETLOAD_BITBUCKET_TOKEN", "simulator-plain-import")
        .args([
            "import",
            "seaside/lighthouse",
            "--only",
            "issues,settings",
            "--json",
        ]);
    let report = run(&mut command).expect(3).report();
    let gaps: Vec<&str> = report["gaps"]
        .as_array()
        .unwrap()
        .iter()
        .map(|gap| gap["object"].as_str().unwrap())
        .collect();
    for object in [
        "settings/webhooks",
        "settings/deploy_keys",
        "settings/environments",
    ] {
        assert!(gaps.contains(&object), "{object} is not among {gaps:?}");
    }

    // A tracker that Bitbucket removed is no fault of the credential.
    let repository = "seaside/lighthouse".to_owned();
    let mutation = Mutation::RemoveIssueTracker { repository };
    double.control().mutate(mutation).unwrap();
    let mut command = with_token(&double, folder.path(), "simulator-full-access", &arguments);
    let ran = run(&mut command).expect(0);
    let (state, text) = state(&ran, "issues");
    assert_eq!(state, "skipped");
    assert!(text.contains("none to try it on"), "{text}");
}

#[test]
fn an_api_token_and_nobody_at_all() {
    let folder = tempfile::tempdir().unwrap();
    let double = Double::seeded(small());
    let mut command = double.command(folder.path());
    command.env_remove("BUCKETLOAD_BITBUCKET_TOKEN").args([
        "doctor",
        "--workspace",
        "seaside",
        "--json",
    ]);
    let ran = run(&mut command).expect(0);
    let (state, text) = state(&ran, "credential");
    assert_eq!(state, "warning");
    assert!(text.contains("60 requests"), "{text}");
    assert!(state_is(&ran, "pull_requests", "ok"));
    command
        .env("BUCKETLOAD_BITBUCKET_EMAIL", "ada@example.com")
        .env("BUCKETLOAD_BITBUCKET_API_TOKEN", "simulator-api-token");
    assert_eq!(run(&mut command).expect(0).json()["state"], "ok");
    let refused = run(command.env("BUCKETLOAD_BITBUCKET_API_TOKEN", "wrong")).expect(4);
    assert!(state_is(&refused, "credential", "not_authorised"));
    assert!(!refused.stdout.contains("“wrong”"));
}

#[test]
fn an_app_password_is_known_and_never_sent() {
    let folder = tempfile::tempdir().unwrap();
    let double = Double::seeded(small());
    let ran = run(&mut with_token(&double, folder.path(), "ATBBsecret", &[])).expect(4);
    assert!(
        ran.stdout.contains("removed app passwords on 2026-07-28"),
        "{}",
        ran.stdout
    );
    assert!(!ran.stdout.contains("ATBBsecret"));
    let mut command = double.command(folder.path());
    command
        .env_remove("BUCKETLOAD_BITBUCKET_TOKEN")
        .env("BUCKETLOAD_BITBUCKET_EMAIL", "ada")
        .env("BUCKETLOAD_BITBUCKET_API_TOKEN", "secret")
        .arg("doctor");
    let ran = run(&mut command).expect(4);
    assert!(
        ran.stdout.contains("an app password is set"),
        "{}",
        ran.stdout
    );
    assert_eq!(double.control().requests().len(), 0);
}

#[test]
fn an_api_that_does_not_answer_is_no_fault_of_the_credential() {
    let folder = tempfile::tempdir().unwrap();
    let double = Double::seeded(small());
    let mut command = with_token(&double, folder.path(), "simulator-full-access", &[]);
    // Nobody listens on the discard port.
    let ran = run(command.env("BUCKETLOAD_BITBUCKET_API_URL", "http://127.0.0.1:9/2.0")).expect(1);
    insta::assert_snapshot!(shown(&ran, &double, folder.path()));
    double
        .control()
        .add_fault(Fault::on_path("/2.0/user", Effect::Html { status: 503 }));
    let mut command = with_token(&double, folder.path(), "simulator-full-access", &["--json"]);
    let ran = run(&mut command).expect(1);
    assert!(state_is(&ran, "bitbucket", "failed"));
    // Another path of the same host is no API.
    command.env(
        "BUCKETLOAD_BITBUCKET_API_URL",
        format!("{}/rest", double.web_url()),
    );
    let (state, text) = state(&run(&mut command).expect(1), "bitbucket");
    assert_eq!(state, "failed");
    assert!(text.contains("no Bitbucket API"), "{text}");
}

#[test]
fn a_clock_that_is_wrong() {
    let folder = tempfile::tempdir().unwrap();
    let double = Double::seeded(small());
    let long_ago = (
        "date".to_owned(),
        "Tue, 24 Nov 2020 12:00:00 GMT".to_owned(),
    );
    let answer = Effect::Answer {
        status: 401,
        headers: vec![long_ago],
        body: String::new(),
    };
    double
        .control()
        .add_fault(Fault::on_path("/2.0/user", answer));
    let mut command = with_token(&double, folder.path(), "simulator-full-access", &["--json"]);
    let (state, text) = state(&run(&mut command).expect(4), "clock");
    assert_eq!(state, "warning");
    assert!(text.ends_with("seconds ahead of Bitbucket's"), "{text}");
}

#[test]
fn settings_that_cannot_be_used_are_a_finding() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("bucketload.toml");
    std::fs::write(&file, "datadir = \"x\"\n").unwrap();
    let mut command = bare_command(folder.path());
    command.arg("doctor").arg("--config").arg(&file);
    let ran = run(&mut command).expect(1);
    assert!(
        ran.stdout.starts_with("FAIL  configuration "),
        "{}",
        ran.stdout
    );
    assert!(
        ran.stdout.contains("did you mean “data_dir”?"),
        "{}",
        ran.stdout
    );
    let mut command = bare_command(folder.path());
    command
        .env(
            "BUCKETLOAD_BITBUCKET_API_URL",
            "http://bitbucket.example/2.0",
        )
        .args(["doctor", "--json"]);
    let ran = run(&mut command).expect(1);
    let (state, text) = state(&ran, "addresses");
    assert_eq!(state, "failed");
    assert!(text.contains("not encrypted"), "{text}");
    assert!(state_is(&ran, "bitbucket", "skipped"));
}

#[test]
#[cfg(target_os = "linux")]
fn a_folder_that_cannot_be_written() {
    let double = Double::seeded(small());
    // Not even the administrator makes files there.
    let proc = Path::new("/proc");
    let mut command = with_token(&double, proc, "simulator-full-access", &["--json"]);
    let ran = run(&mut command).expect(1);
    let found = check(&ran, "data_directory");
    assert_eq!(found["state"], "failed");
    assert!(found["remedy"].as_str().unwrap().contains("--data-dir"));
}

#[test]
fn a_disk_that_is_nearly_full() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("small-disk");
    std::fs::create_dir(&data).unwrap();
    let mounted = Command::new("mount")
        .args(["-t", "tmpfs", "-o", "size=1m", "none"])
        .arg(&data)
        .stderr(Stdio::null())
        .status();
    if !mounted.is_ok_and(|status| status.success()) {
        eprintln!("skipped: a small disk cannot be mounted here");
        return;
    }
    let double = Double::seeded(small());
    let mut command = with_token(&double, &data, "simulator-full-access", &["--json"]);
    let ran = run(&mut command);
    let unmounted = Command::new("umount").arg(&data).status();
    let (state, text) = state(&ran.expect(1), "disk_space");
    assert!(unmounted.unwrap().success());
    assert_eq!((state.as_str(), text.as_str()), ("failed", "1.0 MiB free"));
}

#[test]
fn a_damaged_database() {
    let folder = tempfile::tempdir().unwrap();
    let double = Double::seeded(small());
    double
        .run(
            folder.path(),
            &["import", "seaside/lighthouse", "--skip", "git,settings"],
        )
        .expect(0);
    let database = folder.path().join("bucketload.db");
    let doctor = |expected: i32| {
        let arguments = ["--json"];
        let mut command = with_token(&double, folder.path(), "simulator-full-access", &arguments);
        run(&mut command).expect(expected)
    };
    // The first page of a table that nothing reads which only opens the database.
    let begin = begin_of_table(&double, folder.path(), "pull_request_comments");
    let mut damaged = std::fs::read(&database).unwrap();
    damaged[begin..begin + PAGE_BYTES].fill(0x55);
    std::fs::write(&database, damaged).unwrap();
    let (state_of, text) = state(&doctor(1), "database");
    assert_eq!(state_of, "failed");
    assert!(text.starts_with("damaged: "), "{text}");
    std::fs::write(
        &database,
        "no database at all, but long enough to be looked at",
    )
    .unwrap();
    assert!(state_is(&doctor(1), "database", "failed"));
}

#[test]
fn announced_removals_are_told_once_with_date_and_link() {
    let folder = tempfile::tempdir().unwrap();
    let double = Double::seeded(small());
    let list = "/repositories/{workspace}/{repo_slug}/pullrequests";
    double.control().announce(Announcement::of(list));
    let ran = run(&mut with_token(
        &double,
        folder.path(),
        "simulator-full-access",
        &[],
    ))
    .expect(0);
    insta::assert_snapshot!(shown(&ran, &double, folder.path()));
    // An import keeps it; the doctor meets it again, and tells it once.
    double
        .run(
            folder.path(),
            &["import", "seaside/lighthouse", "--skip", "git"],
        )
        .expect(0);
    let ran = run(&mut with_token(
        &double,
        folder.path(),
        "simulator-full-access",
        &[],
    ))
    .expect(0);
    assert_eq!(
        ran.stdout.matches("is going to be removed").count(),
        1,
        "{}",
        ran.stdout
    );
}

#[test]
fn a_stop_after_a_refusal_is_shown_with_its_end() {
    let folder = tempfile::tempdir().unwrap();
    let double = Double::seeded(small());
    double
        .run(
            folder.path(),
            &["import", "seaside/lighthouse", "--only", "users"],
        )
        .expect(0);
    double.control().set_rate_limit(Some(RateLimit {
        anonymous: 3,
        credential: 3,
        window_seconds: 3600,
        hint: RetryHint::RetryAfter,
    }));
    let mut command = with_token(&double, folder.path(), "simulator-full-access", &["--json"]);
    let ran = run(&mut command);
    let (state, text) = state(&ran, "quota");
    assert_eq!(state, "warning", "{}", ran.stdout);
    assert!(text.contains("Bitbucket refuses more until"), "{text}");
}
