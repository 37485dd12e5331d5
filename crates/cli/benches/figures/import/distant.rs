//! Imports from a server that is far away: whether the way is used.

use std::time::Duration;

use super::importer::Remote;
use super::seed;
use crate::catalogue;
use crate::common::report::Report;
use crate::common::{Result, folder, number};
use crate::options::Bench;

/// Requests that the client has under way at once.
const IN_FLIGHT: f64 = 8.0;

/// The longest list in which no page can be asked for before the one in front of it is there.
const ACTIVITY: &str = "/repositories/{workspace}/{repo_slug}/pullrequests/activity";

/// A first import, against the time in which all requests that may be under way always are.
pub(crate) fn first(bench: &Bench, report: &mut Report) -> Result<()> {
    let sizes = bench.sizes.import;
    let each = Duration::from_millis(sizes.latency_ms);
    let world = seed(sizes.distant_pull_requests, sizes.comments);
    let remote = Remote::start(&bench.command, world, each)?;
    let data = folder()?;
    let run = remote.import(data.path(), &[])?;
    let ideal = number(run.requests.all()) * each.as_secs_f64() / IN_FLIGHT;
    report.compare(catalogue::DISTANT, run.seconds(), ideal);
    let feed = number(run.requests.of(&[ACTIVITY])) * each.as_secs_f64();
    report.compare(catalogue::DISTANT_FEED, run.seconds(), feed);
    report.detail("distant: requests", "", number(run.requests.all()));
    Ok(())
}
