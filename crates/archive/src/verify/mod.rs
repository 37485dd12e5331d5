//! Proves that what was archived is still there, and still what it was.
//!
//! | module | looks at |
//! |---|---|
//! | `rows` | every object: can it be read, is it the one that its key names, is any gone |
//! | `references` | what belongs to something: is that there |
//! | `files` | the content of files, against their hash |
//! | `git` | the mirrors of history and wiki, with `git fsck` |
//!
//! Nothing is changed but the note of when something was proven.

mod files;
mod git;
mod references;
mod rows;

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use bucketload_model::{Gap, ImportReport, ImportState, Stage, StageState};
use chrono::{DateTime, Utc};
use serde::Serialize;
use tokio::time::Instant;

pub use files::FilesProof;
pub use git::GitProof;

use crate::database::{ListDigest, ProofRecord, time};
use crate::mirror::MirrorError;
use crate::{Archive, CopyError, DataDir, DatabaseError, StoredRepository};

/// A proof that could not be made.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// The database failed.
    #[error("cannot read the archive")]
    Database(#[from] DatabaseError),
    /// `git` could not be asked.
    #[error("cannot check the git mirror")]
    Mirror(#[from] MirrorError),
    /// The mirror is with other machines, and cannot be had from the object store.
    #[error("cannot bring the git mirror from the object store")]
    Copy(#[from] CopyError),
    /// A task of this program was lost.
    #[error("the proof broke off because of a defect in bucketload")]
    Lost,
}

/// How much is read.
#[derive(Debug, Clone)]
pub struct VerifyOptions {
    /// Which part of the files is read: those that were proven longest ago come first, so
    /// that the samples of several times cover all. The git mirror's objects are then
    /// looked for and not read. Above 0; 1 for everything.
    pub sample: f64,
    /// When to stop, whatever is left.
    pub deadline: Option<Instant>,
    /// Ends the proof where it is.
    pub cancel: Arc<AtomicBool>,
    /// The time.
    pub now: DateTime<Utc>,
}

impl VerifyOptions {
    /// Whether only a part is read.
    pub fn is_sample(&self) -> bool {
        self.sample < 1.0
    }

    fn is_time_up(&self) -> bool {
        self.cancel.load(std::sync::atomic::Ordering::Relaxed)
            || self
                .deadline
                .is_some_and(|deadline| Instant::now() >= deadline)
    }
}

/// What is wrong with an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ProblemKind {
    /// It was in the archive, or should be, and is not.
    Missing,
    /// It is there, and not what it was.
    Damaged,
}

/// Something that is wrong with the archive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// What is wrong.
    pub kind: ProblemKind,
    /// The stage that brings the object.
    pub stage: Stage,
    /// The object.
    pub object: String,
    /// What was found.
    pub detail: String,
}

/// How a repository stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ProofState {
    /// All that was looked at is there and right.
    Proven,
    /// The archive is sound; the import that brought it named objects that it did not get.
    ProvenWithGaps,
    /// What is there is right, and no import has come to its end yet: not all is there.
    Incomplete,
    /// Something is missing or damaged.
    Problems,
    /// Time was up before all was looked at.
    Unfinished,
    /// It is being imported: what would be found might be old.
    Busy,
}

/// What was found of one repository.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Proof {
    /// `workspace/slug`.
    pub source: String,
    /// The repository's permanent id.
    pub uuid: String,
    /// How it stands.
    pub state: ProofState,
    /// Whether only a part of the files was read.
    pub is_sample: bool,
    /// Objects that were read.
    pub objects: u64,
    /// The files.
    pub files: FilesProof,
    /// The git mirror, where there is one.
    pub git: Option<GitProof>,
    /// That of the wiki, where there is one.
    pub wiki: Option<GitProof>,
    /// What is wrong.
    pub problems: Vec<Problem>,
    /// What the last import named as missing at Bitbucket or not to be had.
    pub gaps: Vec<Gap>,
    /// When all was last found right, this time included.
    pub proven_at: Option<DateTime<Utc>>,
}

