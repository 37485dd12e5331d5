//! People, as the API names them.

use schemars::JsonSchema;
use serde::Serialize;

use crate::discussion::{Account, Known};

/// Somebody.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct PersonName {
    /// What they are called, as the archive knows them last.
    name: String,
    /// What they were called before, the latest last.
    former_names: Vec<String>,
    /// Whether the account is gone.
    is_former: bool,
}

impl PersonName {
    pub(super) fn of(account: Option<&Account>, known: &Known) -> Self {
        let someone = known.person(account);
        Self {
            name: someone.name,
            former_names: someone.former_names,
            is_former: someone.is_former,
        }
    }
}
