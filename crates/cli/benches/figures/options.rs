//! What is asked for, and how large the worlds are that follow from it.

use std::path::{Path, PathBuf};

use clap::{Parser, ValueEnum};
use serde::Serialize;

use crate::common::Result;
use crate::common::report::Report;
use crate::{dashboard, import, queue};

/// Measure what imports, the queue and the dashboard cost.
#[derive(Debug, Clone, Parser)]
#[command(name = "figures")]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch")]
pub(crate) struct Options {
    /// Measure small worlds a single time: shows that the benchmark works, and judges nothing
    #[arg(long)]
    quick: bool,

    /// Take these measures only
    #[arg(long, value_delimiter = ',')]
    only: Vec<Measure>,

    /// How often each is measured; those that take minutes are measured once
    #[arg(long, default_value_t = 3, env = "BUCKETLOAD_BENCH_ROUNDS")]
    rounds: usize,

    /// Measure a large file of 10 GB instead of one of 2: takes 30 GB of disk
    #[arg(long, conflicts_with = "quick")]
    large: bool,

    /// Put the table into docs/BENCHMARKS.md
    #[arg(long, conflicts_with_all = ["only", "command"])]
    pub(crate) write: bool,

    /// The command to measure: another build, to compare; from the top of the project
    #[arg(long)]
    command: Option<PathBuf>,

    /// Where the figures go as JSON, from the top of the project
    #[arg(
        long,
        default_value = concat!(env!("CARGO_TARGET_TMPDIR"), "/figures.json")
    )]
    json: PathBuf,

    /// Given by `cargo bench`. Without it (`cargo test --benches`) only what `--quick` says is done
    #[arg(long, hide = true)]
    bench: bool,
}

/// How large everything is that is measured.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct Sizes {
    pub(crate) import: import::Sizes,
    pub(crate) queue: queue::Sizes,
    pub(crate) dashboard: dashboard::Sizes,
}

/// What every measure needs.
#[derive(Debug, Clone)]
pub(crate) struct Bench {
    /// The build that is measured.
    pub(crate) command: PathBuf,
    pub(crate) sizes: Sizes,
    /// Counted from 1: what comes first in one round comes second in the next.
    pub(crate) round: usize,
}

/// What can be measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Measure {
    /// A first import, and a second one of the unchanged world
    Import,
    /// The same with a larger world, for its memory
    Growth,
    /// A first import of a distant world
    Latency,
    /// Imports that are killed, and go on
    Resume,
    /// The git history, against `git clone --mirror`
    Clone,
    /// A large file, against `curl`
    Lfs,
    /// An export of issues
    IssuesExport,
    /// Many imports put into the queue, and shown
    Enqueue,
    /// What the queue adds to each import
    Overhead,
    /// One, two and four processes on PostgreSQL
    Workers,
    /// Many imports at once in one process, for its memory
    AtOnce,
    /// The pages of a large archive
    Dashboard,
}

impl std::fmt::Display for Measure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let value = self.to_possible_value();
        f.write_str(value.as_ref().map_or("", |value| value.get_name()))
    }
}

impl Measure {
    /// Whether it takes minutes, and so is not repeated.
    pub(crate) const fn is_long(self) -> bool {
        matches!(
            self,
            Self::Growth | Self::Workers | Self::AtOnce | Self::Dashboard
        )
    }

    /// Takes this measure once.
    pub(crate) fn take(self, bench: &Bench, report: &mut Report) -> Result<()> {
        match self {
            Self::Import => import::first_and_second(bench, report),
            Self::Growth => import::growth(bench, report),
            Self::Latency => import::first(bench, report),
            Self::Resume => import::resume(bench, report),
            Self::Clone => import::clone(bench, report),
            Self::Lfs => import::large_file(bench, report),
            Self::IssuesExport => import::issues_export(bench, report),
            Self::Enqueue => queue::enqueue(bench, report),
            Self::Overhead => queue::overhead(bench, report),
            Self::Workers => queue::workers(bench, report),
            Self::AtOnce => queue::at_once(bench, report),
            Self::Dashboard => dashboard::pages(bench, report),
        }
    }
}

impl Options {
    /// Whether this is for those who only want to see it work.
    pub(crate) const fn is_quick(&self) -> bool {
        self.quick || !self.bench
    }

    pub(crate) fn json(&self) -> PathBuf {
        from_top(&self.json)
    }

    /// What is measured, in which order.
    pub(crate) fn measures(&self) -> &[Measure] {
        if self.only.is_empty() {
            Measure::value_variants()
        } else {
            &self.only
        }
    }

    /// Whether that is everything.
    pub(crate) fn is_whole(&self) -> bool {
        let wanted = self.measures();
        let mut all = Measure::value_variants().iter();
        all.all(|measure| wanted.contains(measure))
    }

    /// How the figures were taken, for whoever reads them.
    pub(crate) fn how(&self) -> String {
        let build = match &self.command {
            Some(command) => format!("the build {}", command.display()),
            None if cfg!(debug_assertions) => "a build for development".to_owned(),
            None => "a release build".to_owned(),
        };
        if self.is_quick() {
            return format!("{build}, **in small (`--quick`), which judges nothing**");
        }
        let rounds = self.rounds;
        let large = if self.large { ", `--large`" } else { "" };
        format!("{build}, rounds: {rounds}{large}")
    }

    pub(crate) const fn rounds(&self) -> usize {
        if self.is_quick() { 1 } else { self.rounds }
    }

    /// What the first round is taken with.
    pub(crate) fn bench(&self) -> Bench {
        let mut sizes = if self.is_quick() {
            Sizes {
                import: import::Sizes::QUICK,
                queue: queue::Sizes::QUICK,
                dashboard: dashboard::Sizes::QUICK,
            }
        } else {
            Sizes {
                import: import::Sizes::FULL,
                queue: queue::Sizes::FULL,
                dashboard: dashboard::Sizes::FULL,
            }
        };
        if self.large {
            sizes.import.large_file_mb = import::Sizes::LARGE_FILE_MB;
        }
        Bench {
            command: match &self.command {
                Some(command) => from_top(command),
                None => env!("CARGO_BIN_EXE_bucketload").into(),
            },
            sizes,
            round: 1,
        }
    }
}

/// `cargo bench` runs in the folder of the package, which is nobody's place to name files from.
fn from_top(path: &Path) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .join(path)
}
