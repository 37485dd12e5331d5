//! Workspaces and their projects.

use bucketload_model::WorkspaceSlug;
use serde::Deserialize;

use crate::lenient::scalar;

/// A workspace.
#[derive(Debug, Clone, Deserialize)]
pub struct Workspace {
    /// The name in addresses; it can be changed.
    pub slug: WorkspaceSlug,
    /// The permanent id, in braces.
    #[serde(default, deserialize_with = "scalar")]
    pub uuid: Option<String>,
    /// The name shown.
    #[serde(default, deserialize_with = "scalar")]
    pub name: Option<String>,
}

/// A workspace of the account behind the credential.
#[derive(Debug, Clone, Deserialize)]
pub struct WorkspaceAccess {
    /// Which; without its name.
    pub workspace: Workspace,
    /// Whether the account administers it.
    #[serde(default, deserialize_with = "scalar")]
    pub administrator: Option<bool>,
}

/// A project, which groups repositories of a workspace.
#[derive(Debug, Clone, Deserialize)]
pub struct Project {
    /// Its short name, unique in the workspace; it can be changed.
    pub key: String,
    /// The permanent id, in braces.
    #[serde(default, deserialize_with = "scalar")]
    pub uuid: Option<String>,
    /// The name shown.
    #[serde(default, deserialize_with = "scalar")]
    pub name: Option<String>,
}
