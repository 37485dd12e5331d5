//! Commits that the clone lacks and git may still give.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bucketload_archive::mirror::{Mirror, MirrorError, Oid, UpdateOptions};
use bucketload_bitbucket::PullRequest;
use bucketload_model::RepositoryName;
use tokio::sync::Mutex;

use crate::failure::{StageError, describe};
use crate::stages::StageContext;

/// A server that refused so many hashes in a row gives none: Bitbucket does not say whether
/// it does.
const REFUSALS: u32 = 3;

/// Asks the repository, and the fork that a pull request came from.
pub(super) struct Heads<'a> {
    context: &'a StageContext,
    /// Refusals in a row of each. One asks at a time: the mirror has one writer.
    refused: Mutex<BTreeMap<RepositoryName, u32>>,
}

impl<'a> Heads<'a> {
    pub(super) fn new(context: &'a StageContext) -> Self {
        Self {
            context,
            refused: Mutex::default(),
        }
    }

    /// Brings the newest commit of a pull request into the mirror. Returns whether somebody
    /// gave it.
    pub(super) async fn bring(
        &self,
        pull_request: &PullRequest,
        newest: &str,
    ) -> Result<bool, StageError> {
        let Ok(commit) = newest.parse::<Oid>() else {
            return Ok(false);
        };
        let mut refused = self.refused.lock().await;
        for name in self.remotes(pull_request) {
            let refusals = refused.entry(name.clone()).or_default();
            if *refusals >= REFUSALS {
                continue;
            }
            if self.ask(&name, pull_request.id.0, commit).await? {
                *refusals = 0;
                return Ok(true);
            }
            *refusals += 1;
        }
        Ok(false)
    }

    /// The repository itself, and the fork where there still is one.
    fn remotes(&self, pull_request: &PullRequest) -> Vec<RepositoryName> {
        let own = self.context.name.clone();
        let source = pull_request.source.as_ref();
        let fork = source.and_then(|source| source.repository.as_ref());
        let fork = fork.and_then(|fork| fork.full_name.parse().ok());
        let fork = fork.filter(|fork| *fork != own);
        [own].into_iter().chain(fork).collect()
    }

    /// Asks one of them, on a thread of its own.
    async fn ask(
        &self,
        name: &RepositoryName,
        number: i64,
        commit: Oid,
    ) -> Result<bool, StageError> {
        let context = self.context;
        let mut remote = context.importer.git_remote(name);
        let signed = context.importer.client.credential().current().await?;
        remote.authorization = signed.credential.git_authorization();
        let importer = context.importer.clone();
        let path = importer.data_dir.mirror(&context.name);
        let gate = importer.client.git_gate();
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = stop.clone();
        let mut task = tokio::task::spawn_blocking(move || {
            let Some(mirror) = Mirror::open(&path)? else {
                return Ok(false);
            };
            let mut options = UpdateOptions::new(importer.clock.now(), &|_| {}, &stopped);
            options.transport = importer.transport;
            options.gate = Some(&gate);
            mirror.bring_head(&remote, &options, number, commit)
        });
        let result = tokio::select! {
            result = &mut task => result,
            () = context.ending.cancelled() => {
                stop.store(true, Ordering::Relaxed);
                task.await
            }
        };
        match result.map_err(|_| StageError::Lost)? {
            Ok(given) => Ok(given),
            Err(MirrorError::Cancelled) => Err(StageError::Cancelled),
            Err(error @ MirrorError::DiskFull { .. }) => Err(error.into()),
            // There are still the diff and the patch.
            Err(error) => {
                tracing::debug!(
                    repository = %name,
                    pull_request = number,
                    problem = describe(&error),
                    "a commit cannot be fetched by its hash"
                );
                Ok(false)
            }
        }
    }
}
