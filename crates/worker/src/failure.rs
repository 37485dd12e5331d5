//! What a failure means, decided in one place by its class alone.

use bucketload_archive::mirror::MirrorError;
use bucketload_archive::{CopyError, DatabaseError};
use bucketload_auth::GrantError;
use bucketload_bitbucket::{RequestError, RequestErrorKind};
use bucketload_model::{ErrorClass, Gap, GapReason, Stage};

/// A stage that could not end. What it stored stays.
#[derive(Debug, thiserror::Error)]
pub enum StageError {
    /// A request failed for good.
    #[error("Bitbucket's answer could not be used")]
    Request(#[source] Box<RequestError>),
    /// The mirror could not be brought up to date.
    #[error("the git mirror could not be brought up to date")]
    Mirror(#[from] MirrorError),
    /// There is no token to go on with.
    #[error("git's requests cannot be signed")]
    Credential(#[from] GrantError),
    /// The database failed.
    #[error("the archive's database failed")]
    Database(#[from] DatabaseError),
    /// A file or folder of the archive could not be changed.
    #[error("a file of the archive could not be changed")]
    File(#[from] std::io::Error),
    /// The mirror cannot be had from the object store, or not be put there.
    #[error("the copies of the git mirror in the object store cannot be used")]
    Copy(#[source] CopyError),
    /// Bitbucket failed for one object after the other.
    #[error("Bitbucket failed for {failures} objects in a row, the last one with")]
    Outage {
        /// How many.
        failures: u32,
        /// The last one.
        #[source]
        source: Box<RequestError>,
    },
    /// The caller asked to stop.
    #[error("stopped on request")]
    Cancelled,
    /// Somebody else runs the import now.
    #[error("another process has taken the import over")]
    LeaseLost,
    /// A stage panicked or its task was lost: a defect of this program.
    #[error("the stage broke off because of a defect in bucketload")]
    Lost,
}

impl From<RequestError> for StageError {
    fn from(error: RequestError) -> Self {
        match error.kind {
            RequestErrorKind::Stopped => Self::Cancelled,
            _ => Self::Request(Box::new(error)),
        }
    }
}

impl From<CopyError> for StageError {
    fn from(error: CopyError) -> Self {
        match error {
            CopyError::Database(error) => Self::Database(error),
            CopyError::Mirror(error) => Self::Mirror(error),
            CopyError::Store(error) => Self::File(error),
            CopyError::Lost => Self::Lost,
            CopyError::Damaged { .. } | CopyError::Overtaken => Self::Copy(error),
        }
    }
}

impl StageError {
    /// The class of the failure.
    pub fn class(&self) -> ErrorClass {
        match self {
            Self::Request(error) | Self::Outage { source: error, .. } => error.class(),
            Self::Mirror(error) => error.class(),
            Self::Database(error) => error.class(),
            Self::Credential(error) => error.class(),
            Self::Cancelled | Self::LeaseLost => ErrorClass::Cancelled,
            Self::Copy(CopyError::Overtaken) => ErrorClass::Transient,
            Self::File(_) | Self::Copy(_) | Self::Lost => ErrorClass::Permanent,
        }
    }

    /// Whether the other stages should stop too: nothing would come of them.
    pub(crate) fn stops_everything(&self) -> bool {
        match self {
            Self::Database(_) | Self::File(_) | Self::Copy(_) | Self::LeaseLost | Self::Lost => {
                true
            }
            // Whoever stopped this one has told the others, too: some may finish first.
            Self::Cancelled => false,
            Self::Mirror(error) => matches!(error, MirrorError::DiskFull { .. }),
            // A spent quota stops the requests of its bucket by itself.
            Self::Request(_) | Self::Credential(_) | Self::Outage { .. } => {
                self.class() == ErrorClass::Unauthorized
            }
        }
    }
}

/// The reason for a gap, where a failed list or object is a gap and not a failure.
///
/// `None` where trying again later may help, or where the whole import has a
/// problem: then the stage fails and can be resumed.
pub(crate) fn gap_reason(stage: Stage, class: ErrorClass) -> Option<GapReason> {
    match class {
        ErrorClass::Forbidden => Some(GapReason::NotPermitted),
        ErrorClass::NotFound => Some(GapReason::NotFound),
        ErrorClass::Gone => Some(GapReason::RemovedByAtlassian),
        // Some tokens are “not supported for this endpoint”: those of a repository may
        // not ask for members or permissions. The repository itself was read with it.
        ErrorClass::Unauthorized if matches!(stage, Stage::Users | Stage::Settings) => {
            Some(GapReason::NotPermitted)
        }
        _ => None,
    }
}

/// The reason for a gap of one object among many. One that fails is a gap and
/// costs nobody the others.
pub(crate) fn object_gap_reason(stage: Stage, class: ErrorClass) -> Option<GapReason> {
    gap_reason(stage, class).or(match class {
        ErrorClass::Transient => Some(GapReason::SourceError),
        ErrorClass::Permanent => Some(GapReason::Unreadable),
        _ => None,
    })
}

/// A gap for a failed request, in words, with the scope that was wanting.
pub(crate) fn gap(stage: Stage, object: String, reason: GapReason, error: &RequestError) -> Gap {
    let mut detail = describe(&error.kind);
    if let RequestErrorKind::Status {
        status: 401 | 403,
        accepted_scopes: Some(scopes),
        ..
    } = &error.kind
    {
        detail = format!("{detail}; it needs the scope {scopes}");
    }
    Gap {
        stage,
        object,
        reason,
        detail,
        url: Some(error.url.to_string()),
    }
}

/// An error with its causes on one line.
pub(crate) fn describe(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
