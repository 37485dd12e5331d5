//! Imports in the background, as people and supervisors use them.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use bucketload_simulator::{Effect, Fault, SeedOptions};
use serde_json::Value;

use crate::auth::add_token;
use crate::support::{Double, Ran, TOKEN, assert_same, bare_command, export, files, run, small};

const NAME: &str = "seaside/lighthouse";

fn start(double: &Double, data_dir: &Path, arguments: &[&str]) -> Child {
    double
        .command(data_dir)
        .args(arguments)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

fn signal(child: &Child, name: &str) {
    let id = child.id().to_string();
    let sent = Command::new("kill").args([name, &id]).status().unwrap();
    assert!(sent.success());
}

fn end(child: Child, code: i32) -> Ran {
    Ran::from(child.wait_with_output().unwrap()).expect(code)
}

fn status(data_dir: &Path) -> Vec<Value> {
    let ran = run(bare_command(data_dir).args(["status", "--json"])).expect(0);
    ran.json()["imports"].as_array().unwrap().clone()
}

/// Waits until all imports stand so.
fn until_all(data_dir: &Path, state: &str) {
    let began = Instant::now();
    loop {
        let imports = status(data_dir);
        if imports.iter().all(|import| import["state"] == state) {
            return;
        }
        assert!(began.elapsed() < Duration::from_mins(2), "{imports:#?}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

#[test]
fn two_workers_bring_a_workspace_home() {
    let folder = tempfile::tempdir().unwrap();
    let double = Double::seeded(SeedOptions {
        repositories: 4,
        empty_repository: true,
        ..small()
    });
    let at_terminal = folder.path().join("terminal");
    double.run(&at_terminal, &["import", "seaside"]).expect(0);
    let data_dir = folder.path().join("data");
    let queued = double.run(
        &data_dir,
        &[
            "import",
            "seaside",
            "--exclude",
            "empty",
            "--queue",
            "--json",
        ],
    );
    let queued = queued.expect(0).json();
    let queued = queued["queued"].as_array().unwrap();
    assert_eq!(queued.len(), 4);
    assert!(
        status(&data_dir)
            .iter()
            .all(|import| import["state"] == "queued")
    );
    // Once more is not twice.
    let again = double.run(&data_dir, &["import", NAME, "--queue", "--json"]);
    assert_eq!(again.expect(0).json()["queued"][0]["is_new"], false);

    let workers = [0, 1].map(|_| start(&double, &data_dir, &["worker", "--concurrency", "2"]));
    until_all(&data_dir, "complete");
    for worker in workers {
        signal(&worker, "-TERM");
        end(worker, 0);
    }
    for import in queued {
        let name = import["source"].as_str().unwrap();
        let ours = files(&export(&data_dir, &folder.path().join("ours"), name));
        let theirs = files(&export(&at_terminal, &folder.path().join("theirs"), name));
        assert_same(&ours, &theirs);
    }
    let leases = std::fs::read_dir(data_dir.join("leases")).unwrap();
    assert_eq!(leases.count(), 0);
}

#[test]
fn a_worker_that_is_killed_is_followed_by_the_other() {
    let folder = tempfile::tempdir().unwrap();
    let double = Double::seeded(small());
    let undisturbed = folder.path().join("undisturbed");
    double.run(&undisturbed, &["import", NAME]).expect(0);
    let expected = files(&export(&undisturbed, &folder.path().join("expected"), NAME));
    let data_dir = folder.path().join("data");
    double
        .run(&data_dir, &["import", NAME, "--queue"])
        .expect(0);
    let control = double.control();
    control.reset_log();
    control.add_fault(Fault::on_request(8, Effect::Hang));
    let mut first = start(&double, &data_dir, &["worker"]);
    double.runtime.block_on(control.wait_for_request(8));
    let second = start(&double, &data_dir, &["worker"]);
    first.kill().unwrap();
    first.wait().unwrap();
    let killed = Instant::now();
    until_all(&data_dir, "complete");
    // Half a minute is promised, and the import itself takes its time.
    assert!(killed.elapsed() < Duration::from_secs(45));
    signal(&second, "-TERM");
    end(second, 0);
    assert_same(
        &files(&export(&data_dir, &folder.path().join("export"), NAME)),
        &expected,
    );
}

#[test]
fn a_worker_that_is_told_to_stop_hands_back_what_it_runs() {
    let folder = tempfile::tempdir().unwrap();
    let double = Double::seeded(small());
    let data_dir = folder.path().join("data");
    double
        .run(&data_dir, &["import", NAME, "--queue"])
        .expect(0);
    let control = double.control();
    control.reset_log();
    control.add_fault(Fault::on_path("/comments", Effect::Hang));
    let worker = start(&double, &data_dir, &["worker"]);
    double.runtime.block_on(control.wait_for_request(8));
    let told = Instant::now();
    signal(&worker, "-TERM");
    end(worker, 0);
    // Generous: what is asserted is that it does not wait for a hanging server.
    assert!(told.elapsed() < Duration::from_secs(20));
    assert_eq!(status(&data_dir)[0]["state"], "queued");
    control.clear_faults();
    // Whoever wants it now can have it, at the terminal too.
    let report = double
        .run(&data_dir, &["import", NAME, "--json"])
        .expect(0)
        .report();
    assert_eq!(report["state"], "complete");
}

#[test]
fn an_import_is_run_with_the_credential_that_it_was_asked_for_with() {
    let folder = tempfile::tempdir().unwrap();
    let double = Double::seeded(small());
    let data_dir = folder.path().join("data");
    let bare = || {
        let mut command = double.command(&data_dir);
        command.env_remove("BUCKETLOAD_BITBUCKET_TOKEN");
        command
    };
    let keep = |label: &str, token: &str| {
        let arguments = ["--workspace", "seaside", "--no-check", "--label", label];
        add_token(&mut bare(), &arguments, token).expect(0);
    };
    let work = |state: &str| {
        let mut worker = bare();
        worker.arg("worker").stderr(Stdio::piped());
        let worker = worker.stdout(Stdio::piped()).spawn().unwrap();
        until_all(&data_dir, state);
        signal(&worker, "-TERM");
        end(worker, 0);
    };
    // The only one that fits is taken.
    keep("good", TOKEN);
    run(bare().args(["import", NAME, "--queue"])).expect(0);
    work("complete");

    // Of two, one has to be named.
    keep("bad", "BLSECRET-unknown");
    let said = run(bare().args(["import", NAME, "--queue"]))
        .expect(2)
        .stderr;
    assert!(said.contains("“bad”") && said.contains("“good”"), "{said}");
    run(bare().args(["import", NAME, "--queue", "--credential", "good"])).expect(0);
    work("complete");

    run(bare().args(["import", NAME, "--queue", "--credential", "good"])).expect(0);
    run(bare().args(["auth", "remove", "good"])).expect(0);
    let mut worker = bare();
    worker.arg("worker").stderr(Stdio::piped());
    let worker = worker.stdout(Stdio::piped()).spawn().unwrap();
    let began = Instant::now();
    let error = loop {
        let newest = status(&data_dir).remove(0);
        if newest["state"] == "failed" {
            break newest["error"].as_str().unwrap().to_owned();
        }
        assert!(began.elapsed() < Duration::from_mins(1), "{newest:#?}");
        std::thread::sleep(Duration::from_millis(100));
    };
    signal(&worker, "-TERM");
    end(worker, 0);
    assert!(
        error.contains("is not kept any more") && error.contains("--credential"),
        "{error}"
    );
}

#[test]
fn an_import_at_the_terminal_is_seen_and_stopped_from_another() {
    let folder = tempfile::tempdir().unwrap();
    let double = Double::seeded(small());
    let control = double.control();
    control.add_fault(Fault::on_path("/comments", Effect::Hang));
    let import = start(&double, folder.path(), &["import", NAME]);
    double.runtime.block_on(control.wait_for_request(8));
    assert_eq!(status(folder.path())[0]["state"], "running");
    let ran = run(bare_command(folder.path()).args(["cancel", NAME])).expect(0);
    assert!(ran.stdout.contains("cancelling"), "{}", ran.stdout);
    end(import, 130);
    assert_eq!(status(folder.path())[0]["state"], "cancelled");
    // In the background now.
    control.clear_faults();
    run(bare_command(folder.path()).args(["resume", NAME])).expect(0);
    let worker = start(&double, folder.path(), &["worker"]);
    until_all(folder.path(), "complete");
    signal(&worker, "-TERM");
    end(worker, 0);
    let ran = run(bare_command(folder.path()).args(["cancel", NAME])).expect(2);
    assert!(
        ran.stderr.contains("complete cannot be cancelled"),
        "{}",
        ran.stderr
    );
}

#[test]
fn what_names_nothing_is_a_mistake() {
    let folder = tempfile::tempdir().unwrap();
    let double = Double::seeded(small());
    let list = folder.path().join("list");
    let from_file = |text: &str| {
        std::fs::write(&list, text).unwrap();
        let list = list.to_str().unwrap();
        double.run(folder.path(), &["import", "--from-file", list, "--queue"])
    };
    let ran = from_file("# nothing\n\n").expect(2);
    assert!(ran.stderr.contains("names nothing"), "{}", ran.stderr);
    let ran = from_file("seaside/lighthouse\nno such thing!\n").expect(2);
    assert!(ran.stderr.contains("line 2"), "{}", ran.stderr);
    let ran = from_file("seaside/lighthouse # the one\nhttps://bitbucket.org/seaside/lighthouse\n");
    assert!(
        ran.expect(0)
            .stdout
            .contains("seaside/lighthouse: in the queue")
    );
    let ran = double.run(
        folder.path(),
        &["import", "seaside", "--include", "lihgt*", "--queue"],
    );
    assert!(ran.expect(2).stderr.contains("lihgt*"));
    let ran = double.run(folder.path(), &["import"]);
    ran.expect(2);
}

#[test]
fn a_schedule_says_when_it_begins() {
    let folder = tempfile::tempdir().unwrap();
    let double = Double::seeded(small());
    let every = |cron: &str| {
        double.run(
            folder.path(),
            &["import", NAME, "--queue", "--every", cron, "--json"],
        )
    };
    let scheduled = every("0 3 * * 1").expect(0).json();
    assert_eq!(scheduled["scheduled"][0], NAME);
    assert!(scheduled["next_at"].as_str().unwrap().contains("T03:00:00"));
    assert!(
        every("every day")
            .expect(2)
            .stderr
            .contains("no cron expression")
    );
    assert!(every("0 0 30 2 *").expect(2).stderr.contains("never comes"));
    assert_eq!(status(folder.path()), [Value::Null; 0]);
}

#[test]
fn schedules_are_shown_and_ended() {
    let folder = tempfile::tempdir().unwrap();
    let double = Double::seeded(small());
    let data_dir = folder.path();
    double
        .run(
            data_dir,
            &["import", NAME, "--queue", "--every", "0 3 * * 1"],
        )
        .expect(0);
    let schedules = || {
        let ran = run(bare_command(data_dir).args(["schedules", "--json"])).expect(0);
        ran.json()["schedules"].as_array().unwrap().clone()
    };
    let listed = schedules();
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0]["source"], NAME);
    assert_eq!(listed[0]["cron"], "0 3 * * 1");
    let shown = run(bare_command(data_dir).arg("schedules"))
        .expect(0)
        .stdout;
    assert!(shown.contains(NAME) && shown.contains("next at"), "{shown}");
    let ran = run(bare_command(data_dir).args(["unschedule", "cups", "seaside"])).expect(2);
    assert!(
        ran.stderr.contains("no schedule imports cups"),
        "{}",
        ran.stderr
    );
    assert!(ran.stdout.contains("1 repository is"), "{}", ran.stdout);
    assert_eq!(schedules(), [Value::Null; 0]);
    let shown = run(bare_command(data_dir).arg("schedules"))
        .expect(0)
        .stdout;
    assert!(shown.contains("Nothing is scheduled"), "{shown}");
}

#[test]
fn who_asked_for_what_stands_in_the_audit_log() {
    let folder = tempfile::tempdir().unwrap();
    let double = Double::seeded(small());
    let data_dir = folder.path();
    let as_ada = |arguments: &[&str]| {
        run(double
            .command(data_dir)
            .env("LOGNAME", "ada")
            .args(arguments))
        .expect(0)
    };
    as_ada(&["import", NAME, "--queue"]);
    as_ada(&["cancel", NAME]);
    // Nobody knows who this is.
    double.run(data_dir, &["import", NAME]).expect(0);
    let ran = run(bare_command(data_dir).args(["audit", "--json"])).expect(0);
    let log = ran.json()["entries"].as_array().unwrap().clone();
    let of = |entry: &Value| {
        let text = |key: &str| entry[key].as_str().unwrap().to_owned();
        (text("who"), text("action"))
    };
    let expected = [
        ("cli", "imported at a terminal"),
        ("cli:ada", "cancelled an import"),
        ("cli:ada", "asked for imports"),
    ];
    let log: Vec<_> = log.iter().map(of).collect();
    let log: Vec<_> = log.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
    assert_eq!(log, expected);
    let shown = as_ada(&["audit"]).stdout;
    let last = shown.lines().last().unwrap();
    assert!(last.contains("imported at a terminal"), "{shown}");
}

#[test]
fn the_log_tells_the_import_and_the_stage_and_each_end_once() {
    let folder = tempfile::tempdir().unwrap();
    let double = Double::seeded(small());
    let ran = run(double
        .command(folder.path())
        .env("BUCKETLOAD_LOG", "bucketload_worker=debug")
        .args(["import", NAME]));
    let log = ran.expect(0).stderr;
    let ends: Vec<&str> = log
        .lines()
        .filter(|line| line.contains("stage ends"))
        .collect();
    let stages = bucketload_model::Stage::ALL.iter();
    let stages: Vec<_> = stages.filter(|stage| stage.is_usual()).collect();
    assert_eq!(ends.len(), stages.len(), "{log}");
    for stage in stages {
        let span = format!(":stage{{stage={stage}}}:");
        let mut of_stage = ends.iter().filter(|line| line.contains(&span));
        let end = of_stage.next().unwrap_or_else(|| panic!("{span}\n{log}"));
        assert!(end.contains("import{import.id="), "{end}");
        assert!(end.contains("duration_ms="), "{end}");
        assert!(of_stage.next().is_none(), "{log}");
    }
}

#[test]
fn status_shows_what_came_last_and_counts_all() {
    let folder = tempfile::tempdir().unwrap();
    let double = Double::seeded(small());
    let list = folder.path().join("list");
    let names = (0..60).map(|number| format!("seaside/number-{number}"));
    let names: Vec<String> = names.collect();
    std::fs::write(&list, names.join("\n")).unwrap();
    let list = list.to_str().unwrap();
    let data_dir = folder.path().join("data");
    double
        .run(&data_dir, &["import", "--queue", "--from-file", list])
        .expect(0);
    let show = |arguments: &[&str]| run(bare_command(&data_dir).args(arguments)).expect(0);
    let shown = show(&["status"]).stdout;
    assert_eq!(shown.lines().count(), 52, "{shown}");
    assert!(shown.contains("and 10 more"), "{shown}");
    assert!(shown.contains("60 repositories: 60 queued"), "{shown}");
    let shown = show(&["status", "--all"]).stdout;
    assert_eq!(shown.lines().count(), 61, "{shown}");
    let json = show(&["status", "--json"]).json();
    assert_eq!(json["imports"].as_array().unwrap().len(), 50);
    assert_eq!(json["total"], 60);
    assert_eq!(json["by_state"]["queued"], 60);
}

#[test]
fn a_worker_that_was_killed_runs_nothing_any_more() {
    let folder = tempfile::tempdir().unwrap();
    let double = Double::seeded(small());
    let data_dir = folder.path();
    double.run(data_dir, &["import", NAME, "--queue"]).expect(0);
    let control = double.control();
    control.reset_log();
    control.add_fault(Fault::on_path("/comments", Effect::Hang));
    let mut worker = start(&double, data_dir, &["worker"]);
    double.runtime.block_on(control.wait_for_request(8));
    assert_eq!(status(data_dir)[0]["state"], "running");
    worker.kill().unwrap();
    worker.wait().unwrap();
    // At once, and not when its lease has run out.
    assert_eq!(status(data_dir)[0]["state"], "queued");
    let shown = run(bare_command(data_dir).arg("status")).expect(0).stdout;
    assert!(shown.contains("its worker is gone"), "{shown}");
}
