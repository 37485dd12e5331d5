//! `bucketload man`.

use clap::CommandFactory as _;

use crate::arguments::{Arguments, ManOptions};
use crate::messages::{Exit, Problem};

pub(crate) fn run(options: &ManOptions) -> Result<Exit, Problem> {
    let folder = &options.folder;
    std::fs::create_dir_all(folder)
        .and_then(|()| clap_mangen::generate_to(Arguments::command(), folder))
        .map_err(|error| {
            let what = format!("cannot write manual pages to {}", folder.display());
            Problem::of(what, &error).remedy("name a folder that you may write to")
        })?;
    Ok(Exit::Complete)
}
