//! What the pages of the dashboard take where the archive is large.

mod crowd;
mod service;
mod visitors;

use std::time::{Duration, Instant};

use serde::Serialize;
use tokio::runtime::Runtime;

use self::service::{IMPORTED, Service};
use self::visitors::Crowd;
use crate::common::report::{Report, Target};
use crate::common::{Result, folder, note};
use crate::options::Bench;

const PAGE_MILLISECONDS: f64 = 100.0;
const FIRST_PAGE_KB: f64 = 100.0;
const STREAMS_MB: f64 = 200.0;
const EVENT_MILLISECONDS: f64 = 500.0;

/// The pages that people look at.
const PAGES: &[&str] = &[
    "",
    "imports?state=failed",
    "imports?q=repository-0777",
    "imports/00000000-0000-7000-8000-000000000020",
    "repositories",
    "repositories?q=repository-0777",
    "repositories/crowd/repository-00007",
    "repositories/crowd/repository-00007/pull-requests",
    "repositories/crowd/repository-00007/pull-requests/7",
    "quota",
    "administration/audit",
];

/// How large the archive is, and how many people look at it.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct Sizes {
    /// Repositories in the archive.
    repositories: u64,
    /// Pull requests in all of them.
    pull_requests: u64,
    /// People who look at pages at the same time.
    people: usize,
    /// How often each of them looks at each page when nobody pauses.
    times: usize,
    /// How long each of them reads before the next page; without a pause they look as well.
    pause_ms: u64,
    /// Streams of events that are open at the same time.
    streams: usize,
}

impl Sizes {
    pub(crate) const FULL: Self = Self {
        repositories: 10_000,
        pull_requests: 1_000_000,
        people: 20,
        times: 20,
        pause_ms: 1_000,
        streams: 1_000,
    };

    pub(crate) const QUICK: Self = Self {
        repositories: 100,
        pull_requests: 10_000,
        people: 3,
        times: 2,
        pause_ms: 10,
        streams: 20,
    };
}

/// Makes an archive, and looks at its pages.
pub(crate) fn pages(bench: &Bench, report: &mut Report) -> Result<()> {
    let sizes = bench.sizes.dashboard;
    let folder = folder()?;
    let runtime = Runtime::new()?;
    runtime.block_on(async {
        note("making the archive");
        crowd::make(folder.path(), sizes).await?;
        let service = Service::start(&bench.command, folder.path()).await?;
        first_page(&service, report).await?;
        people(sizes, &service, report).await?;
        streams(sizes, &service, report).await
    })
}

/// What a browser gets that was never here. Nothing is compressed on its way.
async fn first_page(service: &Service, report: &mut Report) -> Result<()> {
    let client = visitors::client()?;
    let page = visitors::look(&client, &service.home).await?;
    let mut bytes = page.len();
    let parts = page.split('"');
    for asset in parts.filter(|part| part.starts_with("assets/")) {
        let url = format!("{}{asset}", service.home);
        bytes += visitors::look(&client, &url).await?.len();
    }
    let kilobytes = f64::from(u32::try_from(bytes)?) / 1_000.0;
    let target = Some(Target::AtMost(FIRST_PAGE_KB));
    report.add_with("first page, over the wire", "kB", kilobytes, target);
    Ok(())
}

async fn people(sizes: Sizes, service: &Service, report: &mut Report) -> Result<()> {
    note("people look, and an import runs");
    service.enqueue(IMPORTED).await?;
    let mut crowd = Crowd {
        people: 1,
        times: 1,
        pause: Duration::ZERO,
    };
    // What was never read is on the disk alone.
    visitors::look_around(&service.home, PAGES, crowd).await?;
    crowd.people = sizes.people;
    // Each person reads for a while, as people do.
    crowd.times = sizes.times.div_ceil(5);
    crowd.pause = Duration::from_millis(sizes.pause_ms);
    let times = visitors::look_around(&service.home, PAGES, crowd).await?;
    add_times("", &times, report);
    // Nobody reads: the next page is asked for as soon as one is there.
    crowd.times = sizes.times;
    crowd.pause = Duration::ZERO;
    let times = visitors::look_around(&service.home, PAGES, crowd).await?;
    add_times("no pause, ", &times, report);
    Ok(())
}

fn add_times(how: &str, times: &visitors::Times, report: &mut Report) {
    let target = || Some(Target::AtMost(PAGE_MILLISECONDS));
    let mut worst: f64 = 0.0;
    for (page, times) in times {
        let mut times = times.clone();
        times.sort_unstable();
        let at = |share: usize| milliseconds(times[(times.len() - 1) * share / 100]);
        report.add(format!("{how}/{page}: half take at most"), "ms", at(50));
        let name = format!("{how}/{page}: of 100, 99");
        report.add_with(&name, "ms", at(99), target());
        worst = worst.max(report.last(&name).unwrap_or_default());
    }
    let name = format!("{how}slowest page: of 100, 99");
    report.add_with(name, "ms", worst, target());
}

async fn streams(sizes: Sizes, service: &Service, report: &mut Report) -> Result<()> {
    note("people keep pages open");
    let url = format!("{}events", service.home);
    let mut open = visitors::streams(&url, sizes.streams).await?;
    let mut heard = 0_u32;
    for stream in &mut open {
        heard += u32::from(stream.chunk().await?.is_some());
    }
    let wanted = f64::from(u32::try_from(sizes.streams)?);
    let target = Some(Target::AtLeast(wanted));
    report.add_with("streams: open", "", f64::from(heard), target);
    if let Some(bytes) = service.memory_bytes() {
        let megabytes = f64::from(u32::try_from(bytes)?) / 1e6;
        let target = Some(Target::AtMost(STREAMS_MB));
        report.add_with("streams: memory of the service", "MB", megabytes, target);
    }
    let waiting = open.iter_mut().map(|stream| async {
        // The import that runs tells its own news all the time.
        while let Some(chunk) = stream.chunk().await? {
            if String::from_utf8_lossy(&chunk).contains("late-comer") {
                return Ok(Instant::now());
            }
        }
        Err::<_, Box<dyn std::error::Error>>("a stream ended".into())
    });
    let waiting = futures::future::try_join_all(waiting);
    let queued = async {
        service.enqueue("seaside/late-comer").await?;
        Ok(Instant::now())
    };
    let (queued, heard) = tokio::try_join!(queued, waiting)?;
    let last = heard.into_iter().max().ok_or("nobody listened")?;
    let took = last.saturating_duration_since(queued);
    report.add_with(
        "streams: from the commit to the last one",
        "ms",
        milliseconds(took),
        Some(Target::AtMost(EVENT_MILLISECONDS)),
    );
    Ok(())
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1_000.0
}
