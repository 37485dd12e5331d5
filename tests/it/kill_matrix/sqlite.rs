//! SIGKILL of the worker, again and again.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use bucketload_simulator::{Effect, Fault, SeedOptions};

use super::NAME;
use super::dice::{Dice, Seed, seeds, shared_out};
use super::life::{Life, RUN_ENDED};
use super::state::{Left, Row, copy, rows};
use crate::support::Double;

const SEEDS: u64 = 200;

/// As many simulators at once, each with its own share of the seeds: a good part of the
/// time everybody waits for a process to start.
const SHARES: usize = 4;

fn world() -> SeedOptions {
    SeedOptions {
        pull_requests: 24,
        comments: 8,
        members: 5,
        git_commits: 8,
        ..SeedOptions::default()
    }
}

/// When a worker is killed.
#[derive(Debug, Clone, Copy)]
enum Kill {
    /// When its so-many-th request has come in, which is answered or is not.
    AtRequest { number: u64, is_answered: bool },
    /// When it has written so many bytes to the database: in the middle of a transaction,
    /// or right after it.
    Written { bytes: u64 },
    /// After so long.
    After(Duration),
}

/// A world with an import that nobody has begun, and what it leaves and takes undisturbed.
struct Bench {
    double: Double,
    folder: tempfile::TempDir,
    expected: Left,
    requests: u64,
    bytes: u64,
    time: Duration,
}

impl Bench {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let double = Double::seeded(world());
        let queued = folder.path().join("queued");
        double.run(&queued, &["import", NAME, "--queue"]).expect(0);
        let data_dir = folder.path().join("undisturbed");
        copy(&queued, &data_dir);
        double.control().reset_log();
        let began = Instant::now();
        let mut life = Life::start(&mut double.command(&data_dir));
        double.runtime.block_on(life.until_complete());
        let time = began.elapsed();
        life.kill();
        let bytes = written(&data_dir);
        Self {
            expected: Left::of(&data_dir, folder.path(), NAME),
            requests: double.control().requests().len() as u64,
            bytes,
            time,
            double,
            folder,
        }
    }

    fn plan(&self, seed: u64) -> Vec<Kill> {
        let mut dice = Dice::new(seed);
        let kills = 1 + dice.below(3);
        let kill = |_| {
            let kind = dice.below(8);
            let is_answered = dice.below(2) == 0;
            // Of what it takes undisturbed; the seed chooses the part.
            let part = dice.below(1_000);
            match kind {
                0..4 => Kill::AtRequest {
                    number: 1 + self.requests * part / 1_000,
                    is_answered,
                },
                4..7 => Kill::Written {
                    bytes: 1 + self.bytes * part / 1_000,
                },
                _ => Kill::After(self.time * u32::try_from(part).unwrap() / 1_000),
            }
        };
        (0..kills).map(kill).collect()
    }

    /// One life of a worker. How the import stands afterwards, and whether the worker was
    /// killed in the middle of a run.
    fn live(&self, data_dir: &Path, kill: Kill) -> (Row, bool) {
        let control = self.double.control();
        control.reset_log();
        if let Kill::AtRequest {
            number,
            is_answered: false,
        } = kill
        {
            control.add_fault(Fault::on_request(number, Effect::Hang));
        }
        let before = written(data_dir);
        let mut life = Life::start(&mut self.double.command(data_dir));
        let process = life.process();
        self.double.runtime.block_on(async {
            let moment = async {
                match kill {
                    Kill::AtRequest { number, .. } => control.wait_for_request(number).await,
                    Kill::Written { bytes } => until_written(data_dir, before + bytes).await,
                    Kill::After(time) => tokio::time::sleep(time).await,
                }
            };
            tokio::select! {
                biased;
                () = moment => {}
                // It is quicker than we.
                _ = life.until_said(&[RUN_ENDED]) => {}
            }
        });
        life.kill();
        control.clear_faults();
        let row = self.row(data_dir);
        let is_hit = row.is_run_by(process);
        (row, is_hit)
    }

    fn row(&self, data_dir: &Path) -> Row {
        let rows = rows(data_dir, self.folder.path());
        self.double.runtime.block_on(rows).remove(0)
    }

    /// Kills as the seed says, and looks at what the next worker makes of it. Returns how
    /// many kills there were, and how many came in the middle of a run.
    fn run(&self, seed: u64) -> (usize, usize) {
        let kills = self.plan(seed);
        let _seed = Seed {
            number: seed,
            plan: format!("{kills:?}"),
        };
        let data_dir = self.folder.path().join(format!("seed-{seed}"));
        copy(&self.folder.path().join("queued"), &data_dir);
        let (mut tried, mut hits, mut is_complete) = (0, 0, false);
        for kill in kills {
            if is_complete {
                break;
            }
            let (row, is_hit) = self.live(&data_dir, kill);
            tried += 1;
            hits += usize::from(is_hit);
            is_complete = row.state == "complete";
        }
        if !is_complete {
            let mut last = Life::start(&mut self.double.command(&data_dir));
            self.double.runtime.block_on(last.until_complete());
            last.kill();
        }
        let row = self.row(&data_dir);
        assert_eq!(row.state, "complete");
        assert_eq!(row.lease_owner, None);
        // Claimed once by each who was killed while he ran it and taken away from him once,
        // and claimed by the one who ended it. Nobody else ever had it.
        assert_eq!(
            row.fence,
            2 * i64::try_from(hits).unwrap() + 1,
            "{hits} hits"
        );
        let left = Left::of(&data_dir, self.folder.path(), NAME);
        left.assert_same_as(&self.expected, &data_dir, NAME);
        std::fs::remove_dir_all(data_dir).unwrap();
        (tried, hits)
    }
}

fn log_of_writes(data_dir: &Path) -> PathBuf {
    data_dir.join("bucketload.db-wal")
}

/// How far the database's log of writes has grown.
fn written(data_dir: &Path) -> u64 {
    log_of_writes(data_dir)
        .metadata()
        .map_or(0, |metadata| metadata.len())
}

async fn until_written(data_dir: &Path, bytes: u64) {
    // Nobody tells of a file that grows.
    while written(data_dir) < bytes {
        tokio::time::sleep(Duration::from_micros(300)).await;
    }
}

#[test]
fn a_worker_killed_anywhere_is_followed_by_one_that_ends_what_it_began() {
    let seeds = seeds(SEEDS);
    let ran = std::sync::Mutex::new(Vec::new());
    shared_out(&seeds, SHARES, |share| {
        let bench = Bench::new();
        for seed in share {
            let counted = bench.run(*seed);
            ran.lock().unwrap().push(counted);
        }
    });
    let ran = ran.into_inner().unwrap();
    assert_eq!(ran.len(), seeds.len());
    let kills: usize = ran.iter().map(|(kills, _)| kills).sum();
    let hits: usize = ran.iter().map(|(_, hits)| hits).sum();
    let interrupted = ran.iter().filter(|(_, hits)| *hits > 0).count();
    println!("{kills} kills, {hits} in the middle of a run; {interrupted} imports interrupted");
    // Otherwise this tells nothing: the kills come at the wrong time.
    assert!(interrupted * 2 >= seeds.len(), "{interrupted} interrupted");
}
