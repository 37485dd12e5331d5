//! One file per command, and what they share.

pub(crate) mod auth;
mod credentials;
pub(crate) mod demo;
pub(crate) mod doctor;
pub(crate) mod export;
pub(crate) mod import;
pub(crate) mod list;
pub(crate) mod queue;
pub(crate) mod serve;
pub(crate) mod simulator;
mod sources;
pub(crate) mod stages;
pub(crate) mod status;
pub(crate) mod worker;

use bucketload_archive::{Archive, Life};
use bucketload_model::{
    Clock as _, ImportId, ImportReport, ImportState, RepositoryName, SystemClock,
};
use indicatif::MultiProgress;

use crate::arguments::Arguments;
use crate::config::Config;
use crate::logging;
use crate::messages::Problem;
use crate::output;

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
}

/// A report as somebody should see it: an import that was killed still says that it runs,
/// when its process is gone.
pub(crate) async fn as_it_is(
    session: &Session,
    archive: &Archive,
    mut report: ImportReport,
) -> Result<ImportReport, Problem> {
    if !matches!(report.state, ImportState::Running | ImportState::Cancelling) {
        return Ok(report);
    }
    let summary = archive.import_summary(report.id).await?;
    let Some(summary) = summary else {
        return Ok(report);
    };
    let is_kept =
        summary.lease.is_some_and(
            |(owner, until)| match session.config.data_dir.life(&owner) {
                Life::Alive => true,
                Life::Dead => false,
                Life::Unknown => until >= SystemClock.now(),
            },
        );
    if !is_kept && summary.is_foreground {
        report.state = ImportState::Cancelled;
        report.error = Some("its process ended; import again to go on".to_owned());
    } else if !is_kept {
        report.state = ImportState::Queued;
        report.error = Some("its worker is gone; the next one goes on".to_owned());
    }
    Ok(report)
}

/// An import by its id, or the latest one of a repository.
pub(crate) async fn find_import(archive: &Archive, text: &str) -> Result<ImportId, Problem> {
    let id = if let Ok(id) = text.parse::<ImportId>() {
        archive.import(id).await?.map(|import| import.id)
    } else if let Ok(name) = text.parse::<RepositoryName>() {
        archive.latest_import(&name).await?.map(|import| import.id)
    } else {
        None
    };
    id.ok_or_else(|| {
        Problem::usage(
            format!("there is no import “{}”", output::printable(text)),
            "give an import's id or workspace/repository; “bucketload status” shows all",
        )
    })
}
