//! The directory of people: whom the archive knows, under which names, and since when.
//!
//! Bitbucket shows an account as it is today, wherever it stands: who was renamed is renamed
//! in every old comment. What an import saw is therefore kept for each repository, with the
//! time, and never written over. Who is who is found out when it is asked for: one object
//! knows somebody by the UUID, an export of issues by the account id, another object by both.
//!
//! | module | holds |
//! |---|---|
//! | `met` | what is read out of objects: people without an account of their own, mentions |
//! | `directory` | people, put together from names that were met in many places |

mod directory;
mod met;

pub(crate) use directory::{NameRow, assemble};
pub use met::PeopleMet;
pub(crate) use met::{AccountState, MetName};

use std::collections::BTreeSet;

use bucketload_model::{AccountId, AccountUuid, RepositoryUuid, WorkspaceSlug};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// What Bitbucket calls accounts that were deleted. It is nobody's name.
pub(crate) const FORMER_USER: &str = "Former user";

/// A longer one is no name.
pub(crate) const LONGEST_NAME_BYTES: usize = 1024;

/// Which of an account's names one is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NameKind {
    /// The name shown. Not unique.
    DisplayName,
    /// What a text called somebody, where Bitbucket rendered a mention.
    Mention,
    /// The short name shown. Not unique.
    Nickname,
    /// The name of an account before 2019, which was unique. Teams and old exports of issues
    /// have it.
    Username,
}

impl NameKind {
    /// All of them, the one to be called by first.
    pub const ALL: [Self; 4] = [
        Self::DisplayName,
        Self::Mention,
        Self::Nickname,
        Self::Username,
    ];

    /// The word used in the database and in exports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::DisplayName => "display_name",
            Self::Mention => "mention",
            Self::Nickname => "nickname",
            Self::Username => "username",
        }
    }
}

/// A name that somebody has or had.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PersonName {
    /// Which of the names of an account it is.
    pub kind: NameKind,
    /// The name.
    pub name: String,
    /// When the import began that was the first to see it.
    pub first_seen: DateTime<Utc>,
    /// The same of the last one in which it was news.
    pub last_seen: DateTime<Utc>,
}

/// Somebody whom the archive knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// The permanent id, where it is known.
    pub uuid: Option<AccountUuid>,
    /// The Atlassian account id, where it is known.
    pub account_id: Option<AccountId>,
    /// Whether the account was gone when somebody last met it.
    pub is_former: bool,
    /// Every name, those of one kind together, the latest last.
    pub names: Vec<PersonName>,
    /// Where they were met.
    pub repositories: BTreeSet<RepositoryUuid>,
    /// Whose members they are or were.
    pub workspaces: BTreeSet<WorkspaceSlug>,
}

impl Person {
    /// The name to show: the latest that is one.
    pub fn name(&self) -> &str {
        let of_kind = |kind| {
            let names = self.names.iter().rev();
            names
                .filter(move |name| name.kind == kind)
                .map(|name| name.name.as_str())
                .find(|name| *name != FORMER_USER)
        };
        let known = NameKind::ALL.into_iter().find_map(of_kind);
        known.unwrap_or(FORMER_USER)
    }

    /// Whether one of their ids is this text, the UUID with or without braces, or one of
    /// their names has it in it, in capitals or not.
    pub fn matches(&self, text: &str) -> bool {
        let bare = |uuid: &str| uuid.trim_matches(['{', '}']).to_lowercase();
        let uuid = self.uuid.as_ref().map(AccountUuid::as_str);
        let account_id = self.account_id.as_ref().map(AccountId::as_str);
        let wanted = text.to_lowercase();
        uuid.is_some_and(|uuid| bare(uuid) == bare(text))
            || account_id == Some(text)
            || self
                .names
                .iter()
                .any(|name| name.name.to_lowercase().contains(&wanted))
    }
}
