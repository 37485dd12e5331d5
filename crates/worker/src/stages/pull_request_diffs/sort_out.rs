//! Which pull requests the clone covers.

use bucketload_archive::PendingParent;
use bucketload_archive::mirror::{Mirror, MirrorError};
use bucketload_bitbucket::PullRequest;

use super::{Lacking, STAGE, source_hash};
use crate::failure::StageError;
use crate::stages::StageContext;

/// How many are looked at in one go.
const BATCH: u32 = 500;

/// Ends those whose source commit is in the clone, and returns the others.
pub(super) async fn sort_out(context: &StageContext) -> Result<Vec<Lacking>, StageError> {
    let archive = &context.importer.archive;
    let repository = &context.repository()?.uuid;
    let mut lacking = Vec::new();
    let mut after = i64::MIN;
    loop {
        let pending = archive.pending(repository, STAGE, after, BATCH).await?;
        let Some(last) = pending.last() else {
            return Ok(lacking);
        };
        after = last.id;
        let ids: Vec<i64> = pending.iter().map(|parent| parent.id).collect();
        let sources = archive.pull_request_sources(repository, &ids).await?;
        let looked_at = look(context, pending, sources).await?;
        let mut transaction = context.begin_progress().await?;
        for parent in &looked_at.covered {
            transaction
                .set_reported(repository, STAGE, parent.id, Some(0))
                .await?;
            transaction
                .finish_pending(repository, STAGE, parent)
                .await?;
        }
        transaction.commit().await?;
        lacking.extend(looked_at.lacking);
    }
}

#[derive(Default)]
struct LookedAt {
    covered: Vec<PendingParent>,
    lacking: Vec<Lacking>,
}

/// Looks for the source commits on a thread of its own.
async fn look(
    context: &StageContext,
    pending: Vec<PendingParent>,
    sources: Vec<(i64, String)>,
) -> Result<LookedAt, StageError> {
    let path = context.importer.data_dir.mirror(&context.name);
    let task = tokio::task::spawn_blocking(move || {
        let mirror = Mirror::open(&path)?;
        let mut sources = sources.into_iter().peekable();
        let mut looked_at = LookedAt::default();
        for parent in pending {
            let source = sources.next_if(|(id, _)| *id == parent.id);
            let source = source.map(|(_, source)| serde_json::from_str::<PullRequest>(&source));
            // It was stored because it could be read.
            let Some(Ok(pull_request)) = source else {
                looked_at.covered.push(parent);
                continue;
            };
            let hash = source_hash(&pull_request);
            let found = match (&mirror, hash) {
                (Some(mirror), Some(hash)) => mirror.resolve_short(hash)?.is_some(),
                _ => false,
            };
            if found {
                looked_at.covered.push(parent);
            } else {
                looked_at.lacking.push(Lacking {
                    parent,
                    pull_request,
                });
            }
        }
        Ok::<_, MirrorError>(looked_at)
    });
    Ok(task.await.map_err(|_| StageError::Lost)??)
}
