//! What an import costs in time and memory. `docs/BENCHMARKS.md` says what each
//! figure means, and has figures.
//!
//! `cargo bench -p bucketload --bench import` measures everything, with
//! `-- --quick` in small; `-- --help` lists the sizes.

mod child;
#[path = "../common/mod.rs"]
mod common;
mod files;
mod history;
mod importer;
mod measures;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, ValueEnum};
use serde::Serialize;

/// Measure what an import costs.
#[derive(Debug, Clone, Parser, Serialize)]
#[command(name = "import")]
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

    /// Pull requests in the world
    #[arg(long, default_value_t = 5_000, env = "BUCKETLOAD_BENCH_PULL_REQUESTS")]
    pull_requests: u64,

    /// Comments on each of them, on average
    #[arg(long, default_value_t = 6, env = "BUCKETLOAD_BENCH_COMMENTS")]
    comments: u64,

    /// How many times larger the large world is
    #[arg(long, default_value_t = 10, env = "BUCKETLOAD_BENCH_GROWTH")]
    growth: u64,

    /// Milliseconds that each answer of the distant world takes
    #[arg(long, default_value_t = 100, env = "BUCKETLOAD_BENCH_LATENCY")]
    latency: u64,

    /// Pull requests in the distant world
    #[arg(
        long,
        default_value_t = 3_000,
        env = "BUCKETLOAD_BENCH_DISTANT_PULL_REQUESTS"
    )]
    distant_pull_requests: u64,

    /// Commits in the repository that is cloned
    #[arg(long, default_value_t = 20_000, env = "BUCKETLOAD_BENCH_COMMITS")]
    commits: usize,

    /// Refs in the repository that is cloned
    #[arg(long, default_value_t = 2_000, env = "BUCKETLOAD_BENCH_REFS")]
    refs: usize,

    /// Megabytes of the large file
    #[arg(long, default_value_t = 10_000, env = "BUCKETLOAD_BENCH_LARGE_FILE_MB")]
    large_file: u64,

    /// Issues in the export, with six comments each
    #[arg(long, default_value_t = 5_000, env = "BUCKETLOAD_BENCH_ISSUES")]
    issues: u64,

    /// The command to measure: another build, to compare
    #[arg(long, default_value = env!("CARGO_BIN_EXE_bucketload"))]
    #[serde(skip)]
    command: PathBuf,

    /// Where the figures go as JSON
    #[arg(
        long,
        default_value = concat!(env!("CARGO_TARGET_TMPDIR"), "/bench-import.json")
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
    /// A first import, and a second one of the unchanged world
    Import,
    /// The same with a larger world, for its memory
    Growth,
    /// A first import of a distant world
    Latency,
    /// The git history, against `git clone --mirror`
    Clone,
    /// A large file, against `curl`
    Lfs,
    /// An export of issues
    IssuesExport,
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
            self.pull_requests = 400;
            self.growth = 4;
            self.distant_pull_requests = 200;
            self.commits = 600;
            self.refs = 60;
            self.large_file = 50;
            self.issues = 100;
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
