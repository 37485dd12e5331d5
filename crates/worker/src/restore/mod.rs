//! An export, read back into an archive: the other half of `export --format jsonl`.
//!
//! The files of an export are checked against its manifest before anything is written, and
//! all rows come in one transaction: killed anywhere, the repository is there whole or not
//! at all, and the same command goes on.

mod issues;
mod objects;
mod people;
mod rows;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bucketload_archive::mirror::{Mirror, MirrorError};
use bucketload_archive::{
    Archive, Blob, BlobError, CopyError, DataDir, DatabaseError, ExportFolder, ImportStart,
    LfsStore, LfsStoreError, MirrorKind, ReadExportError, StoredLfsObject, StoredWiki, Transaction,
    WikiOrigin, copy_mirror,
};
use bucketload_model::{
    Clock, GitReport, ImportId, ImportState, LfsObject, RepositoryName, Stage, StageReport,
    StageState,
};
use chrono::{DateTime, Utc};
use serde::Serialize;
use tokio_util::sync::CancellationToken;

use crate::queue::Asker;

/// An export that could not be read back. The archive is as it was.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// The export cannot be read.
    #[error(transparent)]
    Read(#[from] ReadExportError),
    /// It is in the archive, and its mirrors are not in the object store. The next import puts
    /// them there.
    #[error("the export was read back, and its git mirrors cannot be shared")]
    Copy(#[from] CopyError),
    /// An object is not what its file should have.
    #[error("an object in {file} is not what it should be: {key}")]
    Object {
        /// The file.
        file: &'static str,
        /// What tells the object apart.
        key: String,
        /// What is wrong with it.
        #[source]
        source: serde_json::Error,
    },
    /// A key lacks a part.
    #[error("an object in {file} has a key that cannot be read: {key}")]
    Key {
        /// The file.
        file: &'static str,
        /// The key.
        key: String,
    },
    /// The archive knows the repository already.
    #[error("{name} is in the archive already")]
    AlreadyThere {
        /// The repository.
        name: RepositoryName,
    },
    /// A file cannot be stored.
    #[error("a file of the export cannot be stored")]
    Blob(#[from] BlobError),
    /// A large file of the history cannot be stored.
    #[error("a large file of the history cannot be stored")]
    Lfs(#[from] LfsStoreError),
    /// The git history cannot be brought in.
    #[error("the git history cannot be brought in")]
    Mirror(#[from] MirrorError),
    /// The database failed.
    #[error("the archive's database failed")]
    Database(#[from] DatabaseError),
    /// The caller asked to stop.
    #[error("stopped on request")]
    Stopped,
    /// A task was lost: a defect of this program.
    #[error("reading it broke off because of a defect in bucketload")]
    Lost,
}

/// What was read back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Restored {
    /// `workspace/slug`.
    pub source: String,
    /// The repository's permanent id.
    pub uuid: String,
    /// The import that stands for it.
    pub import: ImportId,
    /// Objects.
    pub objects: u64,
    /// Files that objects stand for.
    pub files: u64,
    /// Refs of the git history.
    pub refs: u64,
}

/// Reads exports back into one archive.
#[derive(Debug, Clone)]
pub struct Restorer {
    /// Where to.
    pub archive: Archive,
    /// Where the mirrors and files go.
    pub data_dir: DataDir,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Who asks for it.
    pub asked_by: Asker,
    /// Cancelled to stop.
    pub cancel: CancellationToken,
}

/// The diff or patch of a pull request, in the store.
struct RestoredDiff {
    pull_request: i64,
    /// Which of both.
    what: String,
    blob: Blob,
}

/// What came of the files, before the rows.
struct Files {
    blobs: Vec<Blob>,
    diffs: Vec<RestoredDiff>,
    refs: u64,
    wiki: Option<StoredWiki>,
    lfs: Lfs,
}

/// The large files of a history.
#[derive(Default)]
struct Lfs {
    pointers: Vec<StoredLfsObject>,
    packs: BTreeSet<String>,
    stored: Vec<LfsObject>,
}

/// An import stands for what was read, so that everybody sees where the repository came from,
/// and `verify` what should be there.
async fn record_import(
    transaction: &mut Transaction,
    export: &ExportFolder,
    import: ImportId,
    files: &Files,
    counts: &BTreeMap<Stage, u64>,
    now: DateTime<Utc>,
) -> Result<(), RestoreError> {
    let (name, uuid) = (export.name(), export.uuid());
    let stages: Vec<Stage> = Stage::ALL
        .iter()
        .copied()
        .filter(|stage| match stage {
            Stage::Git => files.refs > 0,
            Stage::Lfs => !files.lfs.stored.is_empty(),
            Stage::Wiki => files.wiki.is_some(),
            stage => counts.contains_key(stage),
        })
        .collect();
    let start = ImportStart {
        id: import,
        name,
        stages: &stages,
        now,
    };
    transaction.start_import(&start).await?;
    transaction.set_import_repository(import, uuid).await?;
    let git = GitReport {
        refs: files.refs,
        commits: None,
        bytes_received: 0,
    };
    transaction.add_git_result(import, git).await?;
    for stage in stages {
        let stored = match stage {
            Stage::Git => files.refs,
            Stage::Lfs => files.lfs.stored.len() as u64,
            Stage::Wiki => files.wiki.map_or(0, |wiki| wiki.refs),
            stage => counts.get(&stage).copied().unwrap_or_default(),
        };
        let report = StageReport {
            name: stage,
            state: StageState::Complete,
            expected: Some(stored),
            stored,
            missing: 0,
            left_out: 0,
            seconds: 0.0,
            requests_estimated: None,
        };
        let took = std::time::Duration::ZERO;
        transaction.finish_stage(import, &report, took).await?;
    }
    transaction
        .set_import_state(import, ImportState::Complete, None, Some(now))
        .await?;
    Ok(())
}

impl Restorer {
    /// Reads one repository back. It must not be in the archive.
    ///
    /// # Errors
    ///
    /// When it is, or the export is not whole, or something cannot be written.
    pub async fn restore(&self, export: &ExportFolder) -> Result<Restored, RestoreError> {
        let (name, uuid) = (export.name(), export.uuid());
        let by_name = self.archive.repository(name).await?;
        let by_uuid = self.archive.repository_by_uuid(uuid).await?;
        if let Some(known) = by_uuid.or(by_name) {
            return Err(RestoreError::AlreadyThere { name: known.name });
        }
        let main_branch = rows::main_branch(export)?;
        let files = self.take_files(export, main_branch).await?;
        let now = self.clock.now();
        let import = ImportId::new(now);
        let mut transaction = self.archive.begin().await?;
        let diffs = files.diffs.iter().map(|diff| &diff.blob);
        for blob in files.blobs.iter().chain(diffs) {
            transaction.put_blob(blob).await?;
        }
        let counts = rows::put(&mut transaction, export, &files.diffs, import, now).await?;
        people::put(&mut transaction, export, import).await?;
        if let Some(wiki) = files.wiki {
            transaction.put_wiki(uuid, wiki).await?;
        }
        let lfs = &files.lfs;
        transaction.put_lfs_pointers(uuid, &lfs.pointers).await?;
        transaction.set_lfs_packs(uuid, &lfs.packs).await?;
        for object in &lfs.stored {
            transaction.set_lfs_stored(uuid, object, true).await?;
        }
        transaction.forget_pending(uuid).await?;
        record_import(&mut transaction, export, import, &files, &counts, now).await?;
        let subject = format!("{name}, import {import}");
        self.asked_by
            .note(
                &mut transaction,
                "read back from an export",
                subject,
                Some(import),
                now,
            )
            .await?;
        transaction.commit().await?;
        if let Some(stored) = self.archive.repository_by_uuid(uuid).await? {
            for kind in [MirrorKind::Git, MirrorKind::Wiki] {
                copy_mirror(&self.archive, &self.data_dir, &stored, kind).await?;
            }
        }
        let objects = export.manifest().files.values();
        let restored = Restored {
            source: name.to_string(),
            uuid: uuid.to_string(),
            import,
            objects: objects.filter_map(|file| file.objects).sum(),
            files: files.blobs.len() as u64,
            refs: files.refs,
        };
        tracing::info!(
            repository = %name,
            objects = restored.objects,
            files = restored.files,
            "an export was read back"
        );
        Ok(restored)
    }

    /// Checks the export and takes what is no row.
    async fn take_files(
        &self,
        export: &ExportFolder,
        main_branch: Option<String>,
    ) -> Result<Files, RestoreError> {
        let stop = Arc::new(AtomicBool::new(false));
        let of_task = Arc::clone(&stop);
        let export = export.clone();
        let store = self.data_dir.blobs(u64::MAX);
        let data_dir = self.data_dir.clone();
        let mirror = self.data_dir.mirror(export.name());
        let wiki = self.data_dir.wiki(export.name());
        let task = tokio::task::spawn_blocking(move || {
            export.check(&of_task)?;
            let mut files = Files {
                blobs: Vec::new(),
                diffs: Vec::new(),
                refs: 0,
                wiki: None,
                lfs: Lfs::default(),
            };
            for sha256 in export.blobs() {
                if of_task.load(Ordering::Relaxed) {
                    return Err(RestoreError::Stopped);
                }
                let path = export.file(&format!("blobs/{sha256}")).unwrap_or_default();
                files.blobs.push(store.store(open(path)?)?);
            }
            for (file, pull_request, what) in export.diffs() {
                let path = export.file(file).unwrap_or_default();
                files.diffs.push(RestoredDiff {
                    pull_request,
                    what: what.to_owned(),
                    blob: store.store(open(path)?)?,
                });
            }
            if let Some(bundle) = export.file("git.bundle") {
                let mirror = Mirror::restore(&mirror, &bundle, main_branch.as_deref(), &of_task)?;
                files.refs = mirror.refs()?.len() as u64;
                files.lfs = take_lfs(&export, &mirror, &data_dir.lfs(mirror.path()), &of_task)?;
            }
            if let Some(bundle) = export.file("wiki.bundle") {
                let refs = Mirror::restore(&wiki, &bundle, None, &of_task)?.refs()?;
                let is_kept = |name: &[u8]| name.starts_with(b"refs/archive/");
                let refs = refs.iter().filter(|one| !is_kept(&one.name));
                files.wiki = Some(StoredWiki {
                    // Whoever gave it at first, an export does not say.
                    origin: WikiOrigin::Copy,
                    refs: refs.count() as u64,
                });
            }
            Ok(files)
        });
        let mut task = std::pin::pin!(task);
        let files = tokio::select! {
            files = &mut task => files,
            () = self.cancel.cancelled() => {
                stop.store(true, Ordering::Relaxed);
                task.await
            }
        };
        match files.map_err(|_| RestoreError::Lost)? {
            Err(
                RestoreError::Read(ReadExportError::Stopped)
                | RestoreError::Mirror(MirrorError::Cancelled),
            ) => Err(RestoreError::Stopped),
            files => files,
        }
    }
}

/// Takes the large files that pointers in the history name. The search for the pointers is
/// then done, too.
fn take_lfs(
    export: &ExportFolder,
    mirror: &Mirror,
    store: &LfsStore,
    stop: &AtomicBool,
) -> Result<Lfs, RestoreError> {
    let search = mirror.pointers(&BTreeSet::new(), stop)?;
    let pointers = search.pointers.into_iter().map(|pointer| StoredLfsObject {
        object: pointer.object,
        pointer: pointer.id.to_string(),
    });
    let mut lfs = Lfs {
        pointers: pointers.collect(),
        packs: search.packs,
        stored: Vec::new(),
    };
    let named: BTreeSet<&LfsObject> = lfs.pointers.iter().map(|one| &one.object).collect();
    for oid in export.lfs_objects() {
        if stop.load(Ordering::Relaxed) {
            return Err(RestoreError::Stopped);
        }
        let file = open(export.file(&format!("lfs/{oid}")).unwrap_or_default())?;
        let size_bytes = file.metadata().map_err(LfsStoreError::Write)?.len();
        let object = LfsObject { oid, size_bytes };
        if named.contains(&object) {
            store.store(&object, file)?;
            lfs.stored.push(object);
        }
    }
    Ok(lfs)
}

fn open(path: PathBuf) -> Result<std::fs::File, ReadExportError> {
    std::fs::File::open(&path).map_err(|source| ReadExportError::Read { path, source })
}
