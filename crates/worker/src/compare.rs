//! What Bitbucket has now, against what the archive has.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bucketload_archive::StoredRepository;
use bucketload_archive::mirror::{Mirror, MirrorError, UpdateOptions};
use bucketload_bitbucket::PullRequestFilter;
use bucketload_model::{ErrorClass, Stage};
use serde::Serialize;

use crate::Importer;
use crate::failure::{StageError, describe};

/// Something that Bitbucket has and the archive has not, or not in this form.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// The stage that brings it.
    pub stage: Stage,
    /// How many objects.
    pub objects: u64,
    /// What it is, for people.
    pub detail: String,
}

/// What Bitbucket has now.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Online {
    /// Why Bitbucket does not show the repository any more, if so. Then the archive is what
    /// there is, and nothing is compared.
    pub vanished: Option<String>,
    /// What an import would bring.
    pub behind: Vec<Difference>,
    /// What could not be compared, and why.
    pub unknown: Vec<String>,
}

impl Importer {
    /// Compares the archive with the counts and refs that Bitbucket shows now. That takes two
    /// REST requests and a listing of refs; what is changed in objects that are the same in
    /// number, it does not see.
    ///
    /// # Errors
    ///
    /// When Bitbucket cannot be asked, or the database fails.
    pub async fn compare(&self, repository: &StoredRepository) -> Result<Online, StageError> {
        let mut online = Online::default();
        match self.client.repository(&repository.name).await {
            Ok(answer) if answer.item.value.uuid != repository.uuid => {
                online.vanished = Some("another repository has its name now".to_owned());
                return Ok(online);
            }
            Ok(_) => {}
            Err(error) if matches!(error.class(), ErrorClass::NotFound | ErrorClass::Gone) => {
                online.vanished = Some(describe(&error));
                return Ok(online);
            }
            Err(error) => return Err(error.into()),
        }
        self.compare_pull_requests(repository, &mut online).await?;
        self.compare_refs(repository, &mut online).await?;
        Ok(online)
    }

    async fn compare_pull_requests(
        &self,
        repository: &StoredRepository,
        online: &mut Online,
    ) -> Result<(), StageError> {
        let filter = PullRequestFilter::default();
        let (endpoint, url) = self
            .client
            .pull_requests_matching(&repository.name, &filter);
        let size = match self.client.size(endpoint, &url).await {
            Ok(Some(size)) => size,
            Ok(None) => {
                let why = "Bitbucket does not say how many pull requests there are";
                online.unknown.push(why.to_owned());
                return Ok(());
            }
            Err(error) if error.class().is_about_one_list() => {
                online
                    .unknown
                    .push(format!("pull requests: {}", describe(&error)));
                return Ok(());
            }
            Err(error) => return Err(error.into()),
        };
        let stored = self.archive.count_pull_requests(&repository.uuid).await?;
        if size > stored {
            online.behind.push(Difference {
                stage: Stage::PullRequests,
                objects: size - stored,
                detail: format!("Bitbucket has {size} pull requests and the archive {stored}"),
            });
        }
        Ok(())
    }

    async fn compare_refs(
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
