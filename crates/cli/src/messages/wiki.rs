//! Copies of wikis that cannot be taken in, in words.

use std::path::Path;

use bucketload_archive::mirror::MirrorError;
use bucketload_model::RepositoryName;
use bucketload_worker::WikiCopyError;

use super::archive::OBJECT_STORE;
use super::{Exit, Problem, RUN_AGAIN};

/// Why a wiki could not be taken from a copy.
pub(crate) fn wiki_copy_failure(
    name: &RepositoryName,
    copy: &Path,
    error: &WikiCopyError,
) -> Problem {
    let what = format!("cannot take the wiki of {name} from {}", copy.display());
    let cause: &dyn std::error::Error = match error {
        WikiCopyError::Mirror(cause) => cause,
        error => error,
    };
    let problem = Problem::of(what, cause);
    match error {
        WikiCopyError::Mirror(MirrorError::NotACopy { .. }) => problem
            .remedy(
                "give a whole clone of the wiki (git clone, or git clone --mirror), or a bundle \
                 with all its refs (git bundle create FILE --all)",
            )
            .with_usage_exit(),
        WikiCopyError::Mirror(MirrorError::ForeignOwner { .. }) => problem
            .remedy("copy it, so that it is yours, and give the copy")
            .with_usage_exit(),
        WikiCopyError::Mirror(MirrorError::Io { .. }) => problem
            .remedy("check the path and its permissions")
            .with_usage_exit(),
        WikiCopyError::Mirror(MirrorError::DiskFull { .. }) => {
            problem.remedy("free some space, then run the same command again")
        }
        WikiCopyError::Mirror(MirrorError::Busy { .. }) => {
            problem.remedy("wait for the other one to end, or stop it")
        }
        WikiCopyError::Mirror(MirrorError::Cancelled) => {
            problem.remedy(RUN_AGAIN).with_exit(Exit::Interrupted)
        }
        WikiCopyError::Mirror(_) => problem.remedy(
            "run “git fsck” in it; a copy that lacks objects cannot be taken. Nothing of it was \
             kept",
        ),
        WikiCopyError::Occupied(_) => {
            problem.remedy("import one of the two into another data directory")
        }
        WikiCopyError::Database(_) => {
            problem.remedy("check the disk and the data directory, then run the same command again")
        }
        WikiCopyError::Copy(_) => problem.remedy(OBJECT_STORE),
        WikiCopyError::Lost => problem.remedy("please report it"),
    }
}
