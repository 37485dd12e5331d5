//! `bucketload import --from-export`.

use std::path::Path;
use std::sync::Arc;

use bucketload_archive::{Archive, find_exports};
use bucketload_model::SystemClock;
use bucketload_worker::{RestoreError, Restorer};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::Session;
use crate::interrupt;
use crate::messages::{self, Exit, Problem};
use crate::output::{self, counted};

/// Reads back every export in the folder. One that cannot be costs nobody the others.
pub(super) async fn run(session: &Session, folder: &Path) -> Result<Exit, Problem> {
    let exports = find_exports(folder).map_err(RestoreError::from)?;
    let data_dir = &session.config.data_dir;
    data_dir.create()?;
    let archive = Archive::open(data_dir).await?;
    let _share = data_dir.share()?;
    let restorer = Restorer {
        archive,
        data_dir: data_dir.clone(),
        clock: Arc::new(SystemClock),
        asked_by: session.config.asker(),
        cancel: CancellationToken::new(),
    };
    let _watch = interrupt::watch(
        restorer.cancel.clone(),
        session.bars.clone(),
        messages::STOPPING,
    );
    let mut exit = Exit::Complete;
    let mut reports = Vec::new();
    for export in &exports {
        match restorer.restore(export).await {
            Ok(restored) => {
                if !session.json {
                    output::line(&format!(
                        "{}: {}, {} and {} read back",
                        restored.source,
                        counted(restored.objects, "object", "objects"),
                        counted(restored.files, "file", "files"),
                        counted(restored.refs, "ref", "refs"),
                    ));
                }
                reports.extend(restorer.archive.report(restored.import).await?);
            }
            Err(error) => exit = exit.max(messages::report(&error.into())),
        }
        if restorer.cancel.is_cancelled() {
            break;
        }
    }
    restorer.archive.close().await;
    if session.json {
        output::json(&json!({ "imports": reports }));
    }
    Ok(exit)
}