/// Looks at one repository and notes what was found.
///
/// # Errors
///
/// When the database fails or `git` cannot be run. What is wrong with the archive is no
/// error: it stands in the proof.
pub async fn verify(
    archive: &Archive,
    data_dir: &DataDir,
    repository: &StoredRepository,
    options: &VerifyOptions,
) -> Result<Proof, VerifyError> {
    let before = archive.proof(&repository.uuid).await?;
    let mut proof = Proof {
        source: repository.name.to_string(),
        uuid: repository.uuid.to_string(),
        state: ProofState::Busy,
        is_sample: options.is_sample(),
        objects: 0,
        files: FilesProof::default(),
        git: None,
        wiki: None,
        problems: Vec::new(),
        gaps: Vec::new(),
        proven_at: before.as_ref().and_then(|before| before.proven_at),
    };
    let report = match archive.latest_import(&repository.name).await? {
        Some(import) => archive.report(import.id).await?,
        None => None,
    };
    if let Some(report) = &report {
        let lost = archive.lost_imports(data_dir, options.now).await?;
        let is_running = matches!(report.state, ImportState::Running | ImportState::Cancelling);
        if is_running && !lost.contains_key(&report.id) {
            return Ok(proof);
        }
        proof.gaps.clone_from(&report.gaps);
    }
    proof.state = ProofState::Unfinished;
    let Some(digests) = rows::prove(archive, repository, options, &mut proof).await? else {
        return Ok(proof);
    };
    compare(
        archive,
        repository,
        report.as_ref(),
        before.as_ref(),
        &digests,
        &mut proof,
    )
    .await?;
    let is_incomplete =
        is_incomplete(archive, repository, report.as_ref(), proof.proven_at).await?;
    // Stages run beside each other: what belongs to something may come before it.
    if !is_incomplete {
        references::prove(archive, repository, &mut proof).await?;
    }
    let all_files = files::prove(archive, data_dir, repository, options, &mut proof).await?;
    let all_git = git::prove(
        archive,
        data_dir,
        repository,
        report.as_ref(),
        options,
        &mut proof,
    )
    .await?;
    proof.state = if !proof.problems.is_empty() {
        ProofState::Problems
    } else if !(all_files && all_git) {
        ProofState::Unfinished
    } else if is_incomplete {
        ProofState::Incomplete
    } else if proof.gaps.is_empty() {
        ProofState::Proven
    } else {
        ProofState::ProvenWithGaps
    };
    if matches!(proof.state, ProofState::Proven | ProofState::ProvenWithGaps) {
        // As it is kept.
        proof.proven_at = Some(time(options.now.timestamp_millis()));
    }
    note(archive, repository, options, &proof, digests).await?;
    Ok(proof)
}

/// Whether an import has begun and none has come to its end. What was read back from an export
/// is whole without one, and what was proven once was whole.
async fn is_incomplete(
    archive: &Archive,
    repository: &StoredRepository,
    report: Option<&ImportReport>,
    proven_at: Option<DateTime<Utc>>,
) -> Result<bool, DatabaseError> {
    let has_ended = |report: &ImportReport| {
        matches!(
            report.state,
            ImportState::Complete | ImportState::CompleteWithGaps
        )
    };
    if proven_at.is_some() || report.is_none_or(has_ended) {
        return Ok(false);
    }
    Ok(!archive.has_ended_import(&repository.uuid).await?)
}

type Digests = std::collections::BTreeMap<String, ListDigest>;

async fn note(
    archive: &Archive,
    repository: &StoredRepository,
    options: &VerifyOptions,
    proof: &Proof,
    manifest: Digests,
) -> Result<(), VerifyError> {
    let record = ProofRecord {
        proven_at: proof.proven_at,
        tried_at: options.now,
        is_sample: options.is_sample(),
        problems: proof.problems.len() as u64,
        manifest,
    };
    let mut transaction = archive.begin().await?;
    transaction.put_proof(&repository.uuid, &record).await?;
    Ok(transaction.commit().await?)
}

/// Compares the lists with what was there when the last import ended, and when they were
/// last proven, if nobody has changed them since.
async fn compare(
    archive: &Archive,
    repository: &StoredRepository,
    report: Option<&ImportReport>,
    before: Option<&ProofRecord>,
    now: &Digests,
    proof: &mut Proof,
) -> Result<(), VerifyError> {
    for stage in report.iter().flat_map(|report| &report.stages) {
        let file = format!("{}.jsonl", stage.name);
        let list = now.get(&file).or_else(|| now.get(stage.name.name()));
        let Some(list) = list else { continue };
        if stage.state != StageState::Skipped && list.objects < stage.stored {
            proof.problems.push(Problem {
                kind: ProblemKind::Missing,
                stage: stage.name,
                object: stage.name.to_string().replace('_', " "),
                detail: format!(
                    "{} were stored by the last import and {} are there",
                    stage.stored, list.objects
                ),
            });
        }
    }
    let Some(before) = before.filter(|before| before.problems == 0) else {
        return Ok(());
    };
    let (name, uuid) = (&repository.name, &repository.uuid);
    if archive
        .may_have_changed_since(name, uuid, before.tried_at)
        .await?
    {
        return Ok(());
    }
    for (file, then) in &before.manifest {
        let list = now.get(file);
        if list != Some(then) {
            proof.problems.push(Problem {
                kind: ProblemKind::Damaged,
                stage: rows::stage_of(file),
                object: file.clone(),
                detail: format!(
                    "its {} objects are not the {} of the last proof, and no import ran since",
                    list.map_or(0, |list| list.objects),
                    then.objects
                ),
            });
        }
    }
    Ok(())
}
