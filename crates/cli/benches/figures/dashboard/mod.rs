//! What the pages of the dashboard take where the archive is large.

mod crowd;
mod service;
mod visitors;

use std::time::{Duration, Instant};

use serde::Serialize;
use tokio::runtime::Runtime;

use self::service::{IMPORTED, Service};
use self::visitors::Crowd;
use crate::catalogue;
use crate::common::report::Report;
use crate::common::{Result, count, folder, note, number};
use crate::options::Bench;

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
    report.add(catalogue::PAGES_FIRST, count(bytes)? / 1_000.0);
    Ok(())
}

/// People look at every page: while nothing is imported, then while an import runs, and then
/// without a pause as well.
async fn people(sizes: Sizes, service: &Service, report: &mut Report) -> Result<()> {
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
    note("people look, and nothing is imported");
    let times = visitors::look_around(&service.home, PAGES, crowd).await?;
    let idle = slowest("nothing is imported", &times, report);

    note("people look, and an import runs");
    service.enqueue(IMPORTED).await?;
    service.until_importing().await?;
    let times = visitors::look_around(&service.home, PAGES, crowd).await?;
    let paused = slowest("an import runs", &times, report);
    // Nobody reads: the next page is asked for as soon as one is there.
    crowd.times = sizes.times;
    crowd.pause = Duration::ZERO;
    let times = visitors::look_around(&service.home, PAGES, crowd).await?;
    let crowded = slowest("nobody pauses", &times, report);
    // It was at it all the time.
    service.until_importing().await?;

    report.compare(catalogue::PAGES_HALF, paused.half, idle.half);
    report.compare(catalogue::PAGES_MOST, paused.most, idle.most);
    report.compare(catalogue::PAGES_CROWDED, crowded.most, paused.most);
    Ok(())
}

/// In how many milliseconds a page was there half of the times, and 99 of 100 times.
#[derive(Debug, Clone, Copy, Default)]
struct Percentiles {
    half: f64,
    most: f64,
}

/// Those of the slowest page: of either the greatest.
fn slowest(how: &str, times: &visitors::Times, report: &mut Report) -> Percentiles {
    let mut slowest = Percentiles::default();
    for (page, times) in times {
        let mut times = times.clone();
        times.sort_unstable();
        let at = |share: usize| milliseconds(times[(times.len() - 1) * share / 100]);
        let (half, most) = (at(50), at(99));
        report.detail(format!("{how}, /{page}: half at most"), "ms", half);
        report.detail(format!("{how}, /{page}: of 100, 99"), "ms", most);
        slowest.half = slowest.half.max(half);
        slowest.most = slowest.most.max(most);
    }
    slowest
}

async fn streams(sizes: Sizes, service: &Service, report: &mut Report) -> Result<()> {
    note("people keep pages open");
    let url = format!("{}events", service.home);
    let mut open = visitors::streams(&url, sizes.streams).await?;
    let mut heard = 0_u32;
    for stream in &mut open {
        heard += u32::from(stream.chunk().await?.is_some());
    }
    report.add(catalogue::STREAMS, f64::from(heard));
    if let Some(bytes) = service.memory_bytes() {
        report.add(catalogue::STREAMS_MEMORY, number(bytes) / 1e6);
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
    report.add(catalogue::STREAMS_NEWS, milliseconds(took));
    Ok(())
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1_000.0
}
