//! What every measure has: figures in a table and as JSON, the machine that they are from,
//! and the command that is measured.

pub(crate) mod child;
pub(crate) mod machine;
pub(crate) mod report;
mod table;

use std::error::Error;
use std::io::{self, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};

use bucketload_simulator::Simulator;

use self::machine::Machine;
use self::report::Report;
use crate::document;
use crate::options::Options;

/// Anything may go wrong here, and then there are no figures.
pub(crate) type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// What the simulator lets do everything.
pub(crate) const TOKEN: &str = "simulator-full-access";

/// For those who wait.
pub(crate) fn note(text: &str) {
    let _ = writeln!(io::stderr(), "{text}");
}

/// On the disk that the build is on: a temporary folder may be memory.
pub(crate) fn folder() -> Result<tempfile::TempDir> {
    std::fs::create_dir_all(env!("CARGO_TARGET_TMPDIR"))?;
    Ok(tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?)
}

#[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
pub(crate) fn number(count: u64) -> f64 {
    count as f64
}

pub(crate) fn count(count: usize) -> Result<f64> {
    Ok(number(u64::try_from(count)?))
}

pub(crate) fn mebibytes(bytes: u64) -> f64 {
    number(bytes) / 1024.0 / 1024.0
}

/// A build, set up for an archive and a simulator: nothing that was set around the benchmark
/// reaches it, and no quota holds it back.
pub(crate) fn command(build: &Path, data_dir: &Path, simulator: &Simulator) -> Command {
    let mut command = Command::new(build);
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("BUCKETLOAD_") {
            command.env_remove(name);
        }
    }
    command
        .env("BUCKETLOAD_DATA_DIR", data_dir)
        .env("BUCKETLOAD_BITBUCKET_API_URL", simulator.api_url())
        .env("BUCKETLOAD_BITBUCKET_WEB_URL", simulator.web_url())
        .env("BUCKETLOAD_BITBUCKET_TOKEN", TOKEN)
        .env("BUCKETLOAD_REST_QUOTA", "0")
        .env("BUCKETLOAD_GIT_QUOTA", "0")
        .stdin(Stdio::null());
    command
}

/// Takes the measures, prints their table, and writes the same with every single value.
pub(crate) fn run(options: &Options) -> Result<()> {
    let machine = Machine::look()?;
    // In small worlds the start of a process alone is a good part of the time.
    let mut report = Report::new(options.is_whole(), !options.is_quick());
    let mut bench = options.bench();
    for round in 1..=options.rounds() {
        bench.round = round;
        // Round by round, so that a busy minute of the machine spoils no figure whole.
        for measure in options.measures() {
            if round == 1 || !measure.is_long() {
                note(&format!("round {round} of {}: {measure}", options.rounds()));
                measure.take(&bench, &mut report)?;
            }
        }
    }
    let how = options.how();
    let figures = format!("{machine}; {how}.\n\n{report}");
    let mut document = report.json();
    document["machine"] = serde_json::to_value(machine)?;
    document["run"] = how.into();
    document["rounds"] = options.rounds().into();
    document["sizes"] = serde_json::to_value(bench.sizes)?;
    let json = options.json();
    std::fs::write(&json, serde_json::to_vec_pretty(&document)?)?;
    if options.write {
        document::write(&figures)?;
    }
    let mut out = io::stdout().lock();
    write!(out, "\n{figures}")?;
    writeln!(out, "\nThe same as JSON: {}", json.display())?;
    Ok(())
}
