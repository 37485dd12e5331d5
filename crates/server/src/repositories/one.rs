//! One repository.

use std::path::PathBuf;

use axum::extract::{Path, State};
use bucketload_archive::mirror::{Mirror, MirrorError};
use bucketload_archive::{Archive, MirrorKind};
use bucketload_model::{ImportState, RepositoryUuid};
use maud::Markup;

use super::found::found;
use crate::error::PageError;
use crate::imports::one::gap_groups;
use crate::pages::repository::{self, Clone, Whole};
use crate::service::App;
use crate::session::Person;

/// Imports that are named.
const IMPORTS_SHOWN: u32 = 10;

pub(crate) async fn show(
    State(app): State<App>,
    person: Person,
    Path((workspace, slug)): Path<(String, String)>,
) -> Result<Markup, PageError> {
    let stored = found(&app, &workspace, &slug).await?;
    let (archive, name) = (&app.archive, stored.name);
    let imports = archive.imports_of(&name, IMPORTS_SHOWN).await?;
    let ids: Vec<_> = imports.iter().map(|import| import.id).collect();
    let lines = app.lines_by_id(&ids).await?;
    let gaps = match lines.first() {
        Some(latest) => gap_groups(&app, latest.summary.id, None).await?,
        None => Vec::new(),
    };
    let has_ended = |state| matches!(state, ImportState::Complete | ImportState::CompleteWithGaps);
    let data_dir = &app.health.data_dir;
    let whole = Whole {
        proof: archive.proof(&stored.uuid).await?,
        commits: archive.git_commits(&stored.uuid).await?,
        pull_requests: archive.pull_request_states(&stored.uuid).await?,
        issues: archive.count_issues(&stored.uuid).await?,
        attachments: archive.attachment_amount(&stored.uuid).await?,
        lfs: archive.lfs_amount(&stored.uuid).await?,
        clone: clone(
            archive,
            &stored.uuid,
            MirrorKind::Git,
            data_dir.mirror(&name),
        )
        .await?,
        wiki: clone(
            archive,
            &stored.uuid,
            MirrorKind::Wiki,
            data_dir.wiki(&name),
        )
        .await?,
        ended: lines.iter().position(|line| has_ended(line.summary.state)),
        lines,
        gaps,
        web_url: app.bitbucket.web_url.clone(),
        max_upload_bytes: app.uploads.file_bytes,
        main_branch: stored.main_branch,
        name,
    };
    Ok(repository::page(&person, &whole))
}

/// A clone, wherever it is.
async fn clone(
    archive: &Archive,
    repository: &RepositoryUuid,
    kind: MirrorKind,
    path: PathBuf,
) -> Result<Option<Clone>, PageError> {
    if let Some(here) = on_disk(path).await? {
        return Ok(Some(here));
    }
    let copies = archive.mirror_copies(repository, kind).await?;
    let stored = Clone::InStore {
        bundles: copies.len(),
        size_bytes: copies.iter().map(|copy| copy.size_bytes).sum(),
    };
    Ok((!copies.is_empty()).then_some(stored))
}

/// A clone that is there, and how large it is. Its files are looked at one by one.
async fn on_disk(path: PathBuf) -> Result<Option<Clone>, PageError> {
    let found = tokio::task::spawn_blocking(move || -> Result<_, MirrorError> {
        let Some(mirror) = Mirror::open(&path)? else {
            return Ok(None);
        };
        let path = std::path::absolute(mirror.path()).unwrap_or(path);
        Ok(Some(Clone::OnDisk {
            size_bytes: mirror.size_bytes()?,
            path,
        }))
    });
    let found = found.await.map_err(|error| {
        tracing::error!(%error, "a page failed");
        PageError::internal()
    })?;
    // A clone that cannot be read costs nobody the page: verify says what it has.
    Ok(found.unwrap_or_else(|error| {
        tracing::warn!(
            error = &error as &dyn std::error::Error,
            "a clone cannot be read"
        );
        None
    }))
}
