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
    /// Whether files differ from those of the commit.
    is_changed: bool,
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
            commit: said("git", &["rev-parse", "--short", "HEAD"]),
            is_changed: first_line("git", &["status", "--porcelain", "--untracked-files=no"])
                .is_some(),
            cores: std::thread::available_parallelism()?.get(),
            cpu: after_colon("/proc/cpuinfo", "model name"),
            memory: gigabytes(&after_colon("/proc/meminfo", "MemTotal")).unwrap_or_else(unknown),
            kernel: said("uname", &["-sr"]),
            rustc: said("rustc", &["--version"]),
            git: said("git", &["--version"]),
            load: fs::read_to_string("/proc/loadavg")
                .ok()
                .and_then(|text| Some(text.split_once(' ')?.0.to_owned()))
                .unwrap_or_else(unknown),
        })
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let changes = if self.is_changed { " with changes" } else { "" };
        writeln!(f, "{}, bucketload {}{changes};", self.date, self.commit)?;
        writeln!(
            f,
            "{} cores of {}, {}; {}; load {} before;",
            self.cores, self.cpu, self.memory, self.kernel, self.load
        )?;
        write!(f, "{}; {}", self.rustc, self.git)
    }
}

fn unknown() -> String {
    "unknown".to_owned()
}

fn said(program: &str, arguments: &[&str]) -> String {
    first_line(program, arguments).unwrap_or_else(unknown)
}

fn first_line(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout);
    text.lines().next().map(str::to_owned)
}

fn gigabytes(kibibytes: &str) -> Option<String> {
    let kibibytes: u64 = kibibytes.strip_suffix(" kB")?.parse().ok()?;
    Some(format!("{} GB", (kibibytes * 1024).div_ceil(1_000_000_000)))
}

fn after_colon(path: &str, name: &str) -> String {
    let text = fs::read_to_string(path).unwrap_or_default();
    text.lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(key, _)| key.trim() == name)
        .map_or_else(unknown, |(_, value)| value.trim().to_owned())
}
