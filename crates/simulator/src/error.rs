//! What can go wrong while a simulator is set up; answers to clients are [`ApiError`]s instead.
//!
//! [`ApiError`]: crate::http::reply::ApiError

use std::path::PathBuf;

/// Why a world could not be built, served or changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SimulatorError {
    /// The listening socket could not be opened.
    #[error("cannot listen on {address}")]
    Listen {
        /// The address that was asked for.
        address: std::net::SocketAddr,
        /// What the operating system said.
        #[source]
        source: std::io::Error,
    },
    /// A file or folder could not be read or written.
    #[error("cannot use {}", path.display())]
    File {
        /// The file or folder.
        path: PathBuf,
        /// What the operating system said.
        #[source]
        source: std::io::Error,
    },
    /// The `git` program is missing or failed.
    #[error("git {command} failed: {detail}")]
    Git {
        /// The subcommand.
        command: String,
        /// Its standard error, or why it could not be started.
        detail: String,
    },
    /// A recording is not what it should be.
    #[error("{}, line {line}: {detail}", path.display())]
    Recording {
        /// The `.jsonl.gz` file.
        path: PathBuf,
        /// The line, counted from 1.
        line: usize,
        /// What is wrong with it.
        detail: String,
    },
    /// The options contradict each other or the world.
    #[error("{0}")]
    Options(String),
    /// The object that a mutation names is not in the world.
    #[error("no such {kind}: {name}")]
    Unknown {
        /// Such as `repository` or `pull request`.
        kind: &'static str,
        /// What was asked for.
        name: String,
    },
}

pub(crate) type Result<T, E = SimulatorError> = std::result::Result<T, E>;
