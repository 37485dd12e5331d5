//! What Bitbucket shows to people before they import: their workspaces and repositories,
//! asked for with a credential that they may use.
//!
//! Somebody waits for these answers: none is awaited for long, each is kept for a short while,
//! and all are counted in the account of the credential's bucket.

pub(crate) mod credentials;
pub(crate) mod lists;
pub(crate) mod shelf;
pub(crate) mod trouble;
