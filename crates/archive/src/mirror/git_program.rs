//! The `git` program, in an environment of our own.

use std::ffi::OsStr;
use std::io::{self, Read, Write};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::time::Duration;

use super::error::MirrorError;

/// How often a running program is looked at for a cancellation.
const TICK: Duration = Duration::from_millis(100);

/// What is kept of what the program says on its standard error.
const KEPT_STDERR: usize = 64 * 1024;

/// A `git` command that asks nobody, runs no hook and reads no configuration
/// but the repository's and ours.
#[derive(Debug)]
pub(super) struct Git {
    command: Command,
    name: &'static str,
    config: Vec<(&'static str, String)>,
}

/// How a command ended and what it said.
#[derive(Debug)]
pub(super) struct Output {
    pub(super) status: ExitStatus,
    pub(super) stdout: Vec<u8>,
    pub(super) stderr: String,
}

impl Git {
    /// `git <name>` on the bare repository at `repository`.
    pub(super) fn new(repository: &Path, name: &'static str) -> Self {
        let mut command = Command::new("git");
        // git's own variables would lead it elsewhere, or make it print what
        // it sends; ours hold secrets. The others (proxies, certificates, PATH)
        // are the user's.
        for (variable, _) in std::env::vars_os() {
            if is_of_git(&variable) || is_ours(&variable) {
                command.env_remove(variable);
            }
        }
        command
            .arg(name)
            // It runs there, and looks for a path from where it runs.
            .env("GIT_DIR", ".")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_TERMINAL_PROMPT", "0")
            .env("GIT_ASKPASS", "true")
            .env("GIT_OPTIONAL_LOCKS", "0")
            .env("GIT_NO_LAZY_FETCH", "1")
            .env("LC_ALL", "C")
            .current_dir(repository)
            // A group of its own: cancelling ends its helpers too, and Ctrl-C
            // on our terminal is ours to handle.
            .process_group(0);
        let config = [
            ("safe.directory", "*"),
            ("core.hooksPath", "/dev/null"),
            ("core.fsmonitor", "false"),
            ("credential.helper", ""),
            ("gc.auto", "0"),
            ("maintenance.auto", "false"),
            ("protocol.version", "2"),
            ("protocol.allow", "never"),
            ("protocol.http.allow", "always"),
            ("protocol.https.allow", "always"),
        ];
        Self {
            command,
            name,
            config: config.map(|(key, value)| (key, value.to_owned())).into(),
        }
    }

    pub(super) fn args<S: AsRef<OsStr>>(mut self, args: impl IntoIterator<Item = S>) -> Self {
        self.command.args(args);
        self
    }

    pub(super) fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// Configuration in the environment: unlike an argument, other users
    /// cannot read it, and unlike a file it does not outlive the command.
    pub(super) fn config(mut self, key: &'static str, value: impl Into<String>) -> Self {
        self.config.push((key, value.into()));
        self
    }

    /// Runs the command to its end. `on_stderr` gets what it says meanwhile;
    /// its output goes to `stdout`, or is collected.
    ///
    /// # Errors
    ///
    /// [`MirrorError::Cancelled`] after the whole process group was ended;
    /// [`MirrorError::GitMissing`] where there is no `git`.
    pub(super) fn run(
        mut self,
        stdin: &[u8],
        stdout: Option<std::fs::File>,
        cancel: &AtomicBool,
        on_stderr: &(dyn Fn(&str) + Sync),
    ) -> Result<Output, MirrorError> {
        self.command
            .env("GIT_CONFIG_COUNT", self.config.len().to_string());
        for (index, (key, value)) in self.config.iter().enumerate() {
            self.command
                .env(format!("GIT_CONFIG_KEY_{index}"), key)
                .env(format!("GIT_CONFIG_VALUE_{index}"), value);
        }
        let mut child = self
            .command
            .stdin(Stdio::piped())
            .stdout(stdout.map_or_else(Stdio::piped, Stdio::from))
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|source| MirrorError::GitMissing { source })?;
        let (mut input, output, errors) =
            (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let (ended, end) = mpsc::channel::<()>();
        std::thread::scope(|scope| {
            let output = scope.spawn({
                let ended = ended.clone();
                move || {
                    let _ended = ended;
                    output.map_or(Ok(Vec::new()), read_all)
                }
            });
            let errors = scope.spawn(move || {
                let _ended = ended;
                errors.map_or(String::new(), |errors| follow(errors, on_stderr))
            });
            scope.spawn(move || {
                // A program that stops reading says why on its standard error.
                input.as_mut().map(|input| input.write_all(stdin))
            });
            let mut is_cancelled = false;
            // Both readers are done when their senders are gone.
            while end.recv_timeout(TICK) == Err(mpsc::RecvTimeoutError::Timeout) {
                if !is_cancelled && cancel.load(Ordering::Relaxed) {
                    is_cancelled = true;
                    kill_group(&child);
                }
            }
            let status = child
                .wait()
                .map_err(|source| MirrorError::GitMissing { source })?;
            if is_cancelled {
                return Err(MirrorError::Cancelled);
            }
            let failed = |detail: &str| MirrorError::GitProgram {
                command: self.name,
                detail: detail.to_owned(),
            };
            let stdout = output
                .join()
                .map_err(|_| failed("its output could not be read"))?
                .map_err(|_| failed("its output could not be read"))?;
            let stderr = errors
                .join()
                .map_err(|_| failed("its messages could not be read"))?;
            Ok(Output {
                status,
                stdout,
                stderr,
            })
        })
    }
}

fn is_of_git(variable: &OsStr) -> bool {
    let variable = variable.as_encoded_bytes();
    variable.starts_with(b"GIT_")
        && !variable.starts_with(b"GIT_SSL_")
        && variable != b"GIT_EXEC_PATH"
}

fn is_ours(variable: &OsStr) -> bool {
    variable.as_encoded_bytes().starts_with(b"BUCKETLOAD_")
}

fn kill_group(child: &Child) {
    let group = i32::try_from(child.id())
        .ok()
        .and_then(rustix::process::Pid::from_raw);
    if let Some(group) = group {
        // An error means that it just ended.
        let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
    }
}

fn read_all(mut from: impl Read) -> io::Result<Vec<u8>> {
    let mut content = Vec::new();
    from.read_to_end(&mut content)?;
    Ok(content)
}

/// Passes each line on as it comes and keeps the last ones. Progress lines end
/// in a carriage return and are not kept.
fn follow(mut from: impl Read, on_line: &(dyn Fn(&str) + Sync)) -> String {
    let mut kept = String::new();
    let mut pending: Vec<u8> = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let length = match from.read(&mut buffer) {
            Ok(0) | Err(_) => break,
            Ok(length) => length,
        };
        for byte in &buffer[..length] {
            if *byte != b'\n' && *byte != b'\r' {
                pending.push(*byte);
                continue;
            }
            let line = String::from_utf8_lossy(&pending).into_owned();
            on_line(&line);
            if *byte == b'\n' && kept.len() + line.len() < KEPT_STDERR {
                kept.push_str(&line);
                kept.push('\n');
            }
            pending.clear();
        }
    }
    kept.push_str(&String::from_utf8_lossy(&pending));
    kept
}

/// The end of what the program said: the part that says why.
pub(super) fn detail(status: ExitStatus, stderr: &str) -> String {
    let lines: Vec<&str> = stderr
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .collect();
    let last = lines[lines.len().saturating_sub(3)..].join("; ");
    if last.is_empty() {
        format!("it ended with {status} and gave no reason")
    } else {
        last.chars().take(500).collect()
    }
}
