#![doc = include_str!("../README.md")]

mod blobs;
mod copies;
mod data_dir;
mod database;
mod export;
mod health;
mod hexadecimal;
mod lease_file;
mod lfs;
pub mod mirror;
mod objects;
mod people;
mod secret_key;
pub mod verify;

pub use blobs::{Blob, BlobError, BlobStore, BlobWriter};
pub use copies::{CopyError, NewCopy, bring_mirror, copy_mirror, prepare_copy};
pub use data_dir::{DataDir, DataDirError, DataDirLock};
pub use database::{
    AccountRecord, ActivityComment, ActivityRecord, Archive, CommentRecord, CommentShape,
    CoveredList, CredentialError, CredentialRecord, CredentialSecret, CredentialStore,
    DatabaseAddress, DatabaseError, DatabaseHealth, ImportStart, ListBegin, MemberRecord,
    NewCredential, OpenError, ParseAddressError, PendingParent, PostgresAddress, PullRequestRecord,
    RepositoryRecord, StageProgress, Stored, StoredActivity, StoredImport, StoredRepository,
    Tagged, Tally, Transaction,
};
// Bringing a schema up to date.
pub use database::{Amount, RepositoryEntry, RepositoryFilter};
pub use database::{BackupError, BackupPlan, Obstacle, Upgrade};
pub use database::{ImportRequests, QuotaUse};
pub use database::{ListDigest, ProofRecord, StoredVersion};
pub use database::{Lost, Overview};
// How imports go, for people who look at them.
pub use database::{ImportLine, LogEntry, StageAdvance, StageLine, Transferred};
// Objects without columns of their own, and lists of children.
pub use database::{ObjectKey, ObjectRecord, Parents, StoredObject};
// Issues.
pub use database::{
    AttachmentRecord, ChangeRecord, FieldRecord, IssueCommentRecord, IssueCounts,
    IssueExportRecord, IssueOrigin, IssueRecord, IssueTallies, MissingAttachment,
    RestoredAttachment, RestoredChange, provisional_repository, short_key,
};
// Pull requests and issues, for people who read them.
pub use database::{
    CommentPage, DiscussionFilter, DiscussionList, IssueEntry, NamedFile, PullRequestEntry,
    ShownImage, StateCounts, StoredComment,
};
// People.
pub use database::{Involvement, Involvements};
pub use people::{NameKind, PeopleMet, Person, PersonName};
// Images that texts link to.
pub use database::{ImageLink, ImageTally, LinkedImage, StoredImage, StoredText};
// Bundles of mirrors, for other machines.
pub use database::{MirrorKind, StoredCopy};
// Wikis and LFS.
pub use database::{StoredLfsObject, StoredWiki, WikiOrigin};
pub use lfs::pointer::parse as parse_lfs_pointer;
pub use lfs::{LfsStore, LfsStoreError, LfsWriter};
// The people who use the service.
pub use database::{
    AuditEntry, CodeFor, IdentityRecord, SecretHash, ServiceTokenRecord, SessionRecord, UserRecord,
};
// The queue.
pub use database::{
    Claim, Claimed, Enqueued, ImportFilter, ImportSummary, MoveError, NewImport, Release, Schedule,
    ScheduleLook, Wanted,
};
// What somebody is to be told.
pub use database::{
    ClaimedNotice, Delivery, DeliveryClaim, Failure, NewNotice, Notice, NoticeEntry,
};
// For libraries that keep tables of their own beside ours.
pub use database::{Driver, DriverConnection};
pub use export::{ExportError, ExportedFile, Manifest, export_jsonl};
pub use export::{ExportFolder, ExportedLine, ReadExportError, find_exports};
pub use health::{DataDirHealth, FolderHealth};
pub use lease_file::{LeaseFile, Life};
pub use objects::{Objects, ObjectsAddress, ObjectsError};
pub use secret_key::{KeyRotation, SecretKeyError};
