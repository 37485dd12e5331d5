//! Where the figures come from: without this they mean nothing.

use std::fmt;
use std::fs;
use std::process::Command;

use bucketload_model::{Clock as _, SystemClock};
use serde::Serialize;

use super::Result;

/// The machine, and what runs on it.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Machine {
    date: String,
    commit: String,
    cores: usize,
    cpu: String,
    memory: String,
    kernel: String,
    rustc: String,
    git: String,
    /// How busy the machine was before anything was measured.
    load: String,
}

impl Machine {
    pub(crate) fn look() -> Result<Self> {
        Ok(Self {
            date: SystemClock.now().format("%Y-%m-%d %H:%M UTC").to_string(),
            commit: first_line("git", &["rev-parse", "--short", "HEAD"]),
            cores: std::thread::available_parallelism()?.get(),
            cpu: after_colon("/proc/cpuinfo", "model name"),
            memory: after_colon("/proc/meminfo", "MemTotal"),
            kernel: first_line("uname", &["-sr"]),
            rustc: first_line("rustc", &["--version"]),
            git: first_line("git", &["--version"]),
            load: fs::read_to_string("/proc/loadavg")
                .ok()
                .and_then(|text| Some(text.split_once(' ')?.0.to_owned()))
                .unwrap_or_else(unknown),
        })
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}, bucketload {}", self.date, self.commit)?;
        writeln!(
            f,
            "{} cores of {}, {}; {}; load {} before",
            self.cores, self.cpu, self.memory, self.kernel, self.load
        )?;
        writeln!(f, "{}; {}", self.rustc, self.git)
    }
}

fn unknown() -> String {
    "unknown".to_owned()
}

fn first_line(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output().ok();
    output
        .map(|output| String::from_utf8_lossy(&output.stdout).into_owned())
        .and_then(|text| Some(text.lines().next()?.to_owned()))
        .unwrap_or_else(unknown)
}

fn after_colon(path: &str, name: &str) -> String {
    let text = fs::read_to_string(path).unwrap_or_default();
    text.lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(key, _)| key.trim() == name)
        .map_or_else(unknown, |(_, value)| value.trim().to_owned())
}
