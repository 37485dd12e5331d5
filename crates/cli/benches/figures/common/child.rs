//! A process, and what it took.

use std::io::{Read as _, Seek as _};
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use super::Result;

/// Time and memory of one process. Linux tells all of it; elsewhere there is the
/// wall clock alone.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Usage {
    /// From start to end.
    pub(crate) wall: Duration,
    /// Of all cores together, with the processes that it started and waited for.
    pub(crate) cpu: Option<Duration>,
    /// The most memory that it ever held, without that of processes it started.
    pub(crate) peak_rss_bytes: Option<u64>,
    /// The most that was seen of it that is no file of which the kernel keeps a
    /// copy in memory anyway.
    pub(crate) peak_anonymous_bytes: Option<u64>,
}

/// Often enough to miss nothing, rarely enough to cost nothing: the peak never
/// shrinks, so only what a process takes in its very last moment can be missed.
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// Runs a command to its end; returns what it took and what it printed.
pub(crate) fn run(command: &mut Command) -> Result<(Usage, String)> {
    // Files: a pipe that nobody reads while we wait would stop the process.
    let (mut out, mut errors) = (tempfile::tempfile()?, tempfile::tempfile()?);
    command
        .stdin(Stdio::null())
        .stdout(out.try_clone()?)
        .stderr(errors.try_clone()?);
    let start = Instant::now();
    let mut child = command.spawn()?;
    let (mut cpu, mut peak_rss_bytes, mut peak_anonymous_bytes) = (None, None, None);
    let status: ExitStatus = loop {
        // The order matters: the end is noticed before it is waited for, because
        // nothing can be asked of a process that was waited for.
        let stat = linux::stat(child.id());
        peak_rss_bytes = linux::memory(child.id(), "VmHWM").max(peak_rss_bytes);
        peak_anonymous_bytes = linux::memory(child.id(), "RssAnon").max(peak_anonymous_bytes);
        cpu = stat.map(|stat| stat.cpu).or(cpu);
        if stat.is_none_or(|stat| stat.has_ended)
            && let Some(status) = child.try_wait()?
        {
            break status;
        }
        std::thread::sleep(LOOK_EVERY);
    };
    let wall = start.elapsed();
    if !status.success() {
        let mut text = String::new();
        errors.rewind()?;
        errors.read_to_string(&mut text)?;
        return Err(format!("{command:?} ended with {status}:\n{text}").into());
    }
    let mut text = String::new();
    out.rewind()?;
    out.read_to_string(&mut text)?;
    let usage = Usage {
        wall,
        cpu,
        peak_rss_bytes,
        peak_anonymous_bytes,
    };
    Ok((usage, text))
}

/// What this process has taken of all cores until now.
pub(crate) fn own_cpu() -> Option<Duration> {
    linux::stat(std::process::id()).map(|stat| stat.own_cpu)
}

/// The most memory that a process which still runs ever held.
pub(crate) fn peak_rss_bytes(pid: u32) -> Option<u64> {
    linux::memory(pid, "VmHWM")
}

/// Memory that a process holds now and that is no file.
pub(crate) fn anonymous_bytes(pid: u32) -> Option<u64> {
    linux::memory(pid, "RssAnon")
}

mod linux {
    use std::fs;
    use std::time::Duration;

    #[derive(Debug, Clone, Copy)]
    pub(super) struct Stat {
        pub(super) has_ended: bool,
        pub(super) own_cpu: Duration,
        pub(super) cpu: Duration,
    }

    /// `/proc/PID/stat`, see `proc_pid_stat(5)`.
    pub(super) fn stat(pid: u32) -> Option<Stat> {
        let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        // The name, second, stands in brackets and may hold anything.
        let after_name = text.rsplit_once(") ")?.1;
        let fields: Vec<&str> = after_name.split(' ').collect();
        // One tick is 10 ms for every program, whatever the kernel's own clock.
        let ticks = |field: usize| {
            let ticks: u64 = fields.get(field)?.parse().ok()?;
            Some(Duration::from_millis(ticks * 10))
        };
        // utime, stime, cutime, cstime are fields 14 to 17; `fields` begins with 3.
        let own_cpu = ticks(11)? + ticks(12)?;
        Some(Stat {
            has_ended: matches!(fields.first(), Some(&("Z" | "X"))),
            own_cpu,
            cpu: own_cpu + ticks(13)? + ticks(14)?,
        })
    }

    /// A line of `/proc/PID/status` that tells of memory, in bytes.
    pub(super) fn memory(pid: u32, name: &str) -> Option<u64> {
        let text = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
        let line = text.lines().find_map(|line| line.strip_prefix(name))?;
        let kibibytes = line.strip_prefix(':')?.trim().strip_suffix("kB")?;
        Some(kibibytes.trim().parse::<u64>().ok()? * 1024)
    }
}
