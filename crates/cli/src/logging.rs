//! Logs go to standard error, above the bars while there are any.

use std::io;

use indicatif::MultiProgress;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

use crate::config::Config;
use crate::messages::Problem;
use crate::output::LogFormat;

/// Starts logging. `verbose` is how often `-v` was given.
pub(crate) fn start(config: &Config, verbose: u8, bars: MultiProgress) -> Result<(), Problem> {
    let filter = &config.log;
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
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(io::IsTerminal::is_terminal(&io::stderr()))
        .with_writer(AboveBars(bars));
    let started = match config.log_format {
        LogFormat::Text => builder.with_target(false).try_init(),
        // The fields of an event beside its time and level, those of its spans from the
        // outermost to the innermost.
        LogFormat::Json => builder
            .json()
            .flatten_event(true)
            .with_current_span(false)
            .with_span_list(true)
            .try_init(),
    };
    started.map_err(|error| Problem::of("cannot start logging", error.as_ref()))
}

#[derive(Clone)]
struct AboveBars(MultiProgress);

impl io::Write for AboveBars {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        // Whole, or others could write into the middle of a line.
        self.0.suspend(|| io::stderr().write_all(buffer))?;
        Ok(buffer.len())
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
