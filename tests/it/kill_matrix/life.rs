//! One process of a worker, and what it says.

use std::io::{BufRead as _, BufReader};
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

/// What takes longer will never come. A server that says nothing is given up after a minute.
const PATIENCE: Duration = Duration::from_secs(150);

/// What a worker says when a run has ended, well or not.
pub(super) const RUN_ENDED: &str = "a run has ended";

/// A worker at work.
#[derive(Debug)]
pub(super) struct Life {
    child: Child,
    log: UnboundedReceiver<String>,
    said: Vec<String>,
}

impl Life {
    /// Starts `bucketload worker`.
    pub(super) fn start(command: &mut Command) -> Self {
        let mut child = command
            .arg("worker")
            .env("BUCKETLOAD_LOG", "warn,bucketload_worker=info")
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let errors = BufReader::new(child.stderr.take().unwrap());
        let (sender, log) = unbounded_channel();
        std::thread::spawn(move || {
            for line in errors.lines().map_while(Result::ok) {
                let _ = sender.send(line);
            }
        });
        let said = Vec::new();
        Self { child, log, said }
    }

    pub(super) fn process(&self) -> u32 {
        self.child.id()
    }

    /// Waits until it says something that has all these parts.
    pub(super) async fn until_said(&mut self, parts: &[&str]) -> String {
        let line = tokio::time::timeout(PATIENCE, async {
            while let Some(line) = self.log.recv().await {
                self.said.push(line);
                let line = &self.said[self.said.len() - 1];
                if parts.iter().all(|part| line.contains(part)) {
                    return Some(line.clone());
                }
            }
            None
        });
        let line = line.await.ok().flatten();
        line.unwrap_or_else(|| panic!("it never said {parts:?}, but\n{}", self.said.join("\n")))
    }

    /// Waits until a run has ended as it should.
    pub(super) async fn until_complete(&mut self) {
        let line = self.until_said(&[RUN_ENDED, "state=complete"]).await;
        assert!(!line.contains("with_gaps"), "{line}");
    }

    /// What it has said so far.
    pub(super) fn said(&mut self) -> String {
        while let Ok(line) = self.log.try_recv() {
            self.said.push(line);
        }
        self.said.join("\n")
    }

    /// SIGKILL. It must not have ended by itself.
    pub(super) fn kill(mut self) {
        self.child.kill().unwrap();
        let status = self.child.wait().unwrap();
        assert_eq!(status.signal(), Some(9), "{}", self.said());
    }
}

impl Drop for Life {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
