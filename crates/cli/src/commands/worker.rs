//! `bucketload worker`.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use bucketload_bitbucket::WaitPolicy;
use bucketload_model::NullSink;
use bucketload_worker::queue::{Worker, WorkerOptions as Options};

use super::Session;
use super::import::importer;
use crate::arguments::{ImportOptions, WorkerOptions};
use crate::messages::{Exit, Problem};
use crate::{interrupt, output};

/// An import that would wait longer for quota makes room for others.
const LONGEST_WAIT: Duration = Duration::from_secs(10);

pub(crate) async fn run(session: &Session, options: &WorkerOptions) -> Result<Exit, Problem> {
    let (importer, _share) = importer(
        session,
        &ImportOptions::default(),
        &BTreeSet::new(),
        Arc::new(NullSink),
        WaitPolicy::AtMost(LONGEST_WAIT),
    )
    .await?;
    let concurrency = options.concurrency.unwrap_or(session.config.concurrency);
    let worker = Worker::new(
        importer.clone(),
        Options {
            concurrency,
            limits: session.config.limits,
            ..Options::default()
        },
    )
    .await?;
    let _watch = interrupt::watch(importer.cancel.clone(), session.bars.clone());
    output::note(&format!(
        "Working on {} at once; Ctrl-C stops.",
        output::counted(concurrency as u64, "import", "imports")
    ));
    worker.run().await;
    importer.client.credential().settle().await;
    importer.archive.close().await;
    Ok(Exit::Complete)
}
