//! Accounts: users, teams and apps.

use bucketload_model::AccountUuid;
use serde::Deserialize;

use crate::lenient::{Loose, scalar};

/// An account. Names and avatars change, the UUID stays.
#[derive(Debug, Clone, Deserialize)]
pub struct Account {
    /// The permanent id.
    pub uuid: AccountUuid,
    /// `user`, `team` or `app_user`.
    #[serde(rename = "type", default, deserialize_with = "scalar")]
    pub kind: Option<String>,
    /// The Atlassian account id, in one of several shapes.
    #[serde(default, deserialize_with = "scalar")]
    pub account_id: Option<String>,
    /// The name shown. Not unique.
    #[serde(default, deserialize_with = "scalar")]
    pub display_name: Option<String>,
    /// The short name shown. Not unique.
    #[serde(default, deserialize_with = "scalar")]
    pub nickname: Option<String>,
}

/// A member of a workspace.
#[derive(Debug, Clone, Deserialize)]
pub struct Membership {
    /// Who.
    pub user: Loose<Account>,
}

/// An e-mail address of an account.
#[derive(Debug, Clone, Deserialize)]
pub struct EmailAddress {
    /// The address.
    pub email: String,
    /// Whether it is the one that Bitbucket writes to.
    #[serde(default, deserialize_with = "scalar")]
    pub is_primary: Option<bool>,
    /// Whether its owner has shown to read it.
    #[serde(default, deserialize_with = "scalar")]
    pub is_confirmed: Option<bool>,
}
