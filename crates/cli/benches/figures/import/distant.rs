//! Imports from a server that is far away: whether the way is used, and what it costs to be
//! killed on it.

use std::path::Path;
use std::time::Duration;

use super::importer::{Remote, Run};
use super::seed;
use crate::catalogue::{self, Figure};
use crate::common::report::Report;
use crate::common::{Result, folder, number};
use crate::options::Bench;

/// Requests that the client has under way at once.
const IN_FLIGHT: f64 = 8.0;

/// The longest list in which no page can be asked for before the one in front of it is there.
const ACTIVITY: &str = "/repositories/{workspace}/{repo_slug}/pullrequests/activity";

/// After which part of its requests an import is killed, in percent, and the rows of what
/// both lives of it take: requests and time.
const KILLS: [(u64, Figure, Figure); 3] = [
    (
        25,
        catalogue::RESUME_QUARTER_REQUESTS,
        catalogue::RESUME_QUARTER_TIME,
    ),
    (
        50,
        catalogue::RESUME_HALF_REQUESTS,
        catalogue::RESUME_HALF_TIME,
    ),
    (
        75,
        catalogue::RESUME_LATE_REQUESTS,
        catalogue::RESUME_LATE_TIME,
    ),
];

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

/// Imports that are killed and go on, against one that is not.
pub(crate) fn resume(bench: &Bench, report: &mut Report) -> Result<()> {
    let sizes = bench.sizes.import;
    let each = Duration::from_millis(sizes.latency_ms);
    let world = seed(sizes.killed_pull_requests, sizes.comments);
    let remote = Remote::start(&bench.command, world, each)?;
    let folder = folder()?;
    let undisturbed = remote.import(&folder.path().join("undisturbed"), &[])?;
    for (percent, requests, time) in KILLS {
        let data = folder.path().join(format!("killed-{percent}"));
        let killed_at = undisturbed.requests.all() * percent / 100;
        let (all, seconds) = killed(&remote, &data, killed_at, &undisturbed)?;
        report.compare(requests, number(all), number(undisturbed.requests.all()));
        report.compare(time, seconds, undisturbed.seconds());
    }
    Ok(())
}

/// Imports, is killed, and goes on; returns the requests and the seconds of both together.
fn killed(remote: &Remote, data: &Path, killed_at: u64, undisturbed: &Run) -> Result<(u64, f64)> {
    let (requests, time) = remote.import_until(data, killed_at)?;
    let rest = remote.import(data, &[])?;
    let (stored, wanted) = (rest.all_objects(), undisturbed.all_objects());
    if stored != wanted {
        return Err(format!("{stored} objects are stored, and {wanted} without a kill").into());
    }
    Ok((
        requests.all() + rest.requests.all(),
        time.as_secs_f64() + rest.seconds(),
    ))
}
