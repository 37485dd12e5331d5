//! What can go wrong with a mirror.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bucketload_model::{ErrorClass, LedgerError, NoLeave};
use chrono::{DateTime, Utc};

/// A mirror could not be made, brought up to date or read.
///
/// No message holds a credential: the header is never part of an error, and
/// addresses with a user or password in them are refused before use.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MirrorError {
    /// The address of the remote cannot be used.
    #[error("the address of the remote repository cannot be used: {reason}")]
    Url {
        /// Why.
        reason: &'static str,
    },
    /// The folder holds something that is not a mirror.
    #[error("{} holds files, but is not a bare repository", path.display())]
    NotAMirror {
        /// The folder.
        path: PathBuf,
    },
    /// A copy that somebody kept cannot be taken.
    #[error("{} cannot be taken: {problem}", path.display())]
    NotACopy {
        /// The file or folder.
        path: PathBuf,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// The mirror belongs to another user, so libgit2 does not read it.
    #[error("{} belongs to another user", path.display())]
    ForeignOwner {
        /// The mirror.
        path: PathBuf,
    },
    /// Another process, or another thread, works on this mirror.
    #[error("another import is working on {}", path.display())]
    Busy {
        /// The mirror.
        path: PathBuf,
    },
    /// The caller asked to stop.
    #[error("the git transfer was cancelled")]
    Cancelled,
    /// No or no valid credential (401).
    #[error("the git server wants a valid credential")]
    Unauthorized,
    /// The credential is valid, but may not read this repository (403).
    #[error("the credential may not read this git repository")]
    Forbidden,
    /// There is no such repository, or it is hidden from this credential (404).
    #[error("the git server knows no such repository")]
    NotFound,
    /// Too many requests (429).
    #[error("the git server asks to slow down")]
    RateLimited {
        /// How long it asks to wait, if it said so in seconds.
        retry_after: Option<Duration>,
    },
    /// The quota is spent, and the caller does not want to wait.
    #[error("the quota of git requests is spent until {until}")]
    QuotaSpent {
        /// When requests may go on.
        until: DateTime<Utc>,
    },
    /// The account of requests cannot be kept, so none may be sent.
    #[error("git requests cannot be counted")]
    Ledger(#[source] LedgerError),
    /// Any other answer that is not a success.
    #[error("the git server answered with HTTP status {status}")]
    Status {
        /// The status.
        status: u16,
    },
    /// The server points to another address, which is not followed, because
    /// the credential is for the first one alone.
    #[error("the git server points to another address ({to}), which is not followed")]
    Redirected {
        /// Scheme, host and port of the other address.
        to: String,
    },
    /// The network failed.
    #[error("the connection to the git server failed")]
    Network {
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The server sent nothing for too long.
    #[error("the git server sent nothing for {} seconds", after.as_secs())]
    Stalled {
        /// How long it was waited for.
        after: Duration,
    },
    /// The server was not understood.
    #[error("the git server was not understood")]
    Protocol {
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The repository names its objects by SHA-256.
    #[error("the repository names its objects by SHA-256, which is not supported")]
    ObjectFormat,
    /// The remote changed faster than it could be read.
    #[error("the remote refs kept moving while they were read")]
    Moving,
    /// The mirror's refs are not those that the remote listed.
    #[error("the remote lists {listed} refs, the mirror has {stored} of them")]
    RefsMismatch {
        /// Refs that the remote listed.
        listed: u64,
        /// Of these, how many the mirror has with the same target.
        stored: u64,
    },
    /// Objects are missing behind the refs of a clone that came in segments.
    #[error("the segments of the clone do not make a whole; it begins anew")]
    NotWhole,
    /// There is no space left.
    #[error("no space left to write {}", path.display())]
    DiskFull {
        /// What was written.
        path: PathBuf,
    },
    /// A file could not be read or written.
    #[error("could not {action} {}", path.display())]
    Io {
        /// What was done.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// Why it failed.
        #[source]
        source: io::Error,
    },
    /// The mirror cannot be read.
    #[error("the mirror {} is damaged", path.display())]
    Corrupt {
        /// The mirror.
        path: PathBuf,
        /// What is wrong.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The `git` program could not be started.
    #[error("the git program could not be started")]
    GitMissing {
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The `git` program failed.
    #[error("git {command} failed: {detail}")]
    GitProgram {
        /// The subcommand.
        command: &'static str,
        /// The end of what it said.
        detail: String,
    },
}

impl MirrorError {
    /// The class that decides what happens next.
    pub fn class(&self) -> ErrorClass {
        match self {
            Self::Cancelled => ErrorClass::Cancelled,
            Self::Unauthorized => ErrorClass::Unauthorized,
            Self::Forbidden => ErrorClass::Forbidden,
            Self::NotFound => ErrorClass::NotFound,
            Self::RateLimited { .. } | Self::QuotaSpent { .. } => ErrorClass::RateLimited,
            Self::Status { status: 410 } => ErrorClass::Gone,
            Self::Status { status } if *status >= 500 || *status == 408 => ErrorClass::Transient,
            Self::Network { .. }
            | Self::Stalled { .. }
            | Self::Moving
            | Self::NotWhole
            | Self::Busy { .. } => ErrorClass::Transient,
            Self::Ledger(_)
            | Self::Url { .. }
            | Self::NotAMirror { .. }
            | Self::NotACopy { .. }
            | Self::ForeignOwner { .. }
            | Self::Status { .. }
            | Self::Redirected { .. }
            | Self::Protocol { .. }
            | Self::ObjectFormat
            | Self::RefsMismatch { .. }
            | Self::DiskFull { .. }
            | Self::Io { .. }
            | Self::Corrupt { .. }
            | Self::GitMissing { .. }
            | Self::GitProgram { .. } => ErrorClass::Permanent,
        }
    }

    /// Whether the `git` program may succeed where gix did not: only where
    /// the two sides did not understand each other.
    pub(super) fn another_transport_may_help(&self) -> bool {
        matches!(
            self,
            Self::Protocol { .. }
                | Self::Status {
                    status: 400..=409 | 411..=499
                }
        )
    }

    /// The error of an HTTP status that is not a success.
    pub(super) fn from_status(status: u16) -> Self {
        match status {
            401 => Self::Unauthorized,
            403 => Self::Forbidden,
            404 => Self::NotFound,
            429 => Self::RateLimited { retry_after: None },
            status => Self::Status { status },
        }
    }

    pub(super) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| {
            let path = path.to_owned();
            if is_disk_full(&source) {
                Self::DiskFull { path }
            } else {
                Self::Io {
                    action,
                    path,
                    source,
                }
            }
        }
    }

    pub(super) fn corrupt<E>(path: &Path) -> impl FnOnce(E) -> Self
    where
        E: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        move |source| Self::Corrupt {
            path: path.to_owned(),
            source: source.into(),
        }
    }
}

impl From<NoLeave> for MirrorError {
    fn from(reason: NoLeave) -> Self {
        match reason {
            NoLeave::Until(until) => Self::QuotaSpent { until },
            NoLeave::Ledger(error) => Self::Ledger(error),
        }
    }
}

/// A full disk and a spent quota are the same to whoever has to make room.
pub(super) fn is_disk_full(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded
    )
}
