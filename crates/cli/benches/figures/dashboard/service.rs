//! The service as a process of its own, and the simulator that it imports from.

use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::Duration;

use bucketload_simulator::{SeedOptions, Simulator, SimulatorOptions, World};
use serde_json::Value;

use crate::common::{self, Result, child};

/// What is imported while people look.
pub(crate) const IMPORTED: &str = "seaside/lighthouse";

/// An import that runs asks many times a second.
const AT_LATEST: Duration = Duration::from_secs(20);

/// `bucketload serve` over an archive.
#[derive(Debug)]
pub(crate) struct Service {
    command: PathBuf,
    data_dir: PathBuf,
    simulator: Simulator,
    process: Process,
    /// Its address, with a slash at the end.
    pub(crate) home: String,
}

impl Service {
    pub(crate) async fn start(command: &Path, data_dir: &Path) -> Result<Self> {
        // Enough to be at it for as long as anybody looks.
        let world = World::seeded(SeedOptions {
            pull_requests: 200_000,
            ..SeedOptions::default()
        })?;
        let simulator = Simulator::start(SimulatorOptions::default(), world).await?;
        let process = common::command(command, data_dir, &simulator)
            .args(["serve", "--listen", "127.0.0.1:0", "--json"])
            .env("BUCKETLOAD_LOG", "error")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let mut process = Process(process);
        let out = process.0.stdout.take().ok_or("it has no standard output")?;
        let mut said = serde_json::Deserializer::from_reader(out).into_iter::<Value>();
        let said = said.next().ok_or("it does not say where it is")??;
        let home = said["url"].as_str().ok_or("it does not say where it is")?;
        Ok(Self {
            command: command.to_owned(),
            data_dir: data_dir.to_owned(),
            home: home.to_owned(),
            simulator,
            process,
        })
    }

    /// Puts an import into the queue, as another process does.
    pub(crate) async fn enqueue(&self, name: &str) -> Result<()> {
        let mut command = common::command(&self.command, &self.data_dir, &self.simulator);
        command.args(["import", name, "--queue"]);
        let ran = tokio::task::spawn_blocking(move || command.output()).await??;
        if !ran.status.success() {
            let said = String::from_utf8_lossy(&ran.stderr);
            return Err(format!("the import is not queued: {said}").into());
        }
        Ok(())
    }

    /// Waits until the import asks for something: it has begun, or has not ended yet.
    pub(crate) async fn until_importing(&self) -> Result<()> {
        let control = self.simulator.control();
        let next = u64::try_from(control.requests().len())? + 1;
        let asks = control.wait_for_request(next);
        let asked = tokio::time::timeout(AT_LATEST, asks).await;
        asked.map_err(|_| "no import runs: it has ended before people had looked".into())
    }

    /// Memory that it holds now and that is no file.
    pub(crate) fn memory_bytes(&self) -> Option<u64> {
        child::anonymous_bytes(self.process.0.id())
    }
}

/// Ends with whoever started it, whatever went wrong.
#[derive(Debug)]
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
