//! The few typed fields that the archive needs.
//!
//! Names are the API's own. Nearly everything is optional, because the live
//! answers differ from the specification in both directions.

mod account;
mod activity;
mod comment;
mod commit;
mod download;
mod issue;
mod link;
mod pipelines;
mod pull_request;
mod repository;
mod settings;
mod task;
mod workspace;

pub use account::{Account, EmailAddress, Membership};
pub use activity::{Activity, ActivityKind, InlineAnchor, Update, Verdict};
pub use comment::{Comment, Inline};
pub use commit::{Commit, CommitAuthor, CommitStatus, FileChange, FileSide, Ref};
pub use download::Download;
pub use issue::{Issue, IssueAttachment, IssueChange, IssueComment, IssueField};
pub use pipelines::{Environment, KnownHost, PipelinesConfig, Schedule, Variable};
pub use pull_request::PullRequest;
pub use repository::Repository;
pub use settings::{
    BranchRestriction, BranchingModel, DeployKey, EffectiveReviewer, Group, Hook, ModelBranch,
    Permission,
};
pub use task::Task;
pub use workspace::{Project, Workspace, WorkspaceAccess};
