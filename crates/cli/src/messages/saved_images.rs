//! Folders of images that cannot be taken in, in words.

use std::path::Path;

use bucketload_archive::BlobError;
use bucketload_model::RepositoryName;
use bucketload_worker::{FolderError, TakeImagesError};

use super::{Exit, Problem, RUN_AGAIN};

/// Why images could not be taken from a folder.
pub(crate) fn saved_images_failure(
    name: &RepositoryName,
    folder: &Path,
    error: &TakeImagesError,
) -> Problem {
    let what = format!("cannot take images of {name} from {}", folder.display());
    let problem = Problem::of(what, error);
    match error {
        TakeImagesError::Unknown(_) => problem
            .remedy(format!("import it first (bucketload import {name}), so that it is known which images its texts have"))
            .with_usage_exit(),
        TakeImagesError::Folder(FolderError::Read { .. }) => problem
            .remedy("check the path and the permissions of the folder")
            .with_usage_exit(),
        TakeImagesError::Folder(FolderError::TooManyFiles { .. }) => problem
            .remedy("give a folder that has the saved images only")
            .with_usage_exit(),
        TakeImagesError::Folder(FolderError::Ambiguous { .. }) => problem
            .remedy(
                "nothing was taken. Put the file into a folder that is called as what stands \
                 behind /repo/ in its address, or write that and a hyphen before its name",
            )
            .with_usage_exit(),
        TakeImagesError::Folder(FolderError::Twice { .. }) => problem
            .remedy("nothing was taken. Look at both, and take the wrong one away")
            .with_usage_exit(),
        TakeImagesError::Store(BlobError::DiskFull(_)) => {
            problem.remedy("free some space, then run the same command again")
        }
        TakeImagesError::Store(_) | TakeImagesError::Database(_) => {
            problem.remedy("check the disk and the data directory, then run the same command again")
        }
        TakeImagesError::Stopped => problem.remedy(RUN_AGAIN).with_exit(Exit::Interrupted),
        TakeImagesError::Lost => problem.remedy("please report it"),
    }
}
