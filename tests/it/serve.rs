//! The dashboard as a process: it says where it is, answers, and ends when it is told to.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use bucketload_simulator::{Effect, Fault};

use crate::serving::{Serving, get};
use crate::support::{Double, bare_command, run, small};

#[test]
fn it_answers_shows_a_code_and_ends_on_sigterm() {
    let folder = tempfile::tempdir().unwrap();
    let data_dir = folder.path().join("data");
    let mut serving = Serving::start(&data_dir, |_| {});
    let code = serving.code();
    assert!(serving.said.contains("/setup"), "{}", serving.said);
    assert!(serving.get("/healthz").starts_with("HTTP/1.1 200"));
    assert!(serving.get("/readyz").contains("\"database\":\"ok\""));
    // No credential is configured: what is public could be imported.
    let ready = serving.figure("bucketload_queue_ready_imports");
    assert_eq!(ready, Some(0.0));
    assert!(serving.get("/").contains("location: /sign-in"));
    serving.stop();
    // The code is nowhere in the data directory.
    for entry in std::fs::read_dir(&data_dir).unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        for text in [code.clone(), code.replace('-', "")] {
            let found = bytes
                .windows(text.len())
                .any(|part| part == text.as_bytes());
            assert!(!found);
        }
    }
}

#[test]
fn it_runs_what_is_in_the_queue_and_counts_what_it_does() {
    let folder = tempfile::tempdir().unwrap();
    let double = Double::seeded(small());
    let data_dir = folder.path();
    double
        .run(data_dir, &["import", "seaside/lighthouse", "--queue"])
        .expect(0);
    let control = double.control();
    control.reset_log();
    control.add_fault(Fault::on_path("/comments", Effect::Hang));
    // One that only looks runs nothing.
    let onlooker = Serving::of(double.command(data_dir), |command| {
        command.arg("--no-worker");
    });
    assert_eq!(onlooker.figure("bucketload_queue_ready_imports"), Some(1.0));
    let serving = Serving::of(double.command(data_dir), |_| {});
    double.runtime.block_on(control.wait_for_request(8));
    serving.until("bucketload_imports{state=\"running\"}", 1.0);
    assert_eq!(serving.figure("bucketload_imports_leased"), Some(1.0));
    // Whoever looks sees the same of the queue, and nothing of what others count.
    assert_eq!(onlooker.figure("bucketload_imports_leased"), Some(1.0));
    let repository = "bucketload_requests_total{endpoint=\"repository\",answer=\"2xx\"}";
    assert_eq!(serving.figure(repository), Some(1.0));
    assert_eq!(onlooker.figure(repository), None);
    serving.stop();
    onlooker.stop();
    control.clear_faults();

    let mut worker = double.command(data_dir);
    worker.args(["worker", "--listen", "127.0.0.1:0", "--json"]);
    let worker = Serving::worker(worker);
    worker.until("bucketload_imports{state=\"complete\"}", 1.0);
    worker.until("bucketload_runs_total{outcome=\"complete\"}", 1.0);
    let took = "bucketload_stage_duration_seconds_count{stage=\"pull_request_comments\"}";
    assert_eq!(worker.figure(took), Some(1.0));
    let comments = "bucketload_objects_stored_total{stage=\"pull_request_comments\"}";
    assert!(worker.figure(comments).unwrap() > 0.0);
    assert!(worker.get("/").starts_with("HTTP/1.1 404"));
    worker.stop();
}

#[test]
fn an_address_that_is_taken_and_one_that_nobody_can_type_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let ran = run(bare_command(folder.path()).args(["serve", "--listen", &address])).expect(1);
    assert!(ran.stderr.contains(&address), "{}", ran.stderr);
    assert!(ran.stderr.contains("--listen"), "{}", ran.stderr);
    let ran = run(bare_command(folder.path())
        .args(["serve", "--listen", "127.0.0.1:0"])
        .env("BUCKETLOAD_PUBLIC_URL", "https://example.org/?loads"));
    let ran = ran.expect(2);
    assert!(ran.stderr.contains("perhaps a path"), "{}", ran.stderr);
}

#[test]
fn the_secret_of_the_consumer_is_never_shown() {
    let folder = tempfile::tempdir().unwrap();
    let mut serving = Serving::start(folder.path(), |command| {
        command
            .env("BUCKETLOAD_LOG", "trace")
            .env("BUCKETLOAD_OAUTH_CLIENT_ID", "key")
            .env("BUCKETLOAD_OAUTH_CLIENT_SECRET", "s3cret-of-the-consumer");
    });
    serving.code();
    let callback = serving.get("/auth/bitbucket/callback?code=s3cret-code&state=s3cret-state");
    assert!(callback.starts_with("HTTP/1.1 403"), "{callback}");
    assert!(!callback.contains("s3cret"), "{callback}");
    let said = serving.stop();
    assert!(said.contains("http.path"), "the log is there: {said}");
    assert!(!said.contains("s3cret"), "{said}");
}

#[test]
fn a_code_is_made_on_the_machine_of_the_service() {
    let folder = tempfile::tempdir().unwrap();
    let ran = run(bare_command(folder.path()).args(["auth", "admin-code", "--json"])).expect(0);
    let made = ran.json();
    assert_eq!(made["page"], "/setup");
    assert_eq!(made["code"].as_str().unwrap().len(), 23);
    let nobody = "01920000-0000-7000-8000-000000000000";
    let ran = run(bare_command(folder.path()).args(["auth", "admin-code", "--user", nobody]));
    let ran = ran.expect(2);
    assert!(
        ran.stderr.contains("no active administrator"),
        "{}",
        ran.stderr
    );
}

/// The demo with a world that is quickly made.
fn demo(data_dir: &Path) -> Command {
    let mut command = bare_command(data_dir);
    command
        .args(["demo", "--latency", "0", "--repositories", "1"])
        .args(["--pull-requests", "2", "--git-commits", "2"]);
    command
}

/// One command: a link that signs in, the import while the dashboard shows it, and its end.
#[test]
fn the_demo_opens_everything() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = demo(folder.path());
    command
        .args(["--listen", "127.0.0.1:0"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    let mut demo = command.spawn().unwrap();
    let mut lines = BufReader::new(demo.stdout.take().unwrap()).lines();
    let mut line_with = |wanted: &str| -> String {
        let found = lines.by_ref().map(Result::unwrap);
        let mut found = found.skip_while(|line| !line.contains(wanted));
        found
            .next()
            .unwrap_or_else(|| panic!("it never says “{wanted}”"))
    };
    let link = line_with("/sign-in#");
    let (page, code) = link.trim().split_once('#').unwrap();
    assert_eq!(code.len(), 23, "{link}");
    // It answers while the import runs, and its link leads to a page.
    let host = page.strip_prefix("http://").unwrap();
    let (host, _) = host.split_once('/').unwrap();
    let answer = get(host, "/sign-in");
    assert!(answer.contains("sign-in/code"), "{answer}");
    line_with("seaside/lighthouse: complete");
    line_with("Ctrl-C ends it");
    let id = demo.id().to_string();
    Command::new("kill").arg(id).status().unwrap();
    assert_eq!(demo.wait().unwrap().code(), Some(0));
}

#[test]
fn the_demo_can_end_after_its_import() {
    let folder = tempfile::tempdir().unwrap();
    let ran = run(demo(folder.path()).arg("--exit")).expect(0);
    assert!(
        ran.stdout.contains("seaside/lighthouse: complete"),
        "{}",
        ran.stdout
    );
    assert!(
        !ran.stdout.contains("The dashboard answers"),
        "{}",
        ran.stdout
    );
}
