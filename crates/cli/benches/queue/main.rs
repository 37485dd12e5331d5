//! What the queue costs, and how many imports at once it bears. `docs/BENCHMARKS.md` says
//! what each figure means, and has figures.
//!
//! `cargo bench -p bucketload --bench queue` measures everything, with `-- --quick` in small;
//! `-- --help` lists the sizes.

#[path = "../common/mod.rs"]
mod common;
mod measures;
#[path = "../../../../tests/postgres/mod.rs"]
mod postgres;
mod service;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, ValueEnum};
use serde::Serialize;

/// Measure what the queue costs.
#[derive(Debug, Clone, Parser, Serialize)]
#[command(name = "queue")]
struct Options {
    /// Measure small worlds a single time: shows that the benchmark works, and judges nothing
    #[arg(long)]
    quick: bool,

    /// Take these measures only
    #[arg(long, value_delimiter = ',', default_values_t = Measure::value_variants().to_vec())]
    #[serde(skip)]
    only: Vec<Measure>,

    /// How often each is measured
    #[arg(long, default_value_t = 3, env = "BUCKETLOAD_BENCH_ROUNDS")]
    rounds: usize,

    /// Imports that are put into the queue
    #[arg(long, default_value_t = 10_000, env = "BUCKETLOAD_BENCH_QUEUED")]
    queued: usize,

    /// Small repositories that are imported one after the other
    #[arg(long, default_value_t = 200, env = "BUCKETLOAD_BENCH_SMALL")]
    small: usize,

    /// Repositories of the workspace that several processes share
    #[arg(long, default_value_t = 200, env = "BUCKETLOAD_BENCH_SHARED")]
    shared: usize,

    /// Milliseconds that each answer takes there
    #[arg(long, default_value_t = 200, env = "BUCKETLOAD_BENCH_LATENCY")]
    latency: u64,

    /// Imports at once in one process
    #[arg(long, default_value_t = 50, env = "BUCKETLOAD_BENCH_AT_ONCE")]
    at_once: usize,

    /// Pull requests of each of these
    #[arg(long, default_value_t = 500, env = "BUCKETLOAD_BENCH_PULL_REQUESTS")]
    pull_requests: u64,

    /// The command to measure: another build, to compare
    #[arg(long, default_value = env!("CARGO_BIN_EXE_bucketload"))]
    #[serde(skip)]
    command: PathBuf,

    /// Where the figures go as JSON
    #[arg(
        long,
        default_value = concat!(env!("CARGO_TARGET_TMPDIR"), "/bench-queue.json")
    )]
    #[serde(skip)]
    json: PathBuf,

    /// Given by `cargo bench`. Without it (`cargo test --benches`) only what `--quick` says is done
    #[arg(long, hide = true)]
    #[serde(skip)]
    bench: bool,
}

/// What can be measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Measure {
    /// Many imports put into the queue, and shown
    Enqueue,
    /// What the queue adds to each import
    Overhead,
    /// One, two and four processes on PostgreSQL
    Processes,
    /// Many imports at once in one process, for its memory
    Memory,
}

impl std::fmt::Display for Measure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let value = self.to_possible_value();
        f.write_str(value.as_ref().map_or("", |value| value.get_name()))
    }
}

impl Options {
    /// The sizes of `--quick`, for those who only want to see it work.
    fn with_quick_sizes(mut self) -> Self {
        if self.quick || !self.bench {
            self.quick = true;
            self.rounds = 1;
            self.queued = 500;
            self.small = 10;
            self.shared = 12;
            self.at_once = 6;
            self.pull_requests = 50;
        }
        self
    }
}

fn main() -> ExitCode {
    let options = Options::parse().with_quick_sizes();
    common::run(&options, !options.quick, &options.json, |report| {
        measures::all(&options, report)
    })
}
