#![doc = include_str!("../README.md")]

mod data_dir;
mod database;
mod export;
pub mod mirror;

pub use data_dir::{DataDir, DataDirError, DataDirLock};
pub use database::{
    AccountRecord, Archive, CommentRecord, CoveredList, DatabaseError, ImportStart, ListBegin,
    MemberRecord, OpenError, PendingParent, PullRequestRecord, RepositoryRecord, StageProgress,
    Stored, StoredImport, StoredRepository, Tally, Transaction,
};
pub use export::{ExportError, ExportedFile, Manifest, export_jsonl};
