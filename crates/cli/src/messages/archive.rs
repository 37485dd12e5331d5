//! About an archive that is written out, read back or proven.

use bucketload_archive::mirror::MirrorError;
use bucketload_archive::verify::VerifyError;
use bucketload_archive::{BlobError, CopyError, DatabaseError, ExportError, ReadExportError};
use bucketload_worker::RestoreError;

use super::{DISK_FULL, Exit, Problem};

/// What helps where an archive has lost something.
pub(crate) const DAMAGED_ARCHIVE: &str = "What Bitbucket still has comes back with “bucketload \
    import --full”; what it has not, from a backup or an export. “bucketload doctor” looks at the \
    disk and the database.";

/// What helps where a mirror has lost something.
pub(crate) const DAMAGED_MIRROR: &str = "The git mirror is made anew when its folder is moved \
    away and the repository imported again; refs that Bitbucket has no more are in the old \
    folder alone.";

/// What helps where other machines' files cannot be had.
pub(crate) const OBJECT_STORE: &str = "see that the object store answers and the key may read and \
    write there: “bucketload doctor” tries it";

impl From<CopyError> for Problem {
    fn from(error: CopyError) -> Self {
        Self::of("cannot bring a git mirror from the object store", &error).remedy(OBJECT_STORE)
    }
}

impl From<ExportError> for Problem {
    fn from(error: ExportError) -> Self {
        let remedy = match &error {
            ExportError::Occupied { .. } => "give another folder with --output",
            ExportError::Write(cause) if cause.kind() == std::io::ErrorKind::StorageFull => {
                "free some space; what was exported before is untouched"
            }
            ExportError::Blob { source, .. }
                if source.kind() == std::io::ErrorKind::StorageFull =>
            {
                "free some space; what was exported before is untouched"
            }
            ExportError::Blob { .. } => {
                "a file of the archive is gone or damaged: import again, with the same \
                 --issues-export if it came from there"
            }
            ExportError::Write(_) => "check the permissions of the output folder",
            ExportError::Mirror(_) => "check that git is installed",
            ExportError::DamagedMirror { .. } => {
                "import the repository again: what is missing of the mirror is made anew"
            }
            ExportError::Database(_) => "check the disk and the data directory",
            ExportError::Lost => "please report it",
        };
        Self::from_error(&error).remedy(remedy)
    }
}

impl From<RestoreError> for Problem {
    fn from(error: RestoreError) -> Self {
        let is_full = matches!(
            &error,
            RestoreError::Blob(BlobError::DiskFull(_))
                | RestoreError::Mirror(MirrorError::DiskFull { .. })
                | RestoreError::Database(DatabaseError::DiskFull(_))
        );
        let (remedy, exit) = match &error {
            _ if is_full => (DISK_FULL, Exit::Failed),
            RestoreError::Read(
                ReadExportError::NotAnExport { .. }
                | ReadExportError::Format { .. }
                | ReadExportError::Unknown { .. },
            ) => (
                "name the folder that “bucketload export” wrote to; a newer layout needs a newer \
                 bucketload",
                Exit::Usage,
            ),
            RestoreError::Read(ReadExportError::Read { .. }) => {
                ("check the folder and its permissions", Exit::Failed)
            }
            RestoreError::Read(_) | RestoreError::Object { .. } | RestoreError::Key { .. } => (
                "the export was changed or damaged since it was written: take another copy of it",
                Exit::Failed,
            ),
            RestoreError::AlreadyThere { .. } => (
                "nothing was changed; read it into another archive with --data-dir",
                Exit::Usage,
            ),
            RestoreError::Mirror(MirrorError::NotAMirror { .. }) => (
                "something else lies where the git history should go: move it away",
                Exit::Failed,
            ),
            RestoreError::Mirror(MirrorError::Corrupt { .. }) => (
                "the bundle in the export is damaged: take another copy of it",
                Exit::Failed,
            ),
            RestoreError::Copy(_) => (OBJECT_STORE, Exit::Failed),
            RestoreError::Mirror(_) => ("check that git is installed", Exit::Failed),
            RestoreError::Blob(_) | RestoreError::Lfs(_) | RestoreError::Database(_) => {
                ("check the disk and the data directory", Exit::Failed)
            }
            RestoreError::Stopped => (
                "run the same command again: what was read back whole is kept",
                Exit::Interrupted,
            ),
            RestoreError::Lost => ("please report it", Exit::Failed),
        };
        Self::from_error(&error).remedy(remedy).with_exit(exit)
    }
}

impl From<VerifyError> for Problem {
    fn from(error: VerifyError) -> Self {
        let remedy = match &error {
            VerifyError::Database(_) => "check the disk and the data directory",
            VerifyError::Copy(_) => OBJECT_STORE,
            VerifyError::Mirror(_) => "check that git is installed",
            VerifyError::Lost => "please report it",
        };
        Self::from_error(&error).remedy(remedy)
    }
}
