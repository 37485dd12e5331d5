//! What an import costs: in requests, time and memory.

mod files;
mod history;
mod importer;

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use bucketload_simulator::SeedOptions;
use serde::Serialize;

use self::importer::{REPOSITORY, Remote, Run};
use crate::common::report::{Report, Target};
use crate::common::{Result, child, folder, mebibytes, number};
use crate::options::Bench;

pub(crate) use self::files::{issues_export, large_file};

/// Requests that the client has under way at once.
const IN_FLIGHT: f64 = 8.0;

const OBJECTS_PER_SECOND: f64 = 3_000.0;
const PEAK_MIB: f64 = 150.0;
/// How much more memory a world of ten times the size may take and still be
/// called the same: SQLite's caches fill up, the allocator keeps a little.
const FLAT: f64 = 1.25;
const LATENCY_RATIO: f64 = 1.3;
const CLONE_RATIO: f64 = 1.0;

/// How large the worlds are from which is imported.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct Sizes {
    /// Pull requests in the world.
    pull_requests: u64,
    /// Comments on each of them, on average.
    comments: u64,
    /// How many times larger the large world is.
    growth: u64,
    /// Pull requests in the distant world.
    distant_pull_requests: u64,
    /// How long each answer of the distant world takes.
    latency_ms: u64,
    /// Commits in the repository that is cloned.
    commits: usize,
    /// Refs in the repository that is cloned.
    refs: usize,
    /// Megabytes of the large file.
    pub(crate) large_file_mb: u64,
    /// Issues in the export, with six comments each.
    issues: u64,
}

impl Sizes {
    pub(crate) const FULL: Self = Self {
        pull_requests: 5_000,
        comments: 6,
        growth: 10,
        distant_pull_requests: 3_000,
        latency_ms: 100,
        commits: 20_000,
        refs: 2_000,
        large_file_mb: 2_000,
        issues: 5_000,
    };

    pub(crate) const QUICK: Self = Self {
        pull_requests: 400,
        growth: 4,
        distant_pull_requests: 200,
        commits: 600,
        refs: 60,
        large_file_mb: 50,
        issues: 100,
        ..Self::FULL
    };

    /// Of the large file, for those who have the room.
    pub(crate) const LARGE_FILE_MB: u64 = 10_000;

    fn large_world(self) -> String {
        format!("{} times", self.growth)
    }
}

fn seed(pull_requests: u64, comments: u64) -> SeedOptions {
    SeedOptions {
        pull_requests,
        comments,
        ..SeedOptions::default()
    }
}

pub(crate) fn first_and_second(bench: &Bench, report: &mut Report) -> Result<()> {
    let sizes = bench.sizes.import;
    let remote = Remote::start(
        &bench.command,
        seed(sizes.pull_requests, sizes.comments),
        Duration::ZERO,
    )?;
    let data = folder()?;
    let first = remote.import(data.path(), &[])?;
    rate_and_memory(report, "import", &first);

    let second = remote.import(data.path(), &[])?;
    let requests = number(second.report.requests.total);
    let list_pages = number(sizes.pull_requests.div_ceil(50));
    report.add("unchanged: time", "s", second.usage.wall.as_secs_f64());
    // The repository itself is one more.
    report.add_with(
        "unchanged: requests",
        "",
        requests,
        Some(Target::AtMost(list_pages + 1.0)),
    );
    Ok(())
}

pub(crate) fn growth(bench: &Bench, report: &mut Report) -> Result<()> {
    let sizes = bench.sizes.import;
    let remote = Remote::start(
        &bench.command,
        seed(sizes.pull_requests * sizes.growth, sizes.comments),
        Duration::ZERO,
    )?;
    let data = folder()?;
    let run = remote.import(data.path(), &[])?;
    let name = sizes.large_world();
    rate_and_memory(report, &name, &run);
    let peak = |name: &str| report.last(&format!("{name}: peak memory"));
    if let (Some(small), Some(large)) = (peak("import"), peak(&name)) {
        let name = format!("{name}: memory, as a multiple");
        report.add_with(name, "", large / small, Some(Target::AtMost(FLAT)));
    }
    Ok(())
}

