//! How the grants of people are kept: the seam between refreshing and storage.

use std::error::Error;
use std::fmt::Debug;
use std::pin::Pin;

use bucketload_model::CredentialId;
use chrono::{DateTime, Utc};

use crate::OpenError;
use crate::oauth::TokenSet;

/// What a keeper answers.
pub type KeeperFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T, KeeperError>> + Send + 'a>>;

/// A grant as it is kept.
#[derive(Debug, Clone)]
pub struct KeptGrant {
    /// Its tokens.
    pub tokens: TokenSet,
    /// When they were given.
    pub renewed_at: DateTime<Utc>,
    /// Grows with every renewal; tells newer tokens from older ones.
    pub revision: u64,
    /// Why it is of no more use, if it is not.
    pub dead_because: Option<String>,
}

/// The right to renew a grant, for a short time. It ends by itself, because its
/// holder may have died.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// Who holds it.
    pub holder: String,
    /// When it ends.
    pub until: DateTime<Utc>,
}

/// The keeper failed.
#[derive(Debug, thiserror::Error)]
pub enum KeeperError {
    /// There is no such credential, or no longer.
    #[error("the credential was removed")]
    Removed,
    /// Its secret stays shut.
    #[error("the secret of the credential cannot be opened")]
    Sealed(#[source] OpenError),
    /// Its storage failed.
    #[error("the credential cannot be read or stored")]
    Store(#[source] Box<dyn Error + Send + Sync>),
}

/// Keeps grants, for every process that uses them.
pub trait GrantKeeper: Debug + Send + Sync {
    /// The grant as it is now.
    fn grant(&self, id: CredentialId) -> KeeperFuture<'_, KeptGrant>;

    /// Takes the lease of a grant that is still at `revision`. False when somebody
    /// else holds it at `now`, or the grant has moved on.
    fn take_lease<'a>(
        &'a self,
        id: CredentialId,
        revision: u64,
        lease: &'a Lease,
        now: DateTime<Utc>,
    ) -> KeeperFuture<'a, bool>;

    /// Gives a lease back.
    fn end_lease<'a>(&'a self, id: CredentialId, holder: &'a str) -> KeeperFuture<'a, ()>;

    /// Replaces the tokens of `revision` and ends its lease. When this returns they
    /// are on the disk. A grant that has moved on is left as it is. Returns what is
    /// kept now.
    fn renew<'a>(
        &'a self,
        id: CredentialId,
        revision: u64,
        tokens: &'a TokenSet,
        now: DateTime<Utc>,
    ) -> KeeperFuture<'a, KeptGrant>;

    /// Notes that a grant is dead, unless it has moved on from `revision`: then
    /// somebody else has renewed it, and the answer is false.
    fn bury<'a>(
        &'a self,
        id: CredentialId,
        revision: u64,
        reason: &'a str,
    ) -> KeeperFuture<'a, bool>;
}
