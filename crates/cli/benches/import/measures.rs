//! What is measured, in which order.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use bucketload_simulator::SeedOptions;

use crate::common::Result;
use crate::common::report::{Report, Target};
use crate::common::{folder, note};
use crate::importer::{REPOSITORY, Remote, Run};
use crate::{Measure, Options, child, files, history};

/// Requests that the client has under way at once.
const IN_FLIGHT: f64 = 8.0;

const OBJECTS_PER_SECOND: f64 = 3_000.0;
const PEAK_MIB: f64 = 150.0;
/// How much more memory a world of ten times the size may take and still be
/// called the same: SQLite's caches fill up, the allocator keeps a little.
const FLAT: f64 = 1.25;
const LATENCY_RATIO: f64 = 1.3;
const CLONE_RATIO: f64 = 1.0;

/// Takes every measure that is wanted.
pub(crate) fn all(options: &Options, report: &mut Report) -> Result<()> {
    for round in 1..=options.rounds {
        // Round by round, so that a busy minute of the machine spoils no figure whole.
        for measure in &options.only {
            note(&format!("round {round} of {}: {measure}", options.rounds));
            match measure {
                Measure::Import => import(options, report)?,
                Measure::Growth => growth(options, report)?,
                Measure::Latency => latency(options, report)?,
                Measure::Clone => clone(options, round, report)?,
                Measure::Lfs => files::large(options, round, report)?,
                Measure::IssuesExport => files::issues_export(options, report)?,
            }
        }
    }
    let name = large_world(options);
    let peak = |name: &str| report.median(&format!("{name}: peak memory"));
    if let (Some(small), Some(large)) = (peak("import"), peak(&name)) {
        let name = format!("{name}: memory, as a multiple");
        report.add_with(name, "", large / small, Some(Target::AtMost(FLAT)));
    }
    Ok(())
}

fn large_world(options: &Options) -> String {
    format!("{} times", options.growth)
}

fn seed(pull_requests: u64, comments: u64) -> SeedOptions {
    SeedOptions {
        pull_requests,
        comments,
        ..SeedOptions::default()
    }
}

#[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
pub(crate) fn number(count: u64) -> f64 {
    count as f64
}

pub(crate) fn mebibytes(bytes: u64) -> f64 {
    number(bytes) / 1024.0 / 1024.0
}

fn import(options: &Options, report: &mut Report) -> Result<()> {
    let remote = Remote::start(
        &options.command,
        seed(options.pull_requests, options.comments),
        Duration::ZERO,
    )?;
    let data = folder()?;
    let first = remote.import(data.path(), &[])?;
    rate_and_memory(report, "import", &first);

    let second = remote.import(data.path(), &[])?;
    let requests = number(second.report.requests.total);
    let list_pages = number(options.pull_requests.div_ceil(50));
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

fn growth(options: &Options, report: &mut Report) -> Result<()> {
    let remote = Remote::start(
        &options.command,
        seed(options.pull_requests * options.growth, options.comments),
        Duration::ZERO,
    )?;
    let data = folder()?;
    let run = remote.import(data.path(), &[])?;
    rate_and_memory(report, &large_world(options), &run);
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

fn latency(options: &Options, report: &mut Report) -> Result<()> {
    let each = Duration::from_millis(options.latency);
    let remote = Remote::start(
        &options.command,
        seed(options.distant_pull_requests, options.comments),
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

fn clone(options: &Options, round: usize, report: &mut Report) -> Result<()> {
    let path = history::repository(options.commits, options.refs)?;
    let size = mebibytes(history::size_bytes(&path)?);
    report.add("clone: size of the packs", "MiB", size);
    let mut seed = seed(1, 1);
    seed.git.insert(REPOSITORY.to_owned(), path);
    let remote = Remote::start(&options.command, seed, Duration::ZERO)?;
    let folder = folder()?;
    let (data, mirror) = (folder.path().join("data"), folder.path().join("mirror.git"));
    let only_git = ["--only", "git"];
    // Whoever comes second may find the machine warmer.
    let (ours, theirs) = if round.is_multiple_of(2) {
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
