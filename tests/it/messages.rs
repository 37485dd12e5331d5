//! What people read: help texts and summaries, kept as snapshots.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Command, Stdio};

use bucketload_simulator::{Effect, Fault};

use crate::support::{Double, bare_command, run, small};

#[test]
fn help_texts() {
    let folder = tempfile::tempdir().unwrap();
    let commands = [
        "",
        "import",
        "status",
        "list",
        "people",
        "notify",
        "worker",
        "pause",
        "cancel",
        "resume",
        "retry",
        "schedules",
        "unschedule",
        "audit",
        "export",
        "doctor",
        "auth",
        "auth login",
        "auth add-token",
        "auth remove",
        "auth rotate-key",
        "stages",
        "simulator",
        "demo",
        "serve",
        "auth",
    ];
    let texts = commands.map(|command| {
        let mut line = bare_command(folder.path());
        if !command.is_empty() {
            line.args(command.split(' '));
        }
        run(line.arg("--help").env("COLUMNS", "100"))
            .expect(0)
            .stdout
    });
    insta::assert_snapshot!(texts.join("\n----------\n"));
}

#[test]
fn what_an_import_says() {
    let folder = tempfile::tempdir().unwrap();
    let double = Double::seeded(small());
    let data_dir = folder.path().join("data");
    let ran = double
        .run(&data_dir, &["import", "seaside/lighthouse"])
        .expect(0);
    let root = folder.path().to_str().unwrap().to_owned();
    // Stages side by side end in any order.
    let mut stderr: Vec<&str> = ran.stderr.lines().collect();
    stderr.sort_unstable();
    insta::with_settings!({ filters => vec![
        (root.as_str(), "[folder]"),
        (r"in \d+\.\d s", "in [time] s"),
    ]}, {
        insta::assert_snapshot!(format!(
            "{}--- standard error, sorted\n{}",
            ran.stdout,
            stderr.join("\n")
        ));
    });
}

#[test]
fn what_a_dry_run_says() {
    let folder = tempfile::tempdir().unwrap();
    let double = Double::seeded(small());
    let ran = run(double
        .command(folder.path())
        .env("BUCKETLOAD_REST_QUOTA", "1000")
        .args(["import", "seaside/lighthouse", "--dry-run"]));
    insta::assert_snapshot!(ran.expect(0).stdout);
}

#[test]
fn the_stages() {
    let folder = tempfile::tempdir().unwrap();
    let ran = run(bare_command(folder.path()).arg("stages")).expect(0);
    insta::assert_snapshot!(ran.stdout);
}

/// What a process says on standard error until it has ended, from its first line on.
#[cfg(unix)]
fn said_when_stopped(mut command: Command, until: &str) -> String {
    let mut process = command.stderr(Stdio::piped()).spawn().unwrap();
    let mut stderr = BufReader::new(process.stderr.take().unwrap());
    let mut said = String::new();
    while !said.contains(until) {
        assert!(stderr.read_line(&mut said).unwrap() > 0, "{said}");
    }
    let id = process.id().to_string();
    Command::new("kill").arg(id).status().unwrap();
    stderr.read_to_string(&mut said).unwrap();
    assert_eq!(process.wait().unwrap().code(), Some(0), "{said}");
    said
}

#[cfg(unix)]
#[test]
fn what_who_is_stopped_says() {
    let folder = tempfile::tempdir().unwrap();
    let double = Double::seeded(small());
    let mut worker = double.command(folder.path());
    worker.arg("worker");
    let idle = said_when_stopped(worker, "Working on");
    double
        .run(folder.path(), &["import", "seaside/lighthouse", "--queue"])
        .expect(0);
    let control = double.control();
    control.reset_log();
    control.add_fault(Fault::on_path("/2.0/repositories", Effect::Hang));
    let mut worker = double.command(folder.path());
    worker.args(["worker", "--concurrency", "1"]);
    // What hangs may take five seconds more.
    let busy = said_when_stopped(worker, "Working on");
    let mut serve = double.command(folder.path());
    serve.args(["serve", "--no-worker", "--listen", "127.0.0.1:0"]);
    serve.stdout(Stdio::null());
    let serve = said_when_stopped(serve, "Nobody looks after it");
    let serve = serve.lines().last().unwrap();
    insta::assert_snapshot!([idle.as_str(), busy.as_str(), serve].join("----------\n"));
}

#[test]
fn what_is_wrong_is_told_to_programs_in_their_form() {
    let folder = tempfile::tempdir().unwrap();
    for (setting, value) in [("BUCKETLOAD_REST_QUOTA", "many"), ("BUCKETLOAD_LOG", "=,=")] {
        let mut command = bare_command(folder.path());
        command
            .env("BUCKETLOAD_LOG_FORMAT", "json")
            .env(setting, value);
        let said = run(command.arg("list")).expect(2).stderr;
        let lines: Vec<&str> = said.lines().collect();
        assert_eq!(lines.len(), 1, "{said}");
        let entry: serde_json::Value = serde_json::from_str(lines[0]).unwrap();
        assert_eq!(entry["level"], "ERROR");
        assert!(entry["message"].as_str().unwrap().contains(value), "{said}");
    }
}

#[cfg(not(feature = "otlp"))]
#[test]
fn who_names_a_collector_learns_that_nothing_goes_there() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = bare_command(folder.path());
    command
        .arg("stages")
        .env("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4318");
    let said = run(&mut command).expect(0).stderr;
    assert!(said.contains("built without traces"), "{said}");
}
