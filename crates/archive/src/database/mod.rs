//! The tables. SQL appears below this folder and nowhere else.

mod accounts;
mod activity;
mod address;
mod audit;
mod blobs;
mod child_lists;
mod comments;
mod covered;
mod credentials;
mod diffs;
mod discussions;
mod driver;
mod entity_tags;
mod error;
mod gaps;
mod health;
mod identities;
mod images;
mod import_log;
mod imports;
mod issues;
mod lfs;
mod lines;
mod live;
mod members;
mod mirror_copies;
mod notices;
mod objects;
mod one_time_codes;
mod open;
mod pending;
mod people;
mod person_names;
mod proofs;
mod pull_requests;
mod queue;
mod quota;
mod quota_uses;
mod removals;
mod reports;
mod repositories;
mod repository_list;
mod secret_hash;
mod service_settings;
mod service_tokens;
mod sessions;
pub(crate) mod sql;
mod stages;
mod texts;
mod users;
mod versions;
mod wikis;

pub use accounts::AccountRecord;
pub use activity::{ActivityComment, ActivityRecord, CommentShape, StoredActivity};
pub use address::{DatabaseAddress, ParseAddressError, PostgresAddress};
pub use audit::AuditEntry;
pub use child_lists::Parents;
pub use comments::CommentRecord;
pub use covered::{CoveredList, ListBegin};
pub use credentials::{
    CredentialError, CredentialRecord, CredentialSecret, CredentialStore, NewCredential,
};
pub use discussions::{
    CommentPage, DiscussionFilter, DiscussionList, IssueEntry, NamedFile, PullRequestEntry,
    ShownImage, StateCounts, StoredComment,
};
pub use driver::{Driver, DriverConnection};
pub use entity_tags::Tagged;
pub use error::{DatabaseError, OpenError};
pub use health::DatabaseHealth;
pub use identities::IdentityRecord;
pub use images::{ImageLink, ImageTally, LinkedImage, StoredImage};
pub use import_log::LogEntry;
pub use imports::{ImportStart, StageProgress, StoredImport};
pub use issues::{
    AttachmentRecord, ChangeRecord, FieldRecord, IssueCommentRecord, IssueCounts,
    IssueExportRecord, IssueOrigin, IssueRecord, IssueTallies, MissingAttachment,
    RestoredAttachment, RestoredChange, provisional_repository, short_key,
};
pub use lfs::StoredLfsObject;
pub use lines::{ImportLine, StageLine};
pub use live::{StageAdvance, Transferred};
pub use members::MemberRecord;
pub use mirror_copies::{MirrorKind, StoredCopy};
pub use notices::{
    ClaimedNotice, Delivery, DeliveryClaim, Failure, NewNotice, Notice, NoticeEntry,
};
pub use objects::{ObjectKey, ObjectRecord, StoredObject};
pub use one_time_codes::CodeFor;
pub use open::Upgrade;
pub use open::backup::{BackupError, BackupPlan};
pub use open::schema::Obstacle;
pub use pending::PendingParent;
pub use people::{Involvement, Involvements};
pub use proofs::{ListDigest, ProofRecord};
pub use pull_requests::PullRequestRecord;
pub use queue::{
    Claim, Claimed, Enqueued, ImportFilter, ImportSummary, Lost, MoveError, NewImport, Release,
    Schedule, ScheduleLook, Wanted,
};
pub use quota_uses::{ImportRequests, QuotaUse};
pub use reports::Overview;
pub use repositories::{RepositoryRecord, StoredRepository};
pub use repository_list::{Amount, RepositoryEntry, RepositoryFilter};
pub use secret_hash::SecretHash;
pub use service_tokens::ServiceTokenRecord;
pub use sessions::SessionRecord;
pub use texts::StoredText;
pub use users::UserRecord;
pub use versions::StoredVersion;
pub use wikis::{StoredWiki, WikiOrigin};

use chrono::{DateTime, Utc};
use sql::{Pool, Session};

/// The archive's database.
///
/// One connection writes, several read. SQLite allows one writer, and waiting for it
/// here is fairer and cheaper than waiting for its file lock. With PostgreSQL, too,
/// the stages of one process take turns: what one of them reads and then writes, the
/// others do not change meanwhile, and they never wait for each other in a circle.
/// Other processes write at the same time; see `Session::lock`.
#[derive(Debug, Clone)]
pub struct Archive {
    writer: Pool,
    reader: Pool,
    /// Writes the account of requests.
    ledger: Pool,
}

/// Rows and the checkpoint that says they are there, written together or not at all.
#[derive(Debug)]
pub struct Transaction {
    inner: Session,
}

/// What storing a page changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Stored {
    /// Objects that were not there before.
    pub inserted: u64,
    /// Objects that were there in another form.
    pub updated: u64,
}

/// How many objects of a kind are there and should be there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tally {
    /// Objects in the archive.
    pub stored: u64,
    /// Objects that Bitbucket reported.
    pub expected: u64,
}

impl Archive {
    /// Begins to write. Others of this process who want to write wait, and with SQLite
    /// those of other processes, too.
    ///
    /// # Errors
    ///
    /// When the database does not answer.
    pub async fn begin(&self) -> Result<Transaction, DatabaseError> {
        let inner = self.writer.begin().await?;
        Ok(Transaction { inner })
    }

    /// A view of the database that stands still while others write.
    ///
    /// # Errors
    ///
    /// When the database does not answer.
    pub(crate) async fn snapshot(&self) -> Result<Session, DatabaseError> {
        self.reader.snapshot().await
    }

    /// Lets go of all connections.
    pub async fn close(&self) {
        self.reader.close().await;
        self.ledger.close().await;
        self.writer.close().await;
    }
}

impl Transaction {
    /// Makes everything written since [`Archive::begin`] permanent. Without it
    /// nothing of it ever happened.
    ///
    /// # Errors
    ///
    /// When the database cannot write.
    pub async fn commit(self) -> Result<(), DatabaseError> {
        self.inner.commit().await
    }
}

/// Counts are never negative and never near the limit of either type.
pub(crate) fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or_default()
}

/// See [`unsigned`].
pub(crate) fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// Times are kept as milliseconds since 1970.
pub(crate) fn time(milliseconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_millis(milliseconds).unwrap_or_default()
}
