//! What is measured, in which order.

use std::time::{Duration, Instant};

use bucketload_simulator::SeedOptions;

use crate::common::Result;
use crate::common::report::{Report, Target};
use crate::common::{folder, note};
use crate::service::{Place, Service};
use crate::{Measure, Options, postgres};

const ENQUEUE_SECONDS: f64 = 10.0;
const OVERHEAD_MILLISECONDS: f64 = 20.0;
const MEMORY_MIB: f64 = 500.0;
/// More processes are worth something as long as the simulator keeps up.
const TWICE: f64 = 1.5;

/// Takes every measure that is wanted.
pub(crate) fn all(options: &Options, report: &mut Report) -> Result<()> {
    for round in 1..=options.rounds {
        for measure in &options.only {
            note(&format!("round {round} of {}: {measure}", options.rounds));
            match measure {
                Measure::Enqueue => enqueue(options, report)?,
                Measure::Overhead => overhead(options, report)?,
                Measure::Processes => processes(options, report)?,
                Measure::Memory => memory(options, report)?,
            }
        }
    }
    let throughput = |processes: usize| report.median(&throughput_of(processes));
    let ratios = [(2, throughput(2)), (4, throughput(4))];
    if let Some(one) = throughput(1) {
        for (processes, many) in ratios {
            let name = format!("workers, {processes}: throughput, as a multiple of one");
            let target = (processes == 2).then_some(Target::AtLeast(TWICE));
            report.add_with(name, "", many.unwrap_or_default() / one, target);
        }
    }
    Ok(())
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

#[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
fn number(count: usize) -> f64 {
    count as f64
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

fn enqueue(options: &Options, report: &mut Report) -> Result<()> {
    let service = Service::start(&options.command, small(1), Duration::ZERO)?;
    let folder = folder()?;
    let place = in_folder(&folder, "data");
    let names = (0..options.queued).map(|number| format!("team/repository-{number}\n"));
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
    let (took, shown) = service.run(&place, &["status", "--json"])?;
    let shown: serde_json::Value = serde_json::from_str(&shown)?;
    let count = shown["imports"].as_array().map_or(0, Vec::len);
    report.add("enqueue: imports that status shows", "", number(count));
    report.add("enqueue: status", "s", took.as_secs_f64());
    let (took, _) = service.run(&place, &["import", "--from-file", &list, "--queue"])?;
    report.add("enqueue: the same once more", "s", took.as_secs_f64());
    Ok(())
}

fn overhead(options: &Options, report: &mut Report) -> Result<()> {
    let service = Service::start(&options.command, small(options.small), Duration::ZERO)?;
    let folder = folder()?;
    let (plain, queued) = (in_folder(&folder, "plain"), in_folder(&folder, "queued"));
    service.run(&queued, &["import", "seaside", "--queue"])?;
    let began = Instant::now();
    let worker = service.workers(&queued, 1, 1)?;
    service.runtime.block_on(queued.until_complete())?;
    let by_the_queue = began.elapsed();
    drop(worker);
    let (at_terminal, _) = service.run(&plain, &["import", "seaside"])?;
    let each = |time: Duration| time.as_secs_f64() * 1_000.0 / number(options.small);
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

fn processes(options: &Options, report: &mut Report) -> Result<()> {
    let seed = SeedOptions {
        repositories: options.shared,
        pull_requests: 10,
        comments: 4,
        members: 5,
        git_commits: 4,
        ..SeedOptions::default()
    };
    let latency = Duration::from_millis(options.latency);
    let service = Service::start(&options.command, seed, latency)?;
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
        let requests = number(service.requests());
        report.add(
            throughput_of(processes),
            "",
            number(options.shared) / seconds,
        );
        let name = format!("workers, {processes}: requests in a second");
        report.add(name, "", requests / seconds);
    }
    Ok(())
}

fn memory(options: &Options, report: &mut Report) -> Result<()> {
    let seed = SeedOptions {
        repositories: options.at_once,
        pull_requests: options.pull_requests,
        git_commits: 40,
        git_bytes_per_commit: 32 * 1_024,
        ..SeedOptions::default()
    };
    let service = Service::start(&options.command, seed, Duration::ZERO)?;
    let folder = folder()?;
    let place = in_folder(&folder, "data");
    service.run(&place, &["import", "seaside", "--queue"])?;
    let began = Instant::now();
    let workers = service.workers(&place, 1, options.at_once)?;
    let most = service.runtime.block_on(place.until_complete())?;
    report.add("at once: time", "s", began.elapsed().as_secs_f64());
    report.add(
        "at once: imports that ran at the same moment",
        "",
        number(usize::try_from(most)?),
    );
    let peak = workers.peak_rss_bytes().map(usize::try_from);
    if let Some(peak) = peak.transpose()? {
        report.add_with(
            "at once: peak memory",
            "MiB",
            number(peak) / 1024.0 / 1024.0,
            Some(Target::AtMost(MEMORY_MIB)),
        );
    }
    Ok(())
}
