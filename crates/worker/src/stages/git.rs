//! Every ref and object, into a bare mirror.

use bucketload_archive::mirror::{Mirror, MirrorError, MirrorUpdate, Remote, Segments};
use bucketload_archive::{MirrorKind, StoredRepository};
use bucketload_bitbucket::Repository;
use bucketload_model::{Checkpoint, ErrorClass, Gap, GapReason, GitReport, RepositoryName, Stage};

use super::StageContext;
use super::transfer::Transfer;
use crate::Importer;
use crate::failure::{StageError, describe, gap_reason};

/// Ends by itself when the import is stopped.
pub(super) async fn run(context: &StageContext) -> Result<(), StageError> {
    let repository = context.repository()?;
    let path = context.importer.data_dir.mirror(&context.name);
    let mut transfer = Transfer::of(context, Stage::Git, &[], path);
    let url = transfer.remote.url.to_string();
    let gap = |reason, detail| Gap {
        stage: Stage::Git,
        object: super::stage_object(Stage::Git).to_owned(),
        reason,
        detail,
        url: Some(url.clone()),
    };
    if let Some(scm) = repository.scm.as_deref().filter(|scm| *scm != "git") {
        let detail = format!("the repository is kept in {scm}, not in git");
        let gap = gap(GapReason::UnsupportedScm, detail);
        return context.record_gap(gap, "", 0).await;
    }
    context.bring_mirror(MirrorKind::Git).await?;
    transfer.segments =
        Segments::for_size(size_bytes(repository), context.importer.segment_above_bytes);
    transfer.head.clone_from(&repository.main_branch);
    let error = match transfer.run(context).await? {
        Ok(update) => return store(context, &transfer.remote, &update).await,
        Err(error) => error,
    };
    // The repository was read with this credential, so a refusal here is a
    // scope that is wanting, not a wrong credential.
    let reason = match error.class() {
        ErrorClass::Unauthorized => Some(GapReason::NotPermitted),
        class => gap_reason(Stage::Git, class),
    };
    match reason {
        Some(reason) => {
            let gap = gap(reason, describe(&error));
            context.record_gap(gap, "", 0).await
        }
        None => Err(error.into()),
    }
}

impl Importer {
    /// Where git finds a repository.
    pub(crate) fn git_remote(&self, name: &RepositoryName) -> Remote {
        let mut url = self.web_url.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty()
                .push(name.workspace.as_str())
                .push(&format!("{}.git", name.slug));
        }
        Remote {
            url,
            authorization: None,
        }
    }
}

/// How large the repository is, by Bitbucket's own count.
fn size_bytes(repository: &StoredRepository) -> Option<u64> {
    let repository: Repository = serde_json::from_str(&repository.source).ok()?;
    repository.size?.try_into().ok()
}

async fn store(
    context: &StageContext,
    remote: &Remote,
    update: &MirrorUpdate,
) -> Result<(), StageError> {
    tracing::debug!(
        repository = %context.name,
        refs = update.refs,
        created = update.created,
        changed = update.changed,
        archived = update.archived.len(),
        segments = update.segments,
        received_bytes = update.bytes_received,
        "the mirror is up to date"
    );
    context.copy_mirror(MirrorKind::Git).await?;
    let gaps = skipped(Stage::Git, remote, update);
    let listed = update.refs + gaps.len() as u64;
    let commits = count_commits(context).await;
    let mut transaction = context.begin().await?;
    transaction
        .add_git_result(
            context.import,
            GitReport {
                refs: update.refs,
                commits,
                bytes_received: update.bytes_received,
            },
        )
        .await?;
    transaction
        .save_checkpoint(
            context.import,
            Stage::Git,
            &Checkpoint::EndOfList,
            Some(listed),
        )
        .await?;
    transaction
        .clear_gap(context.import, Stage::Git, super::stage_object(Stage::Git))
        .await?;
    for gap in &gaps {
        transaction.add_gap(context.import, gap).await?;
    }
    transaction.commit().await?;
    for gap in gaps {
        context.announce_gap(gap);
    }
    Ok(())
}

/// Commits in the mirror; nothing where they cannot be counted, which costs no import:
/// `verify` says what the mirror lacks.
async fn count_commits(context: &StageContext) -> Option<u64> {
    let path = context.importer.data_dir.mirror(&context.name);
    let counting = tokio::task::spawn_blocking(move || {
        let mirror = Mirror::open(&path)?;
        mirror.map_or(Ok::<_, MirrorError>(0), |mirror| mirror.count_commits())
    });
    let why: Box<dyn std::error::Error> = match counting.await {
        Ok(Ok(commits)) => return Some(commits),
        Ok(Err(error)) => error.into(),
        Err(broken) => broken.into(),
    };
    tracing::warn!(error = &*why, "the commits cannot be counted");
    None
}

/// A gap for each ref that is not mirrored because of its name.
pub(super) fn skipped(stage: Stage, remote: &Remote, update: &MirrorUpdate) -> Vec<Gap> {
    let gaps = update.skipped.iter().map(|name| Gap {
        stage,
        object: format!("ref {name}"),
        reason: GapReason::NotArchivable,
        detail: "its name is unsafe or belongs to the archive's own refs".to_owned(),
        url: Some(remote.url.to_string()),
    });
    gaps.collect()
}
