//! `bucketload worker`.

use std::sync::Arc;

use bucketload_archive::Archive;
use bucketload_model::SystemClock;
use bucketload_server::{Monitor, MonitorOptions};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::background::{self, Background};
use super::{Session, beside};
use crate::arguments::WorkerOptions;
use crate::messages::{self, Exit, Problem};
use crate::{interrupt, output};

pub(crate) async fn run(session: &Session, options: &WorkerOptions) -> Result<Exit, Problem> {
    let config = &session.config;
    config.data_dir.create()?;
    let archive = Archive::open(&config.data_dir).await?;
    let metrics = background::metrics(session);
    let stop = CancellationToken::new();
    let background = Background::open(
        session,
        archive.clone(),
        options.places,
        Arc::clone(&metrics),
        stop.clone(),
    )
    .await?;
    let monitor = match options.listen {
        Some(listen) => Some(
            Monitor::bind(MonitorOptions {
                listen,
                archive: archive.clone(),
                data_dir: config.data_dir.clone(),
                metrics,
                stopping: stop.clone(),
                clock: Arc::new(SystemClock),
            })
            .await?,
        ),
        None => None,
    };
    let _watch = interrupt::watch(stop.clone(), session.bars.clone(), messages::STOPPING_WORK);
    let concurrency = background.concurrency() as u64;
    if session.json {
        let address = monitor.as_ref().map(Monitor::address);
        output::json(&json!({ "concurrency": concurrency, "listen": address }));
    } else {
        output::note(&format!(
            "Working on {} at once; Ctrl-C stops.",
            output::counted(concurrency, "import", "imports")
        ));
        if let Some(monitor) = &monitor {
            output::note(&format!(
                "Health and figures are at http://{}/healthz, /readyz and /metrics.",
                monitor.address()
            ));
        }
    }
    let result = if let Some(monitor) = monitor {
        beside(&stop, background.run(), |close| monitor.run(close)).await
    } else {
        background.run().await.map_err(Problem::from)
    };
    background::say_what_is_left(&archive).await;
    archive.close().await;
    result?;
    Ok(Exit::Complete)
}
