//! What the queue costs, and how many imports at once it bears.

mod service;

use std::time::{Duration, Instant};

use bucketload_simulator::SeedOptions;
use serde::Serialize;

use self::service::{Place, Service};
use crate::common::report::{Report, Target};
use crate::common::{Result, folder, mebibytes, number};
use crate::options::Bench;
use crate::postgres;

const ENQUEUE_SECONDS: f64 = 10.0;
const OVERHEAD_MILLISECONDS: f64 = 20.0;
const MEMORY_MIB: f64 = 500.0;
/// More processes are worth something as long as the simulator keeps up.
const TWICE: f64 = 1.5;

/// How much the queue has to do.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct Sizes {
    /// Imports that are put into the queue.
    queued: usize,
    /// Small repositories that are imported one after the other.
    small: usize,
    /// Repositories of the workspace that several processes share.
    shared: usize,
    /// How long each answer takes there.
    latency_ms: u64,
    /// Imports at once in one process.
    at_once: usize,
    /// Pull requests of each of these.
    pull_requests: u64,
}

impl Sizes {
    pub(crate) const FULL: Self = Self {
        queued: 10_000,
        small: 200,
        shared: 200,
        latency_ms: 200,
        at_once: 50,
        pull_requests: 500,
    };

    pub(crate) const QUICK: Self = Self {
        queued: 500,
        small: 10,
        shared: 12,
        at_once: 6,
        pull_requests: 50,
        ..Self::FULL
    };
}

fn throughput_of(processes: usize) -> String {
    format!("workers, {processes}: imports in a second")
}

fn in_folder(folder: &tempfile::TempDir, name: &str) -> Place {
    Place {
        data_dir: folder.path().join(name),
        postgres: None,
    }
}

fn count(count: usize) -> Result<f64> {
    Ok(number(u64::try_from(count)?))
}

/// Repositories with next to nothing in them.
fn small(repositories: usize) -> SeedOptions {
    SeedOptions {
        repositories,
        pull_requests: 2,
        comments: 1,
        members: 3,
        git_commits: 1,
        ..SeedOptions::default()
    }
}

pub(crate) fn enqueue(bench: &Bench, report: &mut Report) -> Result<()> {
    let sizes = bench.sizes.queue;
    let service = Service::start(&bench.command, small(1), Duration::ZERO)?;
    let folder = folder()?;
    let place = in_folder(&folder, "data");
    let names = (0..sizes.queued).map(|number| format!("team/repository-{number}\n"));
    let list = folder.path().join("list");
    std::fs::write(&list, names.collect::<String>())?;
    let list = list.to_string_lossy();
    let (took, _) = service.run(&place, &["import", "--from-file", &list, "--queue"])?;
    report.add_with(
        "enqueue: time",
        "s",
        took.as_secs_f64(),
        Some(Target::AtMost(ENQUEUE_SECONDS)),
    );
    let (took, shown) = service.run(&place, &["status", "--all", "--json"])?;
    let shown: serde_json::Value = serde_json::from_str(&shown)?;
    let imports = shown["imports"].as_array().map_or(0, Vec::len);
    report.add("enqueue: imports that status shows", "", count(imports)?);
    report.add("enqueue: status", "s", took.as_secs_f64());
    let (took, _) = service.run(&place, &["import", "--from-file", &list, "--queue"])?;
    report.add("enqueue: the same once more", "s", took.as_secs_f64());
    Ok(())
}

