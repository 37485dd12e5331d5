#![doc = include_str!("../README.md")]

mod data_dir;
mod database;
mod export;
mod health;
mod hexadecimal;
pub mod mirror;

pub use data_dir::{DataDir, DataDirError, DataDirLock};
pub use database::{
    AccountRecord, ActivityComment, ActivityRecord, Archive, CommentRecord, CommentShape,
    CoveredList, DatabaseAddress, DatabaseError, DatabaseHealth, ImportStart, ListBegin,
    MemberRecord, OpenError, ParseAddressError, PendingParent, PostgresAddress, PullRequestRecord,
    RepositoryRecord, StageProgress, Stored, StoredActivity, StoredImport, StoredRepository,
    Tagged, Tally, Transaction,
};
pub use export::{ExportError, ExportedFile, Manifest, export_jsonl};
pub use health::{DataDirHealth, FolderHealth};
