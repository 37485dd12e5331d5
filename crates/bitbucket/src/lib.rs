#![doc = include_str!("../README.md")]

mod answer;
mod api;
mod client;
mod endpoint;
mod error;
mod governor;
mod lenient;
mod models;
mod page;
mod raw;
mod removals;

pub use api::{PullRequestFilter, RepositoriesOptions, Role};
pub use client::{Client, ClientOptions, WaitPolicy};
pub use endpoint::Endpoint;
pub use error::{BuildError, RequestError, RequestErrorKind};
pub use governor::{Governor, GovernorOptions, Leave, NoLeave};
pub use lenient::Loose;
pub use models::{
    Account, Activity, ActivityKind, BranchRestriction, BranchingModel, Comment, Commit,
    CommitAuthor, CommitStatus, DeployKey, Download, EffectiveReviewer, Environment, FileChange,
    FileSide, Group, Hook, Inline, InlineAnchor, Issue, IssueAttachment, IssueChange, IssueComment,
    IssueField, KnownHost, Membership, ModelBranch, Permission, PipelinesConfig, Project,
    PullRequest, Ref, Repository, Schedule, Task, Update, Variable, Verdict, Workspace,
    WorkspaceAccess,
};
pub use page::{Answer, Item, Page, PageUrl, UnreadableItem};
pub use raw::RawAnswer;
