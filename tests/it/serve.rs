//! The dashboard as a process: it says where it is, answers, and ends when it is told to.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use bucketload_simulator::{Effect, Fault};
use serde_json::Value;

use crate::support::{Double, bare_command, run, small};

struct Serving {
    process: Child,
    host: String,
    /// Its standard error, line by line.
    lines: Receiver<String>,
    said: String,
}

impl Serving {
    fn start(data_dir: &Path, set_up: impl FnOnce(&mut Command)) -> Self {
        Self::of(bare_command(data_dir), set_up)
    }

    /// A worker that listens.
    fn worker(mut command: Command) -> Self {
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let (process, document) = spawn(&mut command);
        let host = document["listen"].as_str().unwrap().to_owned();
        Self::over(process, host)
    }

    fn of(mut command: Command, set_up: impl FnOnce(&mut Command)) -> Self {
        command
            .args(["serve", "--listen", "127.0.0.1:0", "--json"])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        set_up(&mut command);
        let (process, document) = spawn(&mut command);
        let url = document["url"].as_str().unwrap();
        let callback = document["callback"].as_str().unwrap();
        assert_eq!(callback, format!("{url}auth/bitbucket/callback"));
        let host = url.strip_prefix("http://").unwrap().trim_end_matches('/');
        Self::over(process, host.to_owned())
    }

    fn over((process, lines): (Child, Receiver<String>), host: String) -> Self {
        Self {
            process,
            host,
            lines,
            said: String::new(),
        }
    }

    /// Waits for the one-time code.
    fn code(&mut self) -> String {
        let is_code = |line: &&str| line.len() == 23 && line.split('-').count() == 4;
        loop {
            let line = self.lines.recv().unwrap();
            self.said += &line;
            if let Some(code) = Some(line.trim()).filter(is_code) {
                return code.to_owned();
            }
        }
    }

    fn get(&self, path: &str) -> String {
        let mut stream = TcpStream::connect(&self.host).unwrap();
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n",
            self.host
        );
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    /// The value of one series of its figures.
    fn figure(&self, series: &str) -> Option<f64> {
        let answer = self.get("/metrics");
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        let value = |line: &str| line.strip_prefix(series)?.trim().parse().ok();
        answer.lines().find_map(value)
    }

    /// Waits until a figure is that.
    fn until(&self, series: &str, wanted: f64) {
        let began = Instant::now();
        loop {
            let value = self.figure(series);
            if value == Some(wanted) {
                return;
            }
            assert!(
                began.elapsed() < Duration::from_mins(1),
                "{series}: {value:?}"
            );
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Ends it as a service manager would. Returns all that it said.
    fn stop(mut self) -> String {
        let id = self.process.id().to_string();
        Command::new("kill").arg(id).status().unwrap();
        assert_eq!(self.process.wait().unwrap().code(), Some(0));
        self.lines.iter().fold(self.said, |said, line| said + &line)
    }
}

/// Starts a process and waits for the document in which it says where it is. Its standard
/// error comes line by line.
fn spawn(command: &mut Command) -> ((Child, Receiver<String>), Value) {
    let mut process = command.spawn().unwrap();
    let stderr = BufReader::new(process.stderr.take().unwrap());
    let (sender, lines) = channel();
    // From the beginning and to its end, whoever listens: a full pipe would hold the process
    // up before it has said where it is.
    std::thread::spawn(move || {
        for line in stderr.lines() {
            let _ = sender.send(line.unwrap());
        }
    });
    let mut stdout = BufReader::new(process.stdout.take().unwrap());
    let mut text = String::new();
    let document = loop {
        let read = stdout.read_line(&mut text).unwrap();
        assert!(read > 0, "it ended: {:?}", lines.iter().collect::<Vec<_>>());
        if let Ok(document) = serde_json::from_str(&text) {
            break document;
        }
    };
    ((process, lines), document)
}

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

/// One command: a link that signs in, the import while the dashboard shows it, and its end.
#[test]
fn the_demo_opens_everything() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = bare_command(folder.path());
    command.args([
        "demo",
        "--listen",
        "127.0.0.1:0",
        "--latency",
        "0",
        "--repositories",
        "1",
        "--pull-requests",
        "2",
        "--git-commits",
        "2",
    ]);
    command.stdout(Stdio::piped()).stderr(Stdio::null());
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
    let mut stream = TcpStream::connect(host).unwrap();
    write!(
        stream,
        "GET /sign-in HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
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
    let ran = run(bare_command(folder.path()).args([
        "demo",
        "--exit",
        "--latency",
        "0",
        "--repositories",
        "1",
        "--pull-requests",
        "2",
        "--git-commits",
        "2",
    ]));
    let ran = ran.expect(0);
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
