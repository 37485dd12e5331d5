//! A wiki from a clone or bundle that somebody had kept when Bitbucket removed its wikis.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bucketload_archive::mirror::{Mirror, MirrorError, MirrorUpdate, UpdateOptions};
use bucketload_archive::{
    Archive, CopyError, DataDir, DatabaseError, MirrorKind, StoredWiki, WikiOrigin, bring_mirror,
    copy_mirror, provisional_repository,
};
use bucketload_model::{Clock, RepositoryName};
use serde::Serialize;
use tokio_util::sync::CancellationToken;

use crate::Importer;
use crate::issue_export::make_repository;

/// A copy of a wiki that could not be taken in.
#[derive(Debug, thiserror::Error)]
pub enum WikiCopyError {
    /// It cannot be read, or the mirror cannot be written.
    #[error("the copy cannot be brought into the archive")]
    Mirror(#[from] MirrorError),
    /// Another repository has the place of the wiki's mirror.
    #[error("the mirror of {0} lies where that of the wiki would")]
    Occupied(RepositoryName),
    /// The database failed.
    #[error("the archive's database failed")]
    Database(#[from] DatabaseError),
    /// What other machines know of the wiki cannot be had, or they cannot be told.
    #[error("the copies of the wiki in the object store cannot be used")]
    Copy(#[from] CopyError),
    /// A task was lost: a defect of this program.
    #[error("it broke off because of a defect in bucketload")]
    Lost,
}

/// What was taken in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TakenWiki {
    /// `workspace/slug`.
    pub source: String,
    /// Refs of the copy that are in the archive now.
    pub refs: u64,
    /// Those of them that were not, or pointed elsewhere.
    pub written: u64,
    /// Refs that are not kept, because of their names.
    pub skipped: Vec<String>,
}

/// What takes copies of wikis in. It needs neither Bitbucket nor a queue.
#[derive(Debug, Clone)]
pub struct WikiCopies {
    /// Where they go.
    pub archive: Archive,
    /// Where the mirrors lie.
    pub data_dir: DataDir,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// Cancelled, it stops, and nothing of a copy that is not whole is kept.
    pub cancel: CancellationToken,
}

impl Importer {
    /// Takes a wiki from a copy: see [`WikiCopies::take`].
    ///
    /// # Errors
    ///
    /// When it is no such copy, or cannot be stored.
    pub async fn take_wiki(
        &self,
        name: &RepositoryName,
        copy: &Path,
    ) -> Result<TakenWiki, WikiCopyError> {
        let copies = WikiCopies {
            archive: self.archive.clone(),
            data_dir: self.data_dir.clone(),
            clock: Arc::clone(&self.clock),
            cancel: self.cancel.clone(),
        };
        copies.take(name, copy).await
    }
}

impl WikiCopies {
    /// Takes a wiki from a clone, a bare repository or a bundle. No request is sent, and
    /// taking the same copy again changes nothing. What the archive has of the wiki already
    /// is kept.
    ///
    /// A repository that the archive does not know is made from its name; an import that
    /// reaches it at Bitbucket later gives the wiki to it.
    ///
    /// # Errors
    ///
    /// When it is no such copy, or cannot be stored.
    pub async fn take(
        &self,
        name: &RepositoryName,
        copy: &Path,
    ) -> Result<TakenWiki, WikiCopyError> {
        if let Some(other) = wiki_namesake(&self.archive, name).await? {
            return Err(WikiCopyError::Occupied(other));
        }
        let known = self.archive.repository(name).await?;
        if let Some(known) = &known {
            let (archive, data_dir, now) = (&self.archive, &self.data_dir, self.clock.now());
            bring_mirror(archive, data_dir, known, MirrorKind::Wiki, now).await?;
        }
        let update = self.bring_copy(name, copy).await?;
        let mut transaction = self.archive.begin().await?;
        let uuid = if let Some(known) = known {
            known.uuid
        } else {
            let uuid = provisional_repository(name)?;
            make_repository(&mut transaction, name, &uuid, "wiki_copy").await?;
            uuid
        };
        let wiki = StoredWiki {
            origin: WikiOrigin::Copy,
            refs: update.refs,
        };
        transaction.put_wiki(&uuid, wiki).await?;
        transaction.commit().await?;
        if let Some(known) = self.archive.repository_by_uuid(&uuid).await? {
            copy_mirror(&self.archive, &self.data_dir, &known, MirrorKind::Wiki).await?;
        }
        tracing::info!(
            repository = %name,
            refs = update.refs,
            created = update.created,
            changed = update.changed,
            "a copy of the wiki was taken in"
        );
        Ok(TakenWiki {
            source: name.to_string(),
            refs: update.refs,
            written: update.created + update.changed,
            skipped: update.skipped.iter().map(ToString::to_string).collect(),
        })
    }

    async fn bring_copy(
        &self,
        name: &RepositoryName,
        copy: &Path,
    ) -> Result<MirrorUpdate, WikiCopyError> {
        let (mirror, copy, now) = (self.data_dir.wiki(name), copy.to_owned(), self.clock.now());
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = stop.clone();
        let mut task = tokio::task::spawn_blocking(move || {
            let nobody = |_| {};
            let options = UpdateOptions::new(now, &nobody, &stopped);
            let taken =
                Mirror::open_or_init(&mirror).and_then(|open| open.take_copy(&copy, &options));
            Mirror::remove_if_empty(&mirror)?;
            taken
        });
        let result = tokio::select! {
            result = &mut task => result,
            () = self.cancel.cancelled() => {
                stop.store(true, Ordering::Relaxed);
                task.await
            }
        };
        Ok(result.map_err(|_| WikiCopyError::Lost)??)
    }
}

/// A repository that is called as this one's wiki, and whose mirror lies where that of the
/// wiki would.
pub(crate) async fn wiki_namesake(
    archive: &Archive,
    name: &RepositoryName,
) -> Result<Option<RepositoryName>, DatabaseError> {
    let Ok(slug) = format!("{}.wiki", name.slug).parse() else {
        return Ok(None);
    };
    let other = RepositoryName {
        workspace: name.workspace.clone(),
        slug,
    };
    let known = archive.repository(&other).await?;
    Ok(known.map(|known| known.name))
}
