//! What the queue costs, and how many imports at once it bears.

mod service;

use std::time::{Duration, Instant};

use bucketload_simulator::SeedOptions;
use serde::Serialize;

use self::service::{Place, Service};
use crate::catalogue;
use crate::common::report::Report;
use crate::common::{Result, count, folder, mebibytes, number};
use crate::options::Bench;
use crate::postgres;

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
        small: 100,
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

fn in_folder(folder: &tempfile::TempDir, name: &str) -> Place {
    Place {
        data_dir: folder.path().join(name),
        postgres: None,
    }
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

/// Many imports are put into the queue, and shown.
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
    report.add(catalogue::QUEUE_ENQUEUE, took.as_secs_f64());
    let (took, shown) = service.run(&place, &["status", "--all", "--json"])?;
    let shown: serde_json::Value = serde_json::from_str(&shown)?;
    let imports = shown["imports"].as_array().map_or(0, Vec::len);
    if imports != sizes.queued {
        return Err(format!("status shows {imports} imports of {}", sizes.queued).into());
    }
    report.add(catalogue::QUEUE_STATUS, took.as_secs_f64());
    let (took, _) = service.run(&place, &["import", "--from-file", &list, "--queue"])?;
    report.detail("enqueue: the same once more", "s", took.as_secs_f64());
    Ok(())
}

/// Tiny repositories one after the other, by the queue and at the terminal.
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
    let (at_terminal, by_the_queue) = (each(at_terminal), each(by_the_queue));
    report.compare(catalogue::QUEUE_IMPORT, by_the_queue, at_terminal);
    report.add(catalogue::QUEUE_OVERHEAD, by_the_queue - at_terminal);
    let imports = service.runtime.block_on(queued.imports())?;
    let pairs = imports.times.windows(2);
    let mut pauses: Vec<_> = pairs.map(|pair| pair[1].0 - pair[0].1).collect();
    pauses.sort_unstable();
    let of = |index: usize| f64::from(i32::try_from(pauses[index]).unwrap_or(i32::MAX));
    report.add(catalogue::QUEUE_PAUSE, of(pauses.len() / 2));
    report.detail(
        "overhead: of 100 pauses 95 are at most",
        "ms",
        of(pauses.len() * 95 / 100),
    );
    Ok(())
}

/// One, two and four processes over one database. It fails where an import was claimed twice.
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
    let mut rates = [0.0; 3];
    for (rate, processes) in rates.iter_mut().zip([1, 2, 4]) {
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
        *rate = count(sizes.shared)? / seconds;
        let name = format!("workers, {processes}: requests in a second");
        report.detail(name, "", requests / seconds);
    }
    let [one, two, four] = rates;
    report.compare(catalogue::WORKERS_TWO, two, one);
    report.compare(catalogue::WORKERS_FOUR, four, one);
    Ok(())
}

/// Many imports at once in one process.
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
    report.detail("at once: time", "s", began.elapsed().as_secs_f64());
    report.detail(
        "at once: imports that ran at the same moment",
        "",
        number(u64::try_from(most)?),
    );
    if let Some(peak) = workers.peak_rss_bytes() {
        report.add(catalogue::AT_ONCE, mebibytes(peak));
    }
    Ok(())
}
