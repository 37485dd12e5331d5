//! The content of files, against their hash.

use std::io;

use bucketload_model::LfsOid;
use serde::Serialize;

use super::{Problem, ProblemKind, Proof, VerifyError, VerifyOptions};
use crate::database::sql::statement;
use crate::database::unsigned;
use crate::export::{BLOBS, hash_file};
use crate::verify::rows::stage_of;
use crate::{Archive, DataDir, StoredRepository};

/// Files that are noted as proven at a time.
const AT_A_TIME: usize = 100;

/// What was read of the files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct FilesProof {
    /// Files that belong to the repository.
    pub total: u64,
    /// Those that were read.
    pub read: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// A file, and one object that it belongs to.
#[derive(Debug, sqlx::FromRow)]
struct FileRow {
    sha256: String,
    size_bytes: i64,
    stage: String,
    object: String,
    proven_at_ms: i64,
    is_lfs: i64,
}

impl FileRow {
    /// Its name, if it is a large file of git's.
    fn large(&self) -> Option<LfsOid> {
        self.sha256.parse().ok().filter(|_| self.is_lfs == 1)
    }
}

/// Files of git LFS that should be there.
const LFS: &str = "select oid as sha256, size_bytes, 'lfs' as stage,
        'LFS object ' || oid as object, coalesce(proven_at_ms, 0) as proven_at_ms,
        cast(1 as bigint) as is_lfs
    from lfs_objects where repository_uuid = $1 and is_stored = 1";

/// Reads the files. Returns whether time was enough.
pub(super) async fn prove(
    archive: &Archive,
    data_dir: &DataDir,
    repository: &StoredRepository,
    options: &VerifyOptions,
    proof: &mut Proof,
) -> Result<bool, VerifyError> {
    let mut snapshot = archive.snapshot().await?;
    let mut files: Vec<FileRow> = statement(
        "select b.sha256, b.size_bytes, min(u.stage) as stage,
             min(u.object) as object, coalesce(b.proven_at_ms, 0) as proven_at_ms,
             cast(0 as bigint) as is_lfs from (",
    )
    .push(BLOBS)
    .push(
        ") u join blobs b on b.sha256 = u.sha256
             group by b.sha256, b.size_bytes, b.proven_at_ms",
    )
    .bind(repository.uuid.as_str())
    .fetch_all(&mut snapshot)
    .await?;
    let large = statement(LFS).bind(repository.uuid.as_str());
    files.extend(large.fetch_all::<FileRow>(&mut snapshot).await?);
    drop(snapshot);
    files.sort_by(|one, other| {
        (one.proven_at_ms, &one.sha256).cmp(&(other.proven_at_ms, &other.sha256))
    });
    proof.files.total = files.len() as u64;
    let files = &files[..sample_of(files.len(), options.sample)];
    let store = data_dir.blobs(0);
    let large = data_dir.lfs(&data_dir.mirror(&repository.name));
    let shown = |file: &FileRow| match file.large() {
        Some(oid) => large.shown(&oid),
        None => store.shown(&file.sha256),
    };
    for part in files.chunks(AT_A_TIME) {
        let mut proven = Vec::new();
        for file in part {
            if options.is_time_up() {
                note(archive, repository, options, &proven).await?;
                return Ok(false);
            }
            let (store, large) = (store.clone(), large.clone());
            let (sha256, oid) = (file.sha256.clone(), file.large());
            let read = tokio::task::spawn_blocking(move || {
                hash_file(match oid {
                    Some(oid) => large.open(&oid)?,
                    None => store.open(&sha256)?,
                })
            });
            let found = read.await.map_err(|_| VerifyError::Lost)?;
            proof.files.read += 1;
            proof.files.bytes += found.as_ref().map_or(0, |found| found.size_bytes);
            let problem = match found {
                Ok(found) if found.sha256 == file.sha256 => None,
                Ok(found) if found.size_bytes != unsigned(file.size_bytes) => Some((
                    ProblemKind::Damaged,
                    format!(
                        "it has {} bytes and had {}",
                        found.size_bytes, file.size_bytes
                    ),
                )),
                Ok(_) => Some((
                    ProblemKind::Damaged,
                    "its content is not what it was".to_owned(),
                )),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    Some((ProblemKind::Missing, "there is no such file".to_owned()))
                }
                Err(error) => Some((ProblemKind::Damaged, format!("it cannot be read: {error}"))),
            };
            match problem {
                None => proven.push(file),
                Some((kind, detail)) => proof.problems.push(Problem {
                    kind,
                    stage: stage_of(&file.stage),
                    object: file.object.clone(),
                    detail: format!("{}: {detail}", shown(file)),
                }),
            }
        }
        note(archive, repository, options, &proven).await?;
    }
    Ok(true)
}

async fn note(
    archive: &Archive,
    repository: &StoredRepository,
    options: &VerifyOptions,
    proven: &[&FileRow],
) -> Result<(), VerifyError> {
    if proven.is_empty() {
        return Ok(());
    }
    let mut transaction = archive.begin().await?;
    let hashes = |is_lfs| {
        let files = proven.iter().filter(move |file| file.is_lfs == is_lfs);
        files.map(|file| file.sha256.clone()).collect::<Vec<_>>()
    };
    transaction
        .set_blobs_proven(&hashes(0), options.now)
        .await?;
    transaction
        .set_lfs_proven(&repository.uuid, &hashes(1), options.now)
        .await?;
    Ok(transaction.commit().await?)
}

/// How many of so many files: never none where there are some.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a part of a number of files, rounded up"
)]
fn sample_of(files: usize, sample: f64) -> usize {
    ((files as f64 * sample).ceil() as usize).min(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_is_never_empty_and_never_more_than_all() {
        assert_eq!(sample_of(0, 0.05), 0);
        assert_eq!(sample_of(1, 0.05), 1);
        assert_eq!(sample_of(100, 0.05), 5);
        assert_eq!(sample_of(101, 0.05), 6);
        assert_eq!(sample_of(7, 1.0), 7);
    }
}
