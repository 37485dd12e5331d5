//! What an import costs: in requests, time and memory.

mod clone;
mod distant;
mod files;
mod gitlab;
mod history;
mod importer;

use std::time::Duration;

use bucketload_simulator::SeedOptions;
use serde::Serialize;

use self::importer::{REPOSITORY, Remote, Run};
use crate::catalogue;
use crate::common::report::Report;
use crate::common::{Result, count, folder, mebibytes, number};
use crate::options::Bench;

pub(crate) use self::clone::clone;
pub(crate) use self::distant::{first, resume};
pub(crate) use self::files::{issues_export, large_file};

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
    /// Pull requests in the distant world from which an import is killed.
    killed_pull_requests: u64,
    /// How long each answer of the distant worlds takes.
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
        distant_pull_requests: 2_000,
        killed_pull_requests: 500,
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
        killed_pull_requests: 100,
        commits: 600,
        refs: 60,
        large_file_mb: 50,
        issues: 100,
        ..Self::FULL
    };

    /// Of the large file, for those who have the room.
    pub(crate) const LARGE_FILE_MB: u64 = 10_000;
}

fn seed(pull_requests: u64, comments: u64) -> SeedOptions {
    SeedOptions {
        pull_requests,
        comments,
        ..SeedOptions::default()
    }
}

/// A first import, and once more when nothing has changed.
pub(crate) fn first_and_second(bench: &Bench, report: &mut Report) -> Result<()> {
    let sizes = bench.sizes.import;
    let world = seed(sizes.pull_requests, sizes.comments);
    let remote = Remote::start(&bench.command, world, Duration::ZERO)?;
    let data = folder()?;
    let first = remote.import(data.path(), &[])?;
    let second = remote.import(data.path(), &[])?;
    // The world is told whole: not while anything is measured.
    let truth = remote.control()?.truth(REPOSITORY)?;
    let theirs = count(gitlab::requests(&truth))?;
    report.compare(catalogue::REQUESTS, number(first.requests.all()), theirs);
    let same = first.requests.of(gitlab::ENDPOINTS);
    report.compare(catalogue::REQUESTS_SAME, number(same), theirs);
    let again = second.requests.all();
    report.compare(catalogue::REQUESTS_AGAIN, number(again), theirs);
    for (endpoint, requests) in first.requests.by_endpoint() {
        report.detail(format!("a first import: {endpoint}"), "", number(requests));
    }
    report.add(catalogue::OBJECTS, first.objects_per_second());
    let all = number(first.all_objects()) / first.seconds();
    report.add(catalogue::OBJECTS_ALL, all);
    if let Some(bytes) = first.usage.peak_rss_bytes {
        report.add(catalogue::MEMORY, mebibytes(bytes));
    }
    details(report, "a first import", &first);
    details(report, "nothing changed", &second);
    Ok(())
}

/// The same in a world that is several times as large: whether it takes more than as many times
/// as much.
pub(crate) fn growth(bench: &Bench, report: &mut Report) -> Result<()> {
    let sizes = bench.sizes.import;
    let world = seed(sizes.pull_requests * sizes.growth, sizes.comments);
    let remote = Remote::start(&bench.command, world, Duration::ZERO)?;
    let data = folder()?;
    let run = remote.import(data.path(), &[])?;
    let rate = Some(run.objects_per_second());
    let peak = run.usage.peak_rss_bytes.map(mebibytes);
    for (large, small, value) in [
        (catalogue::OBJECTS_LARGE, catalogue::OBJECTS, rate),
        (catalogue::MEMORY_LARGE, catalogue::MEMORY, peak),
    ] {
        match (value, report.last(&small)) {
            (Some(value), Some(small)) => report.compare(large, value, small),
            // Nobody asked for the smaller world.
            (Some(value), None) => report.add(large, value),
            (None, _) => {}
        }
    }
    details(report, "in a large world", &run);
    Ok(())
}

fn details(report: &mut Report, name: &str, run: &Run) {
    report.detail(format!("{name}: objects"), "", number(run.objects()));
    report.detail(format!("{name}: requests"), "", number(run.requests.all()));
    report.detail(format!("{name}: time"), "s", run.seconds());
    for (whose, cpu) in [
        ("CPU time", run.usage.cpu),
        ("simulator's CPU time", run.simulator_cpu),
    ] {
        if let Some(cpu) = cpu {
            report.detail(format!("{name}: {whose}"), "s", cpu.as_secs_f64());
        }
    }
}
