//! What an import costs in requests, time and memory, what the queue adds to it, and what the
//! dashboard's pages take. `docs/BENCHMARKS.md` says what each figure means, and has figures.
//!
//! `cargo bench -p bucketload --bench figures` measures everything, with `-- --quick` in small;
//! `-- --help` lists what else can be asked for.

mod catalogue;
mod common;
mod dashboard;
mod document;
mod import;
mod options;
#[path = "../../../../tests/postgres/mod.rs"]
mod postgres;
mod queue;

use std::process::ExitCode;

use clap::Parser as _;

use crate::common::note;
use crate::options::Options;

fn main() -> ExitCode {
    let options = Options::parse();
    match common::run(&options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            note(&format!("error: {error}"));
            ExitCode::FAILURE
        }
    }
}
