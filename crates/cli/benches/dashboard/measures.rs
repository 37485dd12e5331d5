//! What is measured, in which order.

use std::time::{Duration, Instant};

use tokio::runtime::Runtime;

use crate::common::report::{Report, Target};
use crate::common::{Result, folder, note};
use crate::service::{IMPORTED, Service};
use crate::{Options, crowd, visitors};

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
    "administration/audit",
];

/// Takes every measure.
pub(crate) fn all(options: &Options, report: &mut Report) -> Result<()> {
    let folder = folder()?;
    let runtime = Runtime::new()?;
    runtime.block_on(async {
        note("making the archive");
        crowd::make(folder.path(), options).await?;
        let service = Service::start(&options.command, folder.path()).await?;
        first_page(&service, report).await?;
        people(options, &service, report).await?;
        streams(options, &service, report).await
    })
}

/// What a browser gets that was never here. Nothing is compressed on its way.
async fn first_page(service: &Service, report: &mut Report) -> Result<()> {
    let client = visitors::client()?;
    let page = visitors::look(&client, &service.home).await?;
    let mut bytes = page.len();
    let parts = page.split('"');
    for asset in parts.filter(|part| part.starts_with("/assets/")) {
        let url = format!("{}{asset}", service.home.trim_end_matches('/'));
        bytes += visitors::look(&client, &url).await?.len();
    }
    let kilobytes = f64::from(u32::try_from(bytes)?) / 1_000.0;
    let target = Some(Target::AtMost(FIRST_PAGE_KB));
    report.add_with("first page, over the wire", "kB", kilobytes, target);
    Ok(())
}

async fn people(options: &Options, service: &Service, report: &mut Report) -> Result<()> {
    note("people look, and an import runs");
    service.enqueue(IMPORTED).await?;
    // What was never read is on the disk alone.
    visitors::crowd(&service.home, PAGES, 1, 1).await?;
    let times = visitors::crowd(&service.home, PAGES, options.people, options.times).await?;
    let mut worst: f64 = 0.0;
    for (page, mut times) in times {
        times.sort_unstable();
        let at = |share: usize| times[(times.len() - 1) * share / 100].as_secs_f64() * 1_000.0;
        report.add(format!("/{page}: half take at most"), "ms", at(50));
        let name = format!("/{page}: of 100, 99");
        let target = Some(Target::AtMost(PAGE_MILLISECONDS));
        report.add_with(&name, "ms", at(99), target);
        worst = worst.max(report.median(&name).unwrap_or_default());
    }
    let target = Some(Target::AtMost(PAGE_MILLISECONDS));
    report.add_with("slowest page: of 100, 99", "ms", worst, target);
    Ok(())
}

async fn streams(options: &Options, service: &Service, report: &mut Report) -> Result<()> {
    note("people keep pages open");
    let url = format!("{}events", service.home);
    let mut open = visitors::streams(&url, options.streams).await?;
    let mut heard = 0_u32;
    for stream in &mut open {
        heard += u32::from(stream.chunk().await?.is_some());
    }
    let wanted = f64::from(u32::try_from(options.streams)?);
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
