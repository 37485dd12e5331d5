//! One file per command, and what they share.

pub(crate) mod audit;
pub(crate) mod auth;
mod background;
pub(crate) mod completions;
mod credentials;
pub(crate) mod demo;
pub(crate) mod doctor;
pub(crate) mod export;
mod from_export;
pub(crate) mod health;
pub(crate) mod import;
mod issue_export;
mod kept;
pub(crate) mod list;
pub(crate) mod man;
pub(crate) mod notify;
pub(crate) mod people;
pub(crate) mod queue;
mod saved_images;
pub(crate) mod schedules;
pub(crate) mod serve;
pub(crate) mod simulator;
mod sources;
pub(crate) mod stages;
pub(crate) mod status;
pub(crate) mod upgrade;
pub(crate) mod verify;
mod wiki_copy;
pub(crate) mod worker;

use bucketload_archive::{Archive, DatabaseError};
use bucketload_model::{ImportId, RepositoryName};
use bucketload_server::ServerError;
use indicatif::MultiProgress;
use tokio_util::sync::CancellationToken;

use crate::arguments::Arguments;
use crate::config::Config;
use crate::logging;
use crate::messages::Problem;
use crate::output;
use crate::telemetry::Telemetry;

/// What every command works with.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) config: Config,
    pub(crate) json: bool,
    pub(crate) no_progress: bool,
    pub(crate) bars: MultiProgress,
}

impl Session {
    /// What commands work with, and what sends traces on its way.
    pub(crate) fn new(arguments: &Arguments) -> Result<(Self, Telemetry), Problem> {
        let global = &arguments.global;
        let config = Config::load(global.data_dir.as_deref(), global.config.as_deref())?;
        let bars = MultiProgress::new();
        let telemetry = logging::start(&config, global.verbose, bars.clone())?;
        let session = Self {
            config,
            json: global.json,
            no_progress: global.no_progress,
            bars,
        };
        Ok((session, telemetry))
    }

    /// The archive, to read it beside whoever writes.
    pub(crate) async fn read_archive(&self) -> Result<Archive, Problem> {
        Ok(Archive::open_existing(&self.config.data_dir).await?)
    }
}

/// Answers beside work that goes on. At the end the work is ended first: whoever watches
/// sees it come to its end. When nobody can be answered any more, the work ends, too.
async fn beside<S: Future<Output = Result<(), ServerError>>>(
    stop: &CancellationToken,
    work: impl Future<Output = Result<(), DatabaseError>>,
    serve: impl FnOnce(CancellationToken) -> S,
) -> Result<(), Problem> {
    let close = CancellationToken::new();
    let working = async {
        let result = work.await;
        close.cancel();
        result
    };
    let serving = async {
        let result = serve(close.clone()).await;
        stop.cancel();
        result
    };
    let (worked, served) = tokio::join!(working, serving);
    worked?;
    Ok(served?)
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

#[cfg(test)]
mod tests {
    use std::io;

    use tokio::sync::oneshot;

    use super::*;

    #[tokio::test]
    async fn answers_end_after_the_work() {
        let stop = CancellationToken::new();
        let (end_work, work_ends) = oneshot::channel::<()>();
        let (see, seen) = oneshot::channel();
        let work = async {
            stop.cancelled().await;
            work_ends.await.unwrap();
            Ok(())
        };
        let serve = |close: CancellationToken| async move {
            see.send(close.clone()).unwrap();
            close.cancelled().await;
            Ok(())
        };
        let watch = async {
            let close = seen.await.unwrap();
            stop.cancel();
            tokio::task::yield_now().await;
            assert!(!close.is_cancelled());
            end_work.send(()).unwrap();
        };
        let (result, ()) = tokio::join!(beside(&stop, work, serve), watch);
        result.unwrap();
    }

    #[tokio::test]
    async fn when_nobody_can_be_answered_the_work_ends() {
        let stop = CancellationToken::new();
        let broken = || Err(ServerError::Serve(io::ErrorKind::BrokenPipe.into()));
        let work = async {
            stop.cancelled().await;
            Ok(())
        };
        let result = beside(&stop, work, |_| async { broken() }).await;
        result.unwrap_err();
    }
}
