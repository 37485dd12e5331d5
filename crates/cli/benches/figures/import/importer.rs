//! The simulator, and the command that imports from it: a process of its own, so
//! that its time and memory are its own.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use bucketload_model::{ImportReport, ImportState, Stage};
use bucketload_simulator::{Control, RequestKind, SeedOptions, Simulator, SimulatorOptions, World};
use serde::Deserialize;
use tokio::runtime::Runtime;

use crate::common::child::{self, Usage, own_cpu};
use crate::common::{self, Result, number};

/// The one repository of every world here.
pub(crate) const REPOSITORY: &str = "seaside/lighthouse";

/// How often it is looked at whether an import that is to be killed has ended by itself.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// A running simulator.
#[derive(Debug)]
pub(crate) struct Remote {
    /// The command to measure.
    command: PathBuf,
    simulator: Option<Simulator>,
    runtime: Runtime,
}

/// What one run of `bucketload import` took and did.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) usage: Usage,
    /// What the simulator took meanwhile: it has its share of the same cores.
    pub(crate) simulator_cpu: Option<Duration>,
    pub(crate) requests: Requests,
    report: ImportReport,
}

/// Requests to the REST API by endpoint, by the simulator's account: never by ours.
#[derive(Debug, Clone, Default)]
pub(crate) struct Requests(BTreeMap<String, u64>);

#[derive(Deserialize)]
struct Printed {
    imports: Vec<ImportReport>,
}

impl Remote {
    pub(crate) fn start(command: &Path, seed: SeedOptions, latency: Duration) -> Result<Self> {
        let runtime = Runtime::new()?;
        let options = SimulatorOptions {
            latency,
            ..SimulatorOptions::default()
        };
        let world = World::seeded(seed)?;
        let simulator = runtime.block_on(Simulator::start(options, world))?;
        let remote = Self {
            command: command.to_owned(),
            simulator: Some(simulator),
            runtime,
        };
        // The repository is built when it is first asked for: not while we measure.
        child::run(Command::new("git").args(["ls-remote", "--quiet", &remote.git_url()]))?;
        Ok(remote)
    }

    fn simulator(&self) -> Option<&Simulator> {
        self.simulator.as_ref()
    }

    pub(crate) fn web_url(&self) -> String {
        self.simulator().map(Simulator::web_url).unwrap_or_default()
    }

    pub(crate) fn git_url(&self) -> String {
        format!("{}/{REPOSITORY}.git", self.web_url())
    }

    pub(crate) fn control(&self) -> Result<Control> {
        let simulator = self.simulator().ok_or("the simulator has ended")?;
        Ok(simulator.control())
    }

    /// The command over an archive in a folder, without its arguments.
    pub(crate) fn bare_command(&self, data_dir: &Path) -> Result<Command> {
        let simulator = self.simulator().ok_or("the simulator has ended")?;
        let mut command = common::command(&self.command, data_dir, simulator);
        command
            .args(["--json", "--no-progress"])
            .env("BUCKETLOAD_MAX_BLOB_MB", "100000");
        Ok(command)
    }

    /// The command that imports the repository into a folder, with the arguments given.
    pub(crate) fn command(&self, data_dir: &Path, arguments: &[&str]) -> Result<Command> {
        let mut command = self.bare_command(data_dir)?;
        command.args(["import", REPOSITORY]).args(arguments);
        Ok(command)
    }

    /// Imports the repository into a folder with the arguments given.
    pub(crate) fn import(&self, data_dir: &Path, arguments: &[&str]) -> Result<Run> {
        let mut command = self.command(data_dir, arguments)?;
        self.control()?.reset_log();
        let before = own_cpu();
        let (usage, printed) = child::run(&mut command)?;
        let simulator_cpu = own_cpu()
            .zip(before)
            .map(|(after, before)| after.saturating_sub(before));
        let mut printed: Printed = serde_json::from_str(&printed)?;
        let report = printed.imports.pop().ok_or("nothing was imported")?;
        if report.state != ImportState::Complete {
            return Err(format!("the import is not complete: {report:?}").into());
        }
        Ok(Run {
            usage,
            simulator_cpu,
            requests: self.requests()?,
            report,
        })
    }

    /// Imports the repository into a folder until so many requests have come in, and kills it;
    /// returns its requests, and how long it lived.
    pub(crate) fn import_until(
        &self,
        data_dir: &Path,
        requests: u64,
    ) -> Result<(Requests, Duration)> {
        let control = self.control()?;
        control.reset_log();
        let mut command = self.command(data_dir, &[])?;
        command.stdout(Stdio::null()).stderr(Stdio::null());
        let start = Instant::now();
        let mut child = command.spawn()?;
        let came = self.runtime.block_on(async {
            loop {
                let came = control.wait_for_request(requests);
                if tokio::time::timeout(LOOK_EVERY, came).await.is_ok() {
                    return Ok(());
                }
                if let Some(status) = child.try_wait()? {
                    return Err(format!("it ended before it was killed: {status}").into());
                }
            }
        });
        // It gets no chance to say goodbye (SIGKILL).
        child.kill()?;
        child.wait()?;
        came.and_then(|()| Ok((self.requests()?, start.elapsed())))
    }

    /// What came since the log was last emptied.
    fn requests(&self) -> Result<Requests> {
        let mut requests = Requests::default();
        for request in self.control()?.requests() {
            if request.kind == RequestKind::Rest {
                let endpoint = request.endpoint.unwrap_or_default();
                *requests.0.entry(endpoint).or_default() += 1;
            }
        }
        Ok(requests)
    }
}

impl Drop for Remote {
    fn drop(&mut self) {
        if let Some(simulator) = self.simulator.take() {
            self.runtime.block_on(simulator.stop());
        }
    }
}

impl Requests {
    pub(crate) fn all(&self) -> u64 {
        self.0.values().sum()
    }

    /// Those to these endpoints.
    pub(crate) fn of(&self, endpoints: &[&str]) -> u64 {
        let of_endpoint = |endpoint: &&str| self.0.get(*endpoint);
        endpoints.iter().filter_map(of_endpoint).sum()
    }

    pub(crate) fn by_endpoint(&self) -> impl Iterator<Item = (&str, u64)> {
        let counts = self.0.iter();
        counts.map(|(endpoint, count)| (endpoint.as_str(), *count))
    }
}

impl Run {
    pub(crate) const fn seconds(&self) -> f64 {
        self.usage.wall.as_secs_f64()
    }

    pub(crate) fn objects_per_second(&self) -> f64 {
        number(self.objects()) / self.seconds()
    }

    /// Pull requests and comments in the archive.
    pub(crate) fn objects(&self) -> u64 {
        self.stored(&[Stage::PullRequests, Stage::PullRequestComments])
    }

    /// The same with what happened to them, and their tasks.
    pub(crate) fn all_objects(&self) -> u64 {
        self.objects() + self.stored(&[Stage::PullRequestActivity, Stage::PullRequestTasks])
    }

    fn stored(&self, stages: &[Stage]) -> u64 {
        let all = self.report.stages.iter();
        let wanted = all.filter(|stage| stages.contains(&stage.name));
        wanted.map(|stage| stage.stored).sum()
    }
}
