//! Logs go to standard error, above the bars while there are any.

use std::io;

use indicatif::MultiProgress;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

use crate::messages::Problem;

/// Starts logging. `verbose` is how often `-v` was given.
pub(crate) fn start(filter: &str, verbose: u8, bars: MultiProgress) -> Result<(), Problem> {
    let filter = match verbose {
        0 => filter.to_owned(),
        1 => format!(
            "{filter},bucketload=debug,bucketload_worker=debug,bucketload_bitbucket=debug,bucketload_archive=debug"
        ),
        _ => "trace".to_owned(),
    };
    let filter = EnvFilter::try_new(&filter).map_err(|error| {
        Problem::of(format!("“{filter}” is no log filter"), &error).with_usage_exit()
    })?;
    let started = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(io::IsTerminal::is_terminal(&io::stderr()))
        .with_target(false)
        .with_writer(AboveBars(bars))
        .try_init();
    started.map_err(|error| Problem::of("cannot start logging", error.as_ref()))
}

#[derive(Clone)]
struct AboveBars(MultiProgress);

impl io::Write for AboveBars {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        self.0.suspend(|| io::stderr().write(buffer))
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

impl<'a> MakeWriter<'a> for AboveBars {
    type Writer = Self;

    fn make_writer(&'a self) -> Self::Writer {
        self.clone()
    }
}