pub(crate) fn overhead(bench: &Bench, report: &mut Report) -> Result<()> {
    let sizes = bench.sizes.queue;
    let service = Service::start(&bench.command, small(sizes.small), Duration::ZERO)?;
    let folder = folder()?;
    let (plain, queued) = (in_folder(&folder, "plain"), in_folder(&folder, "queued"));
    service.run(&queued, &["import", "seaside", "--queue"])?;
    let began = Instant::now();
    let worker = service.workers(&queued, 1, 1)?;
    service.runtime.block_on(queued.until_complete())?;
    let by_the_queue = began.elapsed();
    drop(worker);
    let (at_terminal, _) = service.run(&plain, &["import", "seaside"])?;
    let imported = count(sizes.small)?;
    let each = |time: Duration| time.as_secs_f64() * 1_000.0 / imported;
    report.add(
        "overhead: an import at the terminal",
        "ms",
        each(at_terminal),
    );
    report.add("overhead: an import of the queue", "ms", each(by_the_queue));
    report.add_with(
        "overhead: difference",
        "ms",
        each(by_the_queue) - each(at_terminal),
        Some(Target::AtMost(OVERHEAD_MILLISECONDS)),
    );
    let imports = service.runtime.block_on(queued.imports())?;
    let pairs = imports.times.windows(2);
    let mut pauses: Vec<_> = pairs.map(|pair| pair[1].0 - pair[0].1).collect();
    pauses.sort_unstable();
    let of = |index: usize| f64::from(i32::try_from(pauses[index]).unwrap_or(i32::MAX));
    report.add_with(
        "overhead: from the end of one to the claim of the next",
        "ms",
        of(pauses.len() / 2),
        Some(Target::AtMost(OVERHEAD_MILLISECONDS)),
    );
    report.add(
        "overhead: of 100 pauses 95 are at most",
        "ms",
        of(pauses.len() * 95 / 100),
    );
    Ok(())
}

pub(crate) fn workers(bench: &Bench, report: &mut Report) -> Result<()> {
    let sizes = bench.sizes.queue;
    let seed = SeedOptions {
        repositories: sizes.shared,
        pull_requests: 10,
        comments: 4,
        members: 5,
        git_commits: 4,
        ..SeedOptions::default()
    };
    let latency = Duration::from_millis(sizes.latency_ms);
    let service = Service::start(&bench.command, seed, latency)?;
    for processes in [1, 2, 4] {
        let Some(database) = postgres::Database::new() else {
            return Ok(());
        };
        let folder = folder()?;
        let place = Place {
            data_dir: folder.path().join("data"),
            postgres: Some(database.url()),
        };
        service.run(&place, &["import", "seaside", "--queue"])?;
        service.forget_requests();
        let began = Instant::now();
        let workers = service.workers(&place, processes, 4)?;
        service.runtime.block_on(place.until_complete())?;
        let seconds = began.elapsed().as_secs_f64();
        drop(workers);
        let imports = service.runtime.block_on(place.imports())?;
        if imports.most_claims != 1 {
            return Err(format!("an import was claimed {} times", imports.most_claims).into());
        }
        let requests = count(service.requests())?;
        report.add(throughput_of(processes), "", count(sizes.shared)? / seconds);
        let name = format!("workers, {processes}: requests in a second");
        report.add(name, "", requests / seconds);
    }
    let throughput = |processes: usize| report.last(&throughput_of(processes));
    let many = [(2, throughput(2)), (4, throughput(4))];
    let one = throughput(1).unwrap_or_default();
    for (processes, many) in many {
        let name = format!("workers, {processes}: throughput, as a multiple of one");
        let target = (processes == 2).then_some(Target::AtLeast(TWICE));
        report.add_with(name, "", many.unwrap_or_default() / one, target);
    }
    Ok(())
}

pub(crate) fn at_once(bench: &Bench, report: &mut Report) -> Result<()> {
    let sizes = bench.sizes.queue;
    let seed = SeedOptions {
        repositories: sizes.at_once,
        pull_requests: sizes.pull_requests,
        git_commits: 40,
        git_bytes_per_commit: 32 * 1_024,
        ..SeedOptions::default()
    };
    let service = Service::start(&bench.command, seed, Duration::ZERO)?;
    let folder = folder()?;
    let place = in_folder(&folder, "data");
    service.run(&place, &["import", "seaside", "--queue"])?;
    let began = Instant::now();
    let workers = service.workers(&place, 1, sizes.at_once)?;
    let most = service.runtime.block_on(place.until_complete())?;
    report.add("at once: time", "s", began.elapsed().as_secs_f64());
    report.add(
        "at once: imports that ran at the same moment",
        "",
        number(u64::try_from(most)?),
    );
    if let Some(peak) = workers.peak_rss_bytes() {
        report.add_with(
            "at once: peak memory",
            "MiB",
            mebibytes(peak),
            Some(Target::AtMost(MEMORY_MIB)),
        );
    }
    Ok(())
}
