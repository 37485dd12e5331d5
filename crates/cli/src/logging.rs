//! Logs go to standard error, above the bars while there are any; traces to a collector, where
//! the command was built with that (`telemetry`) and one is named.

use std::io;

use indicatif::MultiProgress;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer as _};

use crate::config::Config;
use crate::messages::Problem;
use crate::output::LogFormat;
use crate::telemetry::{self, Telemetry};

/// Starts logging, and traces where they are wanted. `verbose` is how often `-v` was given.
pub(crate) fn start(
    config: &Config,
    verbose: u8,
    bars: MultiProgress,
) -> Result<Telemetry, Problem> {
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
    let lines = tracing_subscriber::fmt::layer()
        .with_ansi(io::IsTerminal::is_terminal(&io::stderr()))
        .with_writer(AboveBars(bars));
    let lines = match config.log_format {
        LogFormat::Text => lines.with_target(false).boxed(),
        // The fields of an event beside its time and level, those of its spans from the
        // outermost to the innermost.
        LogFormat::Json => lines
            .json()
            .flatten_event(true)
            .with_current_span(false)
            .with_span_list(true)
            .boxed(),
    };
    let registry = tracing_subscriber::registry().with(lines.with_filter(filter));
    let (traces, telemetry) = telemetry::start(config.has_collector)?;
    registry
        .with(traces)
        .try_init()
        .map_err(|error| Problem::of("cannot start logging", &error))?;
    Ok(telemetry)
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
