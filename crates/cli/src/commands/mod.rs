//! One file per command, and what they share.

pub(crate) mod auth;
mod credentials;
pub(crate) mod demo;
pub(crate) mod doctor;
pub(crate) mod export;
pub(crate) mod import;
pub(crate) mod list;
pub(crate) mod serve;
pub(crate) mod simulator;
pub(crate) mod stages;
pub(crate) mod status;

use bucketload_archive::Archive;
use bucketload_model::{ImportReport, ImportState};
use indicatif::MultiProgress;

use crate::arguments::Arguments;
use crate::config::Config;
use crate::logging;
use crate::messages::Problem;

/// What every command works with.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) config: Config,
    pub(crate) json: bool,
    pub(crate) no_progress: bool,
    pub(crate) bars: MultiProgress,
}

impl Session {
    pub(crate) fn new(arguments: &Arguments) -> Result<Self, Problem> {
        let global = &arguments.global;
        let config = Config::load(global.data_dir.as_deref(), global.config.as_deref())?;
        let bars = MultiProgress::new();
        logging::start(&config.log, global.verbose, bars.clone())?;
        Ok(Self {
            config,
            json: global.json,
            no_progress: global.no_progress,
            bars,
        })
    }

    /// The archive, to read it beside whoever writes.
    pub(crate) async fn read_archive(&self) -> Result<Archive, Problem> {
        Ok(Archive::open_existing(&self.config.data_dir).await?)
    }

    /// Whether any process may be at work on the archive right now.
    pub(crate) fn is_in_use(&self) -> bool {
        self.config.data_dir.lock().is_err()
    }
}

/// An import that was killed still says that it runs; when nobody is at work, it
/// does not.
pub(crate) fn as_it_is(mut report: ImportReport, is_in_use: bool) -> ImportReport {
    if report.state == ImportState::Running && !is_in_use {
        report.state = ImportState::Cancelled;
        report.error = Some("its process ended; import again to go on".to_owned());
    }
    report
}
