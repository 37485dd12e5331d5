//! Mirrors that other machines have, too (`archive::bring_mirror`).

use bucketload_archive::{MirrorKind, bring_mirror, prepare_copy};
use tokio::sync::OnceCell;

use super::StageContext;
use crate::failure::StageError;

/// Which mirrors a run has looked for in the object store.
#[derive(Debug, Default)]
pub(crate) struct BroughtMirrors {
    git: OnceCell<()>,
    wiki: OnceCell<()>,
}

impl StageContext {
    /// Makes a mirror that a stage will work on what the object store has, once in a run.
    pub(super) async fn bring_mirror(&self, kind: MirrorKind) -> Result<(), StageError> {
        let once = match kind {
            MirrorKind::Git => &self.brought.git,
            MirrorKind::Wiki => &self.brought.wiki,
        };
        let bringing = once.get_or_try_init(async || {
            let importer = &self.importer;
            let (archive, data_dir) = (&importer.archive, &importer.data_dir);
            let now = importer.clock.now();
            let bringing = bring_mirror(archive, data_dir, self.repository()?, kind, now);
            Ok::<_, StageError>(self.unless_stopped(bringing).await??)
        });
        bringing.await.copied()
    }

    /// Puts what a mirror has into the object store, before anything says that it is here.
    pub(super) async fn copy_mirror(&self, kind: MirrorKind) -> Result<(), StageError> {
        let importer = &self.importer;
        let (archive, data_dir) = (&importer.archive, &importer.data_dir);
        let preparing = prepare_copy(archive, data_dir, self.repository()?, kind);
        let Some(copy) = self.unless_stopped(preparing).await?? else {
            return Ok(());
        };
        let mut transaction = self.begin_progress().await?;
        copy.note(&mut transaction).await?;
        transaction.commit().await?;
        Ok(copy.settle().await?)
    }
}
