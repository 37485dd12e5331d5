//! Exports of issues that cannot be taken in, in words.

use std::path::Path;

use bucketload_archive::BlobError;
use bucketload_model::{ErrorClass, RepositoryName};
use bucketload_worker::{IssueExportError, StageError};

use super::{Exit, Problem, RUN_AGAIN};

/// Why the issues of an export could not be taken in.
pub(crate) fn issue_export_failure(
    name: &RepositoryName,
    file: &Path,
    error: &IssueExportError,
) -> Problem {
    let what = format!("cannot take the issues of {name} from {}", file.display());
    let problem = Problem::of(what, error);
    match error {
        IssueExportError::Read { .. } => problem
            .remedy("check the path and the permissions of the file")
            .with_usage_exit(),
        IssueExportError::Zip(_)
        | IssueExportError::NoDocument
        | IssueExportError::Document(_)
        | IssueExportError::NotText(_) => problem
            .remedy(
                "give the zip as Bitbucket made it, or the db-2.0.json out of it; a copy that \
                 was cut short will not do",
            )
            .with_usage_exit(),
        IssueExportError::TooManyFiles { .. }
        | IssueExportError::SameName
        | IssueExportError::Bomb { .. }
        | IssueExportError::DocumentTooLarge { .. } => problem
            .remedy("nothing of it was kept. Do not trust this file unless you made it yourself")
            .with_usage_exit(),
        IssueExportError::Store(BlobError::DiskFull(_)) => {
            problem.remedy("free some space, then run the same command again")
        }
        IssueExportError::Store(_) | IssueExportError::Database(_) => {
            problem.remedy("check the disk and the data directory, then run the same command again")
        }
        IssueExportError::Stopped => problem.remedy(RUN_AGAIN).with_exit(Exit::Interrupted),
        IssueExportError::Lost => problem.remedy("please report it"),
    }
}

/// What was kept may be all that is left: the import that follows then need not be.
pub(crate) fn with_offline(problem: Problem, error: &StageError) -> Problem {
    const OFFLINE: &str = "what you gave is in the archive. If Bitbucket has lost the \
                           repository, add --offline: nothing more is asked for then";
    if !matches!(error.class(), ErrorClass::NotFound | ErrorClass::Gone) {
        return problem;
    }
    let remedy = match problem.what_to_do() {
        Some(remedy) => format!("{remedy}; {OFFLINE}"),
        None => OFFLINE.to_owned(),
    };
    problem.remedy(remedy)
}
