#![doc = include_str!("../README.md")]

mod checkpoint;
mod clock;
mod credential;
mod error_class;
mod gap;
mod happening;
mod host;
mod ids;
mod lease;
mod leave;
mod lfs;
mod limits;
mod mention;
mod notice;
mod progress;
mod quota;
mod removal;
mod report;
mod source;
mod stage;
mod transition;
mod user;
mod words;

pub use checkpoint::Checkpoint;
pub use clock::{Clock, ManualClock, SystemClock};
pub use credential::CredentialId;
pub use error_class::ErrorClass;
pub use gap::{Gap, GapReason};
pub use happening::{Happening, ParseHappeningError};
pub use host::is_loopback;
pub use ids::{
    AccountId, AccountUuid, BranchRestrictionId, CommentId, CommitHash, EnvironmentUuid, ImportId,
    IssueChangeId, IssueId, ParseIdError, PullRequestId, RepositoryName, RepositorySlug,
    RepositoryUuid, TaskId, WorkspaceSlug,
};
pub use lease::{Fence, Lease, LeaseOwner};
pub use leave::{GateFuture, Leave, NoLeave, RequestGate};
pub use lfs::{LfsObject, LfsOid};
pub use limits::{Limits, ParsePriorityError, Priority};
pub use mention::{Mention, mentions};
pub use notice::{ChannelKind, DeliveryState, NoticeId, NoticeKind};
pub use progress::{
    AnswerClass, GitPhase, GitSegment, GitTransfer, NullSink, ProgressEvent, ProgressSink,
    QueuePart, RecordingSink, Wait, WaitReason,
};
pub use quota::{
    BucketChange, BucketState, LedgerError, LedgerFuture, MemoryLedger, QuotaLedger, QuotaRule,
    QuotaSaid, RateBucket, Taken, Verdict,
};
pub use removal::AnnouncedRemoval;
pub use report::{
    GitReport, ImportReport, ImportState, RequestEstimate, RequestReport, StageReport, StageState,
};
pub use source::{ParseSourceError, Source};
pub use stage::{ParseStageError, Stage};
pub use transition::{ImportEvent, WrongTransition};
pub use user::{TokenScope, UserId, UserRole, UserState};
pub use words::ParseWordError;
