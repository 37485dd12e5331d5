//! The repository object.

use bucketload_model::{RepositorySlug, RepositoryUuid};
use serde::Deserialize;

use crate::lenient::{Loose, scalar};
use crate::models::{Account, Project};

/// A repository.
#[derive(Debug, Clone, Deserialize)]
pub struct Repository {
    /// The permanent id.
    pub uuid: RepositoryUuid,
    /// The name in addresses; in lists it says what to import.
    #[serde(default, deserialize_with = "scalar")]
    pub slug: Option<RepositorySlug>,
    /// `workspace/slug`.
    #[serde(default, deserialize_with = "scalar")]
    pub full_name: Option<String>,
    /// The name shown.
    #[serde(default, deserialize_with = "scalar")]
    pub name: Option<String>,
    /// `git`; `hg` was removed in 2020.
    #[serde(default, deserialize_with = "scalar")]
    pub scm: Option<String>,
    /// Whether it has a wiki. Documented, and not sent any more in October 2026.
    #[serde(default, deserialize_with = "scalar")]
    pub has_wiki: Option<bool>,
    /// Whether a credential is needed to read it.
    #[serde(default, deserialize_with = "scalar")]
    pub is_private: Option<bool>,
    /// The default branch; null while the repository is empty.
    #[serde(default, deserialize_with = "scalar")]
    pub mainbranch: Option<MainBranch>,
    /// Size; the unit is not documented, bytes by all appearances.
    #[serde(default, deserialize_with = "scalar")]
    pub size: Option<i64>,
    /// When anything in it last changed.
    #[serde(default, deserialize_with = "scalar")]
    pub updated_on: Option<String>,
    /// The project that it is in.
    #[serde(default, deserialize_with = "scalar")]
    pub project: Option<Project>,
    /// Whether it has an issue tracker; Bitbucket of October 2026 says nothing of it.
    #[serde(default, deserialize_with = "scalar")]
    pub has_issues: Option<bool>,
    /// The language that it is written in, as its people say; often empty.
    #[serde(default, deserialize_with = "scalar")]
    pub language: Option<String>,
    /// Who owns it.
    pub owner: Option<Loose<Account>>,
}

/// The default branch of a repository.
#[derive(Debug, Clone, Deserialize)]
pub struct MainBranch {
    /// Its name, without `refs/heads/`.
    pub name: String,
}
