//! What the pages of the dashboard take where the archive is large. `docs/BENCHMARKS.md` says
//! what each figure means, and has figures.
//!
//! `cargo bench -p bucketload --bench dashboard` measures everything, with `-- --quick` in
//! small; `-- --help` lists the sizes.

#[path = "../common/mod.rs"]
mod common;
mod crowd;
mod measures;
mod service;
mod visitors;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use serde::Serialize;

/// Measure what the dashboard takes.
#[derive(Debug, Clone, Parser, Serialize)]
#[command(name = "dashboard")]
struct Options {
    /// Measure a small archive: shows that the benchmark works, and judges nothing
    #[arg(long)]
    quick: bool,

    /// Repositories in the archive
    #[arg(long, default_value_t = 10_000, env = "BUCKETLOAD_BENCH_REPOSITORIES")]
    repositories: u64,

    /// Pull requests in all of them
    #[arg(
        long,
        default_value_t = 1_000_000,
        env = "BUCKETLOAD_BENCH_PULL_REQUESTS"
    )]
    pull_requests: u64,

    /// People who look at pages at the same time
    #[arg(long, default_value_t = 20, env = "BUCKETLOAD_BENCH_PEOPLE")]
    people: usize,

    /// How often each of them looks at each page
    #[arg(long, default_value_t = 20, env = "BUCKETLOAD_BENCH_TIMES")]
    times: usize,

    /// Milliseconds that each of them reads before the next page; without a pause they look as
    /// well
    #[arg(long, default_value_t = 1_000, env = "BUCKETLOAD_BENCH_PAUSE")]
    pause: u64,

    /// Streams of events that are open at the same time
    #[arg(long, default_value_t = 1_000, env = "BUCKETLOAD_BENCH_STREAMS")]
    streams: usize,

    /// The command to measure: another build, to compare
    #[arg(long, default_value = env!("CARGO_BIN_EXE_bucketload"))]
    #[serde(skip)]
    command: PathBuf,

    /// Where the figures go as JSON
    #[arg(
        long,
        default_value = concat!(env!("CARGO_TARGET_TMPDIR"), "/bench-dashboard.json")
    )]
    #[serde(skip)]
    json: PathBuf,

    /// Given by `cargo bench`. Without it (`cargo test --benches`) only what `--quick` says is done
    #[arg(long, hide = true)]
    #[serde(skip)]
    bench: bool,
}

impl Options {
    /// The sizes of `--quick`, for those who only want to see it work.
    fn with_quick_sizes(mut self) -> Self {
        if self.quick || !self.bench {
            self.quick = true;
            self.repositories = 100;
            self.pull_requests = 10_000;
            self.people = 3;
            self.times = 2;
            self.pause = 10;
            self.streams = 20;
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
