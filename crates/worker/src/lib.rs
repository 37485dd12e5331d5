#![doc = include_str!("../README.md")]

mod capabilities;
mod compare;
mod context;
mod estimate;
mod failure;
#[doc(hidden)]
pub mod fuzzing;
mod images;
mod import;
mod issue_export;
mod notices;
mod plan;
mod policy;
mod pulse;
pub mod queue;
mod restore;
mod run;
mod stages;
mod wiki_copy;

pub use capabilities::{Access, Capabilities, Capability};
pub use compare::{Difference, LookedAt, Online};
pub use context::{Importer, Selection, SelectionError};
pub use failure::StageError;
pub use images::{
    FolderError, SavedFile, TakeImagesError, TakenImages, bare_addresses, web_address,
};
pub use import::{Failure, ImportError, ImportOutcome};
pub use issue_export::{IssueExportError, IssueExports, MissingFile, TakenExport};
pub use notices::{NoticeOptions, Teller};
pub use plan::{RepositoryPlan, StagePlan};
pub use policy::RetryPolicy;
pub use restore::{RestoreError, Restored, Restorer};
pub use run::LeaseTimes;
pub use wiki_copy::{TakenWiki, WikiCopies, WikiCopyError};
