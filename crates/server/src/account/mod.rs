//! What a user sees and decides about themselves.

pub(crate) mod connections;
pub(crate) mod identities;
pub(crate) mod page;
pub(crate) mod sessions;
pub(crate) mod tokens;
