//! The git mirror, checked by `git` itself.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bucketload_model::{ImportReport, Stage, StageState};
use serde::Serialize;
use tokio::time::sleep_until;

use super::{Problem, ProblemKind, Proof, VerifyError, VerifyOptions};
use crate::mirror::{Fsck, Mirror, MirrorError};
use crate::{Archive, DataDir, MirrorKind, StoredRepository, bring_mirror};

/// Lines of `git fsck` that are told; where there is one there may be thousands.
const MAX_FINDINGS: usize = 20;

/// What `git` says of a mirror.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct GitProof {
    /// Its refs, kept ones included.
    pub refs: u64,
    /// Whether every object was read, and not only looked for.
    pub is_read: bool,
}

struct Found {
    refs: u64,
    fsck: Fsck,
}

/// A mirror, and what should be in it.
struct Expected {
    stage: Stage,
    object: &'static str,
    path: PathBuf,
    refs: u64,
}

/// Checks the mirror, and that of the wiki. Returns whether time was enough.
pub(super) async fn prove(
    archive: &Archive,
    data_dir: &DataDir,
    repository: &StoredRepository,
    report: Option<&ImportReport>,
    options: &VerifyOptions,
    proof: &mut Proof,
) -> Result<bool, VerifyError> {
    let stage = report.and_then(|report| {
        let mut stages = report.stages.iter();
        stages.find(|stage| stage.name == Stage::Git && stage.state != StageState::Skipped)
    });
    bring_mirror(archive, data_dir, repository, MirrorKind::Git, options.now).await?;
    let history = Expected {
        stage: Stage::Git,
        object: "git history",
        path: data_dir.mirror(&repository.name),
        refs: stage.map_or(0, |stage| stage.stored),
    };
    let (git, mut is_whole) = prove_mirror(history, options, proof).await?;
    proof.git = git;
    if let Some(wiki) = archive.wiki(&repository.uuid).await? {
        bring_mirror(archive, data_dir, repository, MirrorKind::Wiki, options.now).await?;
        let wiki = Expected {
            stage: Stage::Wiki,
            object: "wiki",
            path: data_dir.wiki(&repository.name),
            refs: wiki.refs,
        };
        let (git, is_in_time) = prove_mirror(wiki, options, proof).await?;
        proof.wiki = git;
        is_whole &= is_in_time;
    }
    Ok(is_whole)
}

async fn prove_mirror(
    mirror: Expected,
    options: &VerifyOptions,
    proof: &mut Proof,
) -> Result<(Option<GitProof>, bool), VerifyError> {
    let mut wrong = |kind, detail: String| {
        proof.problems.push(Problem {
            kind,
            stage: mirror.stage,
            object: mirror.object.to_owned(),
            detail,
        });
    };
    let (path, expected) = (mirror.path, mirror.refs);
    let is_read = !options.is_sample();
    let cancel = Arc::new(AtomicBool::new(false));
    let check = {
        let (path, cancel) = (path.clone(), Arc::clone(&cancel));
        tokio::task::spawn_blocking(move || check(&path, is_read, &cancel))
    };
    let stop = async {
        // The one that is longer away than anybody waits stands for none.
        let Some(deadline) = options.deadline else {
            return until_cancelled(options).await;
        };
        tokio::select! {
            () = sleep_until(deadline) => {}
            () = until_cancelled(options) => {}
        }
    };
    let mut check = std::pin::pin!(check);
    let found = tokio::select! {
        found = &mut check => found,
        () = stop => {
            cancel.store(true, Ordering::Relaxed);
            check.await
        }
    };
    match found.map_err(|_| VerifyError::Lost)? {
        Ok(Some(found)) => {
            if found.refs < expected {
                let detail = format!(
                    "{expected} refs were there after the last import and {} are",
                    found.refs
                );
                wrong(ProblemKind::Missing, detail);
            }
            if !found.fsck.is_clean {
                let lines = found.fsck.findings.iter().take(MAX_FINDINGS);
                for line in lines {
                    wrong(ProblemKind::Damaged, line.clone());
                }
                if found.fsck.findings.is_empty() {
                    wrong(
                        ProblemKind::Damaged,
                        "git fsck fails and says nothing".to_owned(),
                    );
                }
            }
            let git = GitProof {
                refs: found.refs,
                is_read,
            };
            Ok((Some(git), true))
        }
        Ok(None) => {
            if expected > 0 || path.exists() {
                wrong(
                    ProblemKind::Missing,
                    format!("there is no git repository in {}", path.display()),
                );
            }
            Ok((None, true))
        }
        Err(MirrorError::Cancelled) => Ok((None, false)),
        Err(error @ MirrorError::Corrupt { .. }) => {
            wrong(ProblemKind::Damaged, in_words(&error));
            Ok((None, true))
        }
        Err(error) => Err(error.into()),
    }
}

async fn until_cancelled(options: &VerifyOptions) {
    while !options.cancel.load(Ordering::Relaxed) {
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
}

fn check(
    path: &std::path::Path,
    is_read: bool,
    cancel: &AtomicBool,
) -> Result<Option<Found>, MirrorError> {
    let Some(mirror) = Mirror::open(path)? else {
        return Ok(None);
    };
    let refs = mirror.refs()?.len() as u64;
    let fsck = if is_read {
        mirror.fsck(cancel)?
    } else {
        mirror.check_connectivity(cancel)?
    };
    Ok(Some(Found { refs, fsck }))
}

/// An error with its causes.
fn in_words(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
