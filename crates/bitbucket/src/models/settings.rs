//! Settings of a repository.

use bucketload_model::BranchRestrictionId;
use serde::Deserialize;

use crate::lenient::{Loose, scalar};
use crate::models::Account;

/// Somebody who is asked to review every pull request.
#[derive(Debug, Clone, Deserialize)]
pub struct EffectiveReviewer {
    /// Who.
    pub user: Loose<Account>,
    /// `repository` or `project`: where it is set.
    #[serde(default, deserialize_with = "scalar")]
    pub reviewer_type: Option<String>,
}

/// A rule about branches.
#[derive(Debug, Clone, Deserialize)]
pub struct BranchRestriction {
    /// Its id.
    pub id: BranchRestrictionId,
    /// What it restricts, such as `push`.
    #[serde(default, deserialize_with = "scalar")]
    pub kind: Option<String>,
    /// `glob` or `branching_model`: how branches are meant.
    #[serde(default, deserialize_with = "scalar")]
    pub branch_match_kind: Option<String>,
    /// The branches, by name with `*`.
    #[serde(default, deserialize_with = "scalar")]
    pub pattern: Option<String>,
}

/// A branching model, in force or as configured.
#[derive(Debug, Clone, Deserialize)]
pub struct BranchingModel {
    /// The branch for development.
    #[serde(default, deserialize_with = "scalar")]
    pub development: Option<ModelBranch>,
    /// The branch for production.
    #[serde(default, deserialize_with = "scalar")]
    pub production: Option<ModelBranch>,
}

/// A branch with a part in the branching model.
#[derive(Debug, Clone, Deserialize)]
pub struct ModelBranch {
    /// Its name.
    #[serde(default, deserialize_with = "scalar")]
    pub name: Option<String>,
    /// Whether it is the default branch, whatever that is called.
    #[serde(default, deserialize_with = "scalar")]
    pub use_mainbranch: Option<bool>,
}

/// What a user or a group may do with the repository.
#[derive(Debug, Clone, Deserialize)]
pub struct Permission {
    /// `read`, `write`, `admin` or `none`.
    pub permission: String,
    /// The user, where it is one.
    pub user: Option<Loose<Account>>,
    /// The group, where it is one.
    #[serde(default, deserialize_with = "scalar")]
    pub group: Option<Group>,
}

/// A group of a workspace's members.
#[derive(Debug, Clone, Deserialize)]
pub struct Group {
    /// Its name in addresses.
    pub slug: String,
}

/// A webhook.
#[derive(Debug, Clone, Deserialize)]
pub struct Hook {
    /// Its id, in braces.
    pub uuid: String,
    /// Whether it is called.
    #[serde(default, deserialize_with = "scalar")]
    pub active: Option<bool>,
    /// Whether calls are signed. The secret itself is never shown.
    #[serde(default, deserialize_with = "scalar")]
    pub secret_set: Option<bool>,
}

/// A public key that may read the repository over SSH.
#[derive(Debug, Clone, Deserialize)]
pub struct DeployKey {
    /// The key itself. Bitbucket's document shows no id beside it.
    pub key: String,
    /// What it is called.
    #[serde(default, deserialize_with = "scalar")]
    pub label: Option<String>,
    /// When it was added.
    #[serde(default, deserialize_with = "scalar")]
    pub added_on: Option<String>,
}
