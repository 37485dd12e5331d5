//! A simulator, a queue, and the processes that work on it.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use bucketload_simulator::{SeedOptions, Simulator, SimulatorOptions, World};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{Connection as _, PgConnection, SqliteConnection};
use tokio::runtime::Runtime;

use crate::common::{self, Result, child};

/// Often enough for what takes seconds.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// A simulator, and the commands that are set up for it.
#[derive(Debug)]
pub(crate) struct Service {
    command: PathBuf,
    simulator: Simulator,
    pub(crate) runtime: Runtime,
}

/// Where a queue and its archive are.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    pub(crate) data_dir: PathBuf,
    /// The address of its database; a file in the data directory unless set.
    pub(crate) postgres: Option<String>,
}

/// Workers at work; they end when this is dropped.
#[derive(Debug)]
pub(crate) struct Workers(Vec<Child>);

/// What the rows of all imports say.
#[derive(Debug, Clone)]
pub(crate) struct Imports {
    /// When each began and ended, in milliseconds, in the order of their beginnings.
    pub(crate) times: Vec<(i64, i64)>,
    /// How often each was claimed, at most.
    pub(crate) most_claims: i64,
}

impl Service {
    pub(crate) fn start(command: &Path, seed: SeedOptions, latency: Duration) -> Result<Self> {
        let runtime = Runtime::new()?;
        let options = SimulatorOptions {
            latency,
            ..SimulatorOptions::default()
        };
        let names = World::seeded(seed.clone())?;
        let simulator = runtime.block_on(Simulator::start(options, World::seeded(seed)?))?;
        // Repositories are built when they are first asked for: not while we measure.
        for name in names.repositories() {
            let url = format!("{}/{name}.git", simulator.web_url());
            let mut list = Command::new("git");
            list.args(["ls-remote", "--quiet", &url]);
            let status = list.stdout(Stdio::null()).status()?;
            if !status.success() {
                return Err(format!("{url} is not there").into());
            }
        }
        Ok(Self {
            command: command.to_owned(),
            simulator,
            runtime,
        })
    }

    fn command(&self, place: &Place) -> Command {
        let mut command = common::command(&self.command, &place.data_dir, &self.simulator);
        command.env("BUCKETLOAD_LOG", "warn");
        if let Some(url) = &place.postgres {
            command.env("BUCKETLOAD_DATABASE_URL", url);
        }
        command
    }

    /// Runs the command to its end; returns how long it took, and what it printed.
    pub(crate) fn run(&self, place: &Place, arguments: &[&str]) -> Result<(Duration, String)> {
        let start = Instant::now();
        let output = self.command(place).args(arguments).output()?;
        let took = start.elapsed();
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            return Err(format!("{arguments:?}: {}\n{said}", output.status).into());
        }
        Ok((took, String::from_utf8(output.stdout)?))
    }

    pub(crate) fn workers(
        &self,
        place: &Place,
        count: usize,
        concurrency: usize,
    ) -> Result<Workers> {
        let workers = (0..count).map(|_| {
            self.command(place)
                .args(["worker", "--concurrency", &concurrency.to_string()])
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
        });
        Ok(Workers(workers.collect::<std::io::Result<_>>()?))
    }

    pub(crate) fn requests(&self) -> usize {
        self.simulator.control().requests().len()
    }

    pub(crate) fn forget_requests(&self) {
        self.simulator.control().reset_log();
    }
}

impl Workers {
    /// The most memory that any of them ever held.
    pub(crate) fn peak_rss_bytes(&self) -> Option<u64> {
        let peaks = self
            .0
            .iter()
            .map(|worker| child::peak_rss_bytes(worker.id()));
        peaks.max().flatten()
    }
}

impl Drop for Workers {
    fn drop(&mut self) {
        for child in &mut self.0 {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// A connection to the database of either kind.
enum Reader {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

impl Reader {
    /// What a query gives, of three numbers in a row.
    async fn read(&mut self, query: &'static str) -> Result<Vec<(i64, i64, i64)>> {
        let rows = match self {
            Self::Sqlite(connection) => sqlx::query_as(query).fetch_all(connection).await,
            Self::Postgres(connection) => sqlx::query_as(query).fetch_all(connection).await,
        };
        Ok(rows?)
    }
}

impl Place {
    async fn reader(&self) -> Result<Reader> {
        let Some(url) = &self.postgres else {
            let file = self.data_dir.join("bucketload.db");
            let options = SqliteConnectOptions::new().filename(file);
            let connection = SqliteConnection::connect_with(&options).await?;
            return Ok(Reader::Sqlite(connection));
        };
        let mut connection = PgConnection::connect(url).await?;
        sqlx::raw_sql("set search_path to bucketload")
            .execute(&mut connection)
            .await?;
        Ok(Reader::Postgres(connection))
    }

    /// Waits until every import is complete. Returns the most that ran at the same moment.
    pub(crate) async fn until_complete(&self) -> Result<i64> {
        let mut reader = self.reader().await?;
        let mut most = 0;
        loop {
            let counts = reader
                .read(
                    "select cast(coalesce(sum(case when state = 'complete' then 0 else 1 end), 0)
                             as bigint),
                         cast(coalesce(sum(case when state = 'running' then 1 else 0 end), 0)
                             as bigint),
                         cast(coalesce(sum(case when state in ('failed', 'complete_with_gaps')
                             then 1 else 0 end), 0) as bigint)
                     from imports",
                )
                .await?;
            let (left, running, bad) = counts.first().copied().unwrap_or_default();
            if bad > 0 {
                return Err(format!("{bad} imports are not complete").into());
            }
            most = most.max(running);
            if left == 0 {
                return Ok(most);
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    pub(crate) async fn imports(&self) -> Result<Imports> {
        let mut reader = self.reader().await?;
        let rows = reader
            .read(
                "select started_at_ms, coalesce(finished_at_ms, started_at_ms), fence
                 from imports order by started_at_ms",
            )
            .await?;
        let claims = rows.iter().map(|(_, _, fence)| *fence);
        Ok(Imports {
            most_claims: claims.max().unwrap_or_default(),
            times: rows.iter().map(|row| (row.0, row.1)).collect(),
        })
    }
}
