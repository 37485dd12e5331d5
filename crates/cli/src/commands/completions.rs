//! `bucketload completions`.

use clap::CommandFactory as _;

use crate::arguments::{Arguments, CompletionsOptions};
use crate::messages::{Exit, Problem};
use crate::output;

#[expect(clippy::unnecessary_wraps, reason = "commands have one shape")]
pub(crate) fn run(options: &CompletionsOptions) -> Result<Exit, Problem> {
    // Made whole before any of it is printed: the crate panics where it cannot write.
    let mut script = Vec::new();
    let mut command = Arguments::command();
    clap_complete::generate(options.shell, &mut command, "bucketload", &mut script);
    output::bytes(&script);
    Ok(Exit::Complete)
}
