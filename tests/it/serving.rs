//! The service as a process: where it listens, what it says, and its end.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::bare_command;

/// A service or worker as a process.
pub(crate) struct Serving {
    process: Child,
    host: String,
    /// Its standard error, line by line.
    lines: Receiver<String>,
    pub(crate) said: String,
}

impl Serving {
    pub(crate) fn start(data_dir: &Path, set_up: impl FnOnce(&mut Command)) -> Self {
        Self::of(bare_command(data_dir), set_up)
    }

    /// A worker that listens.
    pub(crate) fn worker(mut command: Command) -> Self {
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let (process, document) = spawn(&mut command);
        let host = document["listen"].as_str().unwrap().to_owned();
        Self::over(process, host)
    }

    pub(crate) fn of(mut command: Command, set_up: impl FnOnce(&mut Command)) -> Self {
        command
            .args(["serve", "--listen", "127.0.0.1:0", "--json"])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        set_up(&mut command);
        Self::spawned(command)
    }

    /// A command that serves, whole.
    pub(crate) fn spawned(mut command: Command) -> Self {
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
    pub(crate) fn code(&mut self) -> String {
        let is_code = |line: &&str| line.len() == 23 && line.split('-').count() == 4;
        loop {
            let line = self.lines.recv().unwrap();
            self.said += &line;
            if let Some(code) = Some(line.trim()).filter(is_code) {
                return code.to_owned();
            }
        }
    }

    /// The address that it listens on.
    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    pub(crate) fn get(&self, path: &str) -> String {
        get(&self.host, path)
    }

    /// The value of one series of its figures.
    pub(crate) fn figure(&self, series: &str) -> Option<f64> {
        let answer = self.get("/metrics");
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        let value = |line: &str| line.strip_prefix(series)?.trim().parse().ok();
        answer.lines().find_map(value)
    }

    /// Waits until a figure is that.
    pub(crate) fn until(&self, series: &str, wanted: f64) {
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

    /// Ends it as a power failure would.
    pub(crate) fn kill(mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    /// Ends it as a service manager would. Returns all that it said.
    pub(crate) fn stop(mut self) -> String {
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

/// What a server answers, head and body.
pub(crate) fn get(host: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(host).unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}
