#![doc = include_str!("../README.md")]

mod answer;
mod api;
mod buckets;
mod client;
mod endpoint;
mod entity_tag;
mod error;
mod file;
#[doc(hidden)]
pub mod fuzzing;
mod gate;
mod governor;
mod image;
mod lenient;
mod lfs;
mod models;
mod options;
mod page;
mod raw;
mod removals;
mod request;
mod server_clock;
mod storage;

pub use api::{ObjectVersion, PullRequestFilter, RepositoriesOptions, Role};
pub use buckets::QuotaSettings;
pub use client::Client;
pub use endpoint::Endpoint;
pub use entity_tag::EntityTag;
pub use error::{BuildError, RequestError, RequestErrorKind};
pub use file::FileDownload;
pub use governor::{Governor, GovernorOptions};
pub use image::ImageHosts;
pub use lenient::Loose;
pub use lfs::{LfsAction, LfsAnswer, LfsBatch, LfsDownload, LfsRefusal};
pub use models::{
    Account, Activity, ActivityKind, BranchRestriction, BranchingModel, Comment, Commit,
    CommitAuthor, CommitStatus, DeployKey, Download, EffectiveReviewer, EmailAddress, Environment,
    FileChange, FileSide, Group, Hook, Inline, InlineAnchor, Issue, IssueAttachment, IssueChange,
    IssueComment, IssueField, KnownHost, Membership, ModelBranch, Permission, PipelinesConfig,
    Project, PullRequest, Ref, Repository, Schedule, Task, Update, Variable, Verdict, Workspace,
    WorkspaceAccess,
};
pub use options::{ClientOptions, WaitPolicy};
pub use page::{Answer, Item, Page, PageUrl, UnreadableItem};
pub use raw::RawAnswer;
pub use request::Unless;