fn rate_and_memory(report: &mut Report, name: &str, run: &Run) {
    let objects = number(run.objects());
    let wall = run.usage.wall.as_secs_f64();
    report.add(format!("{name}: objects"), "", objects);
    report.add(
        format!("{name}: requests"),
        "",
        number(run.report.requests.total),
    );
    report.add(format!("{name}: time"), "s", wall);
    report.add_with(
        format!("{name}: stored"),
        "objects/s",
        objects / wall,
        Some(Target::AtLeast(OBJECTS_PER_SECOND)),
    );
    if let Some(cpu) = run.usage.cpu {
        report.add(format!("{name}: CPU time"), "s", cpu.as_secs_f64());
    }
    if let Some(cpu) = run.simulator_cpu {
        let name = format!("{name}: simulator's CPU time");
        report.add(name, "s", cpu.as_secs_f64());
    }
    if let Some(bytes) = run.usage.peak_rss_bytes {
        report.add_with(
            format!("{name}: peak memory"),
            "MiB",
            mebibytes(bytes),
            Some(Target::AtMost(PEAK_MIB)),
        );
    }
}

pub(crate) fn latency(bench: &Bench, report: &mut Report) -> Result<()> {
    let sizes = bench.sizes.import;
    let each = Duration::from_millis(sizes.latency_ms);
    let remote = Remote::start(
        &bench.command,
        seed(sizes.distant_pull_requests, sizes.comments),
        each,
    )?;
    let data = folder()?;
    let run = remote.import(data.path(), &[])?;
    let requests = number(run.report.requests.total);
    let wall = run.usage.wall.as_secs_f64();
    let ideal = requests * each.as_secs_f64() / IN_FLIGHT;
    report.add("distant: requests", "", requests);
    report.add("distant: time", "s", wall);
    report.add_with(
        "distant: time, as a multiple of the ideal",
        "",
        wall / ideal,
        Some(Target::AtMost(LATENCY_RATIO)),
    );
    Ok(())
}

pub(crate) fn clone(bench: &Bench, report: &mut Report) -> Result<()> {
    let sizes = bench.sizes.import;
    let path = history::repository(sizes.commits, sizes.refs)?;
    let size = mebibytes(history::size_bytes(&path)?);
    report.add("clone: size of the packs", "MiB", size);
    let mut seed = seed(1, 1);
    seed.git.insert(REPOSITORY.to_owned(), path);
    let remote = Remote::start(&bench.command, seed, Duration::ZERO)?;
    let folder = folder()?;
    let (data, mirror) = (folder.path().join("data"), folder.path().join("mirror.git"));
    let only_git = ["--only", "git"];
    // Whoever comes second may find the machine warmer.
    let (ours, theirs) = if bench.round.is_multiple_of(2) {
        let ours = remote.import(&data, &only_git)?.usage;
        (ours, git_clone(&remote, &mirror)?)
    } else {
        let theirs = git_clone(&remote, &mirror)?;
        (remote.import(&data, &only_git)?.usage, theirs)
    };
    let seconds = |usage: child::Usage| usage.wall.as_secs_f64();
    report.add("clone: git clone --mirror", "s", seconds(theirs));
    report.add("clone: import --only git", "s", seconds(ours));
    report.add_with(
        "clone: ours, as a multiple of git's",
        "",
        seconds(ours) / seconds(theirs),
        Some(Target::AtMost(CLONE_RATIO)),
    );
    for (name, usage) in [("git clone --mirror", theirs), ("import --only git", ours)] {
        if let Some(cpu) = usage.cpu {
            report.add(format!("clone: CPU time of {name}"), "s", cpu.as_secs_f64());
        }
    }
    for (name, bytes) in [
        ("clone: peak memory", ours.peak_rss_bytes),
        ("clone: of that not files", ours.peak_anonymous_bytes),
    ] {
        if let Some(bytes) = bytes {
            report.add(name, "MiB", mebibytes(bytes));
        }
    }

    let mut update = git();
    update.arg("-C").arg(&mirror).args(["remote", "update"]);
    let (theirs, _) = child::run(&mut update)?;
    let ours = remote.import(&data, &only_git)?.usage;
    report.add("unchanged: git remote update", "s", seconds(theirs));
    report.add("unchanged: import --only git", "s", seconds(ours));
    Ok(())
}

fn git_clone(remote: &Remote, to: &Path) -> Result<child::Usage> {
    let mut command = git();
    command
        .args(["clone", "--quiet", "--mirror", &remote.git_url()])
        .arg(to);
    Ok(child::run(&mut command)?.0)
}

/// git as it is without anybody's configuration.
pub(crate) fn git() -> Command {
    let mut command = Command::new("git");
    command
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_TERMINAL_PROMPT", "0");
    command
}
