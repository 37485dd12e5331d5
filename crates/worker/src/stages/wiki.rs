//! The wiki, into a mirror of its own.
//!
//! It lies in git at `<clone>.git/wiki`. Bitbucket removed its wikis on 2026-08-20 and says
//! of a repository no longer whether it had one, so asking is the only way to know: one
//! request of git's, which a repository without a wiki answers with 404. A wiki that is
//! gone there and here is a gap where something says that there was one.

use bucketload_archive::mirror::{Mirror, MirrorError, MirrorUpdate, Remote, TransportKind};
use bucketload_archive::{MirrorKind, StoredWiki, WikiOrigin};
use bucketload_bitbucket::Repository;
use bucketload_model::{Checkpoint, ErrorClass, Gap, GapReason, Stage};

use super::StageContext;
use super::git::skipped;
use super::transfer::Transfer;
use crate::failure::{StageError, describe};
use crate::wiki_copy::wiki_namesake;

/// Ends by itself when the import is stopped.
pub(super) async fn run(context: &StageContext) -> Result<(), StageError> {
    // Of the two that git brings it is the lesser.
    context.after(Stage::Git).await?;
    let repository = context.repository()?;
    if repository.scm.as_deref().is_some_and(|scm| scm != "git") {
        // So is the wiki, and the gap of the stage `git` says so.
        return Ok(());
    }
    let archive = &context.importer.archive;
    if let Some(other) = namesake(context).await? {
        return context.record_gap(other, "", 0).await;
    }
    context.bring_mirror(MirrorKind::Wiki).await?;
    let path = context.importer.data_dir.wiki(&context.name);
    let mut transfer = Transfer::of(context, Stage::Wiki, &["wiki"], path.clone());
    if transfer.transport == TransportKind::Auto {
        // It says more clearly what came in the place of a wiki.
        transfer.transport = TransportKind::Gix;
    }
    let result = transfer.run(context).await;
    let kept = Mirror::remove_if_empty(&path)?;
    match result? {
        Ok(update) => return store(context, &transfer.remote, &update).await,
        Err(error) if is_without(&error) => {
            tracing::debug!(repository = %context.name, problem = describe(&error), "no wiki");
            let stored = archive.wiki(&repository.uuid).await?;
            if let Some(stored) = stored.filter(|_| kept) {
                // Gone there, it stays here.
                return end(context, Some(stored.refs), Vec::new(), None).await;
            }
            let had_one = stored.is_some() || says_so(&repository.source);
            match reason(&error, had_one) {
                Some(reason) => {
                    let gap = gap(reason, &transfer.remote, describe(&error));
                    context.record_gap(gap, "", 0).await
                }
                None => end(context, Some(0), Vec::new(), None).await,
            }
        }
        Err(error) => Err(error.into()),
    }
}

/// Whether it is an answer that a repository without a wiki may give. What Bitbucket puts
/// in the place of a function that it removed is not documented: it may be a page, too.
fn is_without(error: &MirrorError) -> bool {
    let is_page = matches!(
        error,
        MirrorError::Redirected { .. } | MirrorError::Protocol { .. }
    );
    is_page
        || matches!(
            error.class(),
            ErrorClass::NotFound
                | ErrorClass::Gone
                | ErrorClass::Unauthorized
                | ErrorClass::Forbidden
        )
}

/// Whether the repository, as Bitbucket sent it, has a wiki. The field is documented, and
/// was not sent any more in October 2026.
fn says_so(source: &str) -> bool {
    let repository = serde_json::from_str::<Repository>(source).ok();
    repository.and_then(|repository| repository.has_wiki) == Some(true)
}

fn reason(error: &MirrorError, had_one: bool) -> Option<GapReason> {
    match error.class() {
        // Somebody else may read it.
        ErrorClass::Forbidden => Some(GapReason::NotPermitted),
        // What is hidden and what is not there look the same without a credential.
        ErrorClass::Unauthorized => had_one.then_some(GapReason::NotPermitted),
        _ => had_one.then_some(GapReason::RemovedByAtlassian),
    }
}

fn gap(reason: GapReason, remote: &Remote, problem: String) -> Gap {
    let detail = if reason == GapReason::RemovedByAtlassian {
        format!(
            "{problem}; Bitbucket removed its wikis on 2026-08-20. Whoever has a clone of it can \
             add it with import --wiki"
        )
    } else {
        problem
    };
    Gap {
        stage: Stage::Wiki,
        object: super::stage_object(Stage::Wiki).to_owned(),
        reason,
        detail,
        url: Some(remote.url.to_string()),
    }
}

/// A repository that is called as this one's wiki, and whose mirror lies where that would.
async fn namesake(context: &StageContext) -> Result<Option<Gap>, StageError> {
    let known = wiki_namesake(&context.importer.archive, &context.name).await?;
    Ok(known.map(|other| Gap {
        stage: Stage::Wiki,
        object: super::stage_object(Stage::Wiki).to_owned(),
        reason: GapReason::NotArchivable,
        detail: format!("the mirror of {other} lies where it would"),
        url: None,
    }))
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
        "the wiki is up to date"
    );
    context.copy_mirror(MirrorKind::Wiki).await?;
    let gaps = skipped(Stage::Wiki, remote, update);
    let listed = update.refs + gaps.len() as u64;
    let wiki = StoredWiki {
        origin: WikiOrigin::Bitbucket,
        refs: update.refs,
    };
    // One without a page has a repository without a commit.
    let wiki = (update.refs > 0).then_some(wiki);
    end(context, Some(listed), gaps, wiki).await
}

async fn end(
    context: &StageContext,
    expected: Option<u64>,
    gaps: Vec<Gap>,
    wiki: Option<StoredWiki>,
) -> Result<(), StageError> {
    let mut transaction = context.begin().await?;
    if let Some(wiki) = wiki {
        transaction
            .put_wiki(&context.repository()?.uuid, wiki)
            .await?;
    }
    transaction
        .save_checkpoint(
            context.import,
            Stage::Wiki,
            &Checkpoint::EndOfList,
            expected,
        )
        .await?;
    transaction
        .clear_gap(
            context.import,
            Stage::Wiki,
            super::stage_object(Stage::Wiki),
        )
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
