//! Branches and tags, by a listing of git.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bucketload_archive::StoredRepository;
use bucketload_archive::mirror::{Mirror, MirrorError, UpdateOptions};
use bucketload_model::Stage;

use super::{Difference, Online};
use crate::Importer;
use crate::failure::{StageError, describe};

impl Importer {
    pub(super) async fn compare_refs(
        &self,
        repository: &StoredRepository,
        online: &mut Online,
    ) -> Result<(), StageError> {
        let path = self.data_dir.mirror(&repository.name);
        let mut remote = self.git_remote(&repository.name);
        let signed = self.client.credential().current().await?;
        remote.authorization = signed.credential.git_authorization();
        let gate = self.client.git_gate();
        let now = self.clock.now();
        let transport = self.transport;
        let stop = Arc::new(AtomicBool::new(false));
        let cancel = Arc::clone(&stop);
        let task = tokio::task::spawn_blocking(move || {
            let Some(mirror) = Mirror::open(&path)? else {
                return Ok(None);
            };
            let mut options = UpdateOptions::new(now, &|_| {}, &cancel);
            options.transport = transport;
            options.gate = Some(&gate);
            mirror.behind(&remote, &options).map(Some)
        });
        let mut task = std::pin::pin!(task);
        let behind = tokio::select! {
            behind = &mut task => behind,
            () = self.cancel.cancelled() => {
                stop.store(true, Ordering::Relaxed);
                task.await
            }
        };
        let behind = match behind.map_err(|_| StageError::Lost)? {
            Ok(Some(behind)) => behind,
            // Whoever left git out knows.
            Ok(None) => return Ok(()),
            Err(error @ MirrorError::Cancelled) => return Err(error.into()),
            Err(error) => {
                online.unknown.push(format!("refs: {}", describe(&error)));
                return Ok(());
            }
        };
        let objects = behind.created + behind.moved + behind.vanished;
        if objects > 0 {
            online.behind.push(Difference {
                stage: Stage::Git,
                objects,
                detail: format!(
                    "of Bitbucket's {} refs {} are new and {} have moved; {} are gone there",
                    behind.listed, behind.created, behind.moved, behind.vanished
                ),
            });
        }
        Ok(())
    }
}
