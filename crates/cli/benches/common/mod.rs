//! What every benchmark of the command has: figures in a table and as JSON, the machine that
//! they are from, and the way to run it.

pub(crate) mod machine;
pub(crate) mod report;

use std::error::Error;
use std::io::{self, Write as _};
use std::path::Path;
use std::process::ExitCode;

use serde::Serialize;

use self::machine::Machine;
use self::report::Report;

/// Anything may go wrong here, and then there are no figures.
pub(crate) type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// For those who wait.
pub(crate) fn note(text: &str) {
    let _ = writeln!(io::stderr(), "{text}");
}

/// On the disk that the build is on: a temporary folder may be memory.
pub(crate) fn folder() -> Result<tempfile::TempDir> {
    std::fs::create_dir_all(env!("CARGO_TARGET_TMPDIR"))?;
    Ok(tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?)
}

/// Takes the measures, prints their table, and writes the same with every single value.
/// In small worlds (`judges` is false) nothing is held against a target: the start of a
/// process alone is a good part of the time there.
pub(crate) fn run(
    sizes: &impl Serialize,
    judges: bool,
    json: &Path,
    measure: impl FnOnce(&mut Report) -> Result<()>,
) -> ExitCode {
    match figures(sizes, judges, json, measure) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            note(&format!("error: {error}"));
            ExitCode::FAILURE
        }
    }
}

fn figures(
    sizes: &impl Serialize,
    judges: bool,
    json: &Path,
    measure: impl FnOnce(&mut Report) -> Result<()>,
) -> Result<()> {
    let machine = Machine::look()?;
    let mut report = Report::new(judges);
    measure(&mut report)?;
    let mut out = io::stdout().lock();
    write!(out, "\n{machine}\n{report}")?;
    let document = serde_json::json!({ "machine": machine, "sizes": sizes, "figures": report });
    std::fs::write(json, serde_json::to_vec_pretty(&document)?)?;
    writeln!(out, "\nThe same as JSON: {}", json.display())?;
    Ok(())
}
